package respond_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

func TestRuleGivesTheMachineBackWhenItsAlertIsResolved(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "all")
	w.Settled(p)
	w.Resolve("da1")
	w.Settled(p)
	if got := w.Asked("m1"); !strings.HasSuffix(got, "Isolate UnisolateDevice UnrestrictCodeExecution") &&
		!strings.HasSuffix(got, "Isolate Unisolate UnrestrictCodeExecution") {
		t.Errorf("asked for %s", got)
	}
	if run := w.Run("da1", 2); run.State != runs.Closed || run.Outcome != "released, unrestricted" {
		t.Errorf("run = %+v", run)
	}
	l, err := p.Ledger.Latches.Of(t.Context(), "m1", latches.Isolation)
	if err != nil || l.State != latches.Ended || l.ReleasedAt.IsZero() {
		t.Errorf("latch %+v, %v", l, err)
	}
	if got := w.Kinds(); strings.Count(got, "released by a rule") != 2 { // one for each state, to the one group
		t.Errorf("told %s", got)
	}
	// A later alert isolates it again.
	w.Advance(time.Minute)
	w.CategoryOn("da2", "m1", "isolate")
	w.Settled(p)
	if run := w.Run("da2", 1); run.Outcome != "isolated" || w.Isolations("m1") != 2 {
		t.Errorf("run = %+v", run)
	}
}

func TestNothingIsReleasedThatCordonDidNotIsolate(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world.World, *world.Process){
		"never isolated": func(w *world.World, _ *world.Process) {},
		"by a person": func(w *world.World, _ *world.Process) {
			w.Add(machine.Isolate, "m1", "by hand", machine.Full, "Portal")
			w.FinishAll(machine.Succeeded)
		},
		"adopted from a person": func(w *world.World, p *world.Process) {
			w.Add(machine.Isolate, "m1", "by hand", machine.Full, "Portal")
			w.CategoryOn("da0", "m1", "isolate")
			w.Settled(p)
			w.Resolve("da0")
			w.Drain(p, 5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.NewWorldWith(t, everyStep)
			p := w.Start(-1, false)
			prepare(w, p)
			w.CategoryOn("da1", "m1", "none")
			w.Drain(p, 5)
			w.Resolve("da1")
			told := w.Kinds()
			w.Settled(p)
			if strings.Contains(w.Asked("m1"), "Un") {
				t.Errorf("asked for %s", w.Asked("m1"))
			}
			if run := w.Run("da1", 2); run.Outcome != "skipped" || !strings.Contains(run.Reason, "isolation") {
				t.Errorf("run = %+v", run)
			}
			if w.Kinds() != told {
				t.Errorf("told %s after %s", w.Kinds(), told)
			}
		})
	}
}

func TestNothingIsReleasedThatAnotherAlertWants(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "isolate")
	w.CategoryOn("da2", "m1", "isolate")
	w.Settled(p)
	w.Resolve("da1")
	w.Settled(p)
	if run := w.Run("da1", 2); run.Outcome != "skipped" ||
		!strings.Contains(run.Reason, "run da2:v1, of another alert, wants the machine isolated") {
		t.Errorf("run = %+v", run)
	}
	if got := w.Asked("m1"); got != "Isolate" {
		t.Errorf("asked for %s", got)
	}
	if !strings.Contains(w.Kinds(), "skipped") {
		t.Errorf("told %s", w.Kinds())
	}
	w.Resolve("da2")
	w.Settled(p)
	if run := w.Run("da2", 2); run.Outcome != "released, skipped" || strings.Count(w.Asked("m1"), "Un") != 1 {
		t.Errorf("asked for %s, run = %+v", w.Asked("m1"), run)
	}
}

func TestReleaseWaitsForAnUndecidedRunOfTheMachine(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "isolate")
	b := w.CategoryOn("da2", "m1", "isolate")
	w.Settled(p)
	w.Retitle(b)
	changed, _ := w.Take() // stays undecided for now
	w.Resolve("da1")
	m, _ := w.Take()
	if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.Run("da1", 2); run.State.Final() || strings.Contains(w.Asked("m1"), "Un") {
		t.Errorf("asked for %s, run = %+v", w.Asked("m1"), run)
	}
	w.Queue = append(w.Queue, changed)
	w.Settled(p)
	if run := w.Run("da1", 2); run.Outcome != "skipped" {
		t.Errorf("run = %+v", run)
	}
}

// TestRunThatComesDuringAReleaseIsolatesAnew has an alert arrive while the release is under way: it must neither take
// the machine for isolated nor be kept from isolating it.
func TestRunThatComesDuringAReleaseIsolatesAnew(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "isolate")
	w.Settled(p)
	w.Resolve("da1")
	m, _ := w.Take()
	w.CategoryOn("da2", "m1", "isolate")
	if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	next, _ := w.Take()
	if err := p.Responder.Respond(t.Context(), next.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.Run("da2", 1); run.State.Final() || w.Isolations("m1") != 1 {
		t.Errorf("run = %+v", run)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Settled(p)
	if run := w.Run("da2", 1); run.Outcome != "isolated" || w.Isolations("m1") != 2 {
		t.Errorf("asked for %s, run = %+v", w.Asked("m1"), run)
	}
}

func TestFailedReleaseLeavesTheIsolationToOthers(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "isolate")
	w.Settled(p)
	w.Resolve("da1")
	w.Drain(p, 5)
	w.FinishAll(machine.Cancelled)
	w.Follow(p)
	w.Drain(p, 5)
	if run := w.Run("da1", 2); run.Outcome != "not released, skipped" {
		t.Errorf("run = %+v", run)
	}
	w.CategoryOn("da2", "m1", "isolate")
	w.Settled(p)
	if run := w.Run("da2", 1); run.Outcome != "isolated" || w.Isolations("m1") != 1 {
		t.Errorf("asked for %s, run = %+v", w.Asked("m1"), run)
	}
}

// TestKilledAnywhereInARelease kills the process at every call of a release while another alert comes to the machine.
// In the end the machine is isolated, for the other alert wants it, and each request was made once.
func TestKilledAnywhereInARelease(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w := world.NewWorldWith(t, everyStep)
			healthy := w.Start(-1, false)
			w.CategoryOn("da1", "m1", "isolate")
			w.Settled(healthy)
			w.Resolve("da1")
			mortal := w.Start(points, mute)
			w.Some(mortal, 5)
			killed = mortal.Died()
			w.CategoryOn("da2", "m1", "isolate")
			second := w.Start(-1, false)
			for range 6 {
				w.Some(second, 4)
				w.Follow(second)
				w.FinishAll(machine.Succeeded)
				w.Follow(second)
				w.Advance(3 * time.Minute)
			}
			if got := strings.Count(w.Asked("m1"), "Unisolate"); got > 1 {
				t.Errorf("killed at %d, answer lost %v: asked for %s", points, mute, w.Asked("m1"))
			}
			if run := w.Run("da1", 2); run.State != runs.Closed {
				t.Errorf("killed at %d, answer lost %v: %+v", points, mute, run)
			}
			if run := w.Run("da2", 1); run.Outcome != "isolated" {
				t.Errorf("killed at %d, answer lost %v: %+v", points, mute, run)
			}
			w.Mu.Lock()
			if !machine.StateOf(machine.Isolate, w.Actions, w.Now, world.Lift, nil).Is {
				t.Errorf("killed at %d, answer lost %v: the machine is free: %+v", points, mute, w.Actions)
			}
			w.Mu.Unlock()
		}
		t.Logf("answer lost %v: %d kill points", mute, points-1)
		if points < 20 {
			t.Errorf("only %d kill points", points)
		}
	}
}

// TestEveryStepKilledAnywhereIsDoneOnce kills the process at every call of every step.
func TestEveryStepKilledAnywhereIsDoneOnce(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for category, word := range map[string]string{
		"restrictApps":   "restricted",
		"scan":           "scanned",
		"collectPackage": "collected",
		"tag":            "tagged",
		"updateAlert":    "updated",
		"all":            "scanned, collected, restricted, isolated, tagged, updated",
	} {
		t.Run(category, func(t *testing.T) {
			t.Parallel()
			for _, mute := range []bool{false, true} {
				points := 0
				for killed := true; killed; points++ {
					killed = killStepAt(t, category, word, points, mute)
				}
				t.Logf("answer lost %v: %d kill points", mute, points-1)
				if points < 15 {
					t.Errorf("only %d kill points", points)
				}
			}
		})
	}
}

func killStepAt(t *testing.T, category, word string, k int, mute bool) (killed bool) {
	t.Helper()
	w := world.NewWorldWith(t, everyStep)
	w.CategoryOn("da1", "m1", category)
	mortal := w.Start(k, mute)
	w.Work(mortal)
	_ = mortal.Follower.Follow(t.Context())
	second := w.Start(-1, false)
	for range 2 {
		w.Work(second)
		w.FinishAll(machine.Succeeded)
		w.Follow(second)
	}
	run := w.Run("da1", 1)
	if run.State != runs.Closed || run.Outcome != word {
		t.Errorf("killed at %d, answer lost %v: %+v", k, mute, run)
	}
	seen := map[machine.ActionType]int{}
	for _, a := range w.Actions {
		if seen[a.Type]++; seen[a.Type] > 1 {
			t.Errorf("killed at %d, answer lost %v: %s twice", k, mute, a.Type)
		}
	}
	if len(w.Comments) > 1 {
		t.Errorf("killed at %d, answer lost %v: comments %q", k, mute, w.Comments)
	}
	if a := w.Alerts["da1"]; strings.Contains(word, "updated") && a.Status != alert.StatusInProgress ||
		strings.Contains(word, "tagged") && len(w.Machines["m1"].Tags) != 1 {
		t.Errorf("killed at %d, answer lost %v: alert %s, tags %q", k, mute, a.Status, w.Machines["m1"].Tags)
	}
	return mortal.Died()
}
