package response

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// some answers at most so many messages; a message of a process that was killed comes again.
func (w *world) some(p *process, limit int) {
	w.t.Helper()
	for range limit {
		m, more := w.take()
		if !more {
			return
		}
		if err := p.responder.Respond(w.t.Context(), m.Message.Encode(), 1); err != nil || p.died() {
			w.queue = append(w.queue, m)
			return
		}
	}
}

// retitle changes an alert so that it is another version.
func (w *world) retitle(a alert.Alert) {
	w.t.Helper()
	w.advance(time.Minute)
	a.Title, a.Updated = "changed", w.clock()
	w.change(a)
}

// settled lets all actions succeed and follows until nothing moves.
func (w *world) settled(p *process) {
	w.t.Helper()
	for range 3 {
		w.drain(p, 20)
		w.finishAll(machine.Succeeded)
		w.follow(p)
	}
}

func TestRuleGivesTheMachineBackWhenItsAlertIsResolved(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "all")
	w.settled(p)
	w.resolve("da1")
	w.settled(p)
	if got := w.asked("m1"); !strings.HasSuffix(got, "Isolate UnisolateDevice UnrestrictCodeExecution") && !strings.HasSuffix(got, "Isolate Unisolate UnrestrictCodeExecution") {
		t.Errorf("asked for %s", got)
	}
	if run := w.run("da1", 2); run.State != ledger.Closed || run.Outcome != "released, unrestricted" {
		t.Errorf("run = %+v", run)
	}
	l, err := p.ledger.Latch(t.Context(), "m1", ledger.Isolation)
	if err != nil || l.State != ledger.Ended || l.ReleasedAt.IsZero() {
		t.Errorf("latch %+v, %v", l, err)
	}
	if got := w.kinds(); strings.Count(got, "released by a rule") != 2 { // one for each state, to the one group
		t.Errorf("told %s", got)
	}
	// A later alert isolates it again.
	w.advance(time.Minute)
	w.categoryOn("da2", "m1", "isolate")
	w.settled(p)
	if run := w.run("da2", 1); run.Outcome != "isolated" || w.isolations("m1") != 2 {
		t.Errorf("run = %+v", run)
	}
}

func TestNothingIsReleasedThatCordonDidNotIsolate(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world, *process){
		"never isolated": func(w *world, _ *process) {},
		"by a person": func(w *world, _ *process) {
			w.add(machine.Isolate, "m1", "by hand", machine.Full, "Portal")
			w.finishAll(machine.Succeeded)
		},
		"adopted from a person": func(w *world, p *process) {
			w.add(machine.Isolate, "m1", "by hand", machine.Full, "Portal")
			w.categoryOn("da0", "m1", "isolate")
			w.settled(p)
			w.resolve("da0")
			w.drain(p, 5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, everyStep)
			p := w.start(-1, false)
			prepare(w, p)
			w.categoryOn("da1", "m1", "none")
			w.drain(p, 5)
			w.resolve("da1")
			told := w.kinds()
			w.settled(p)
			if strings.Contains(w.asked("m1"), "Un") {
				t.Errorf("asked for %s", w.asked("m1"))
			}
			if run := w.run("da1", 2); run.Outcome != "skipped" || !strings.Contains(run.Reason, "isolation") {
				t.Errorf("run = %+v", run)
			}
			if w.kinds() != told {
				t.Errorf("told %s after %s", w.kinds(), told)
			}
		})
	}
}

func TestNothingIsReleasedThatAnotherAlertWants(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "isolate")
	w.categoryOn("da2", "m1", "isolate")
	w.settled(p)
	w.resolve("da1")
	w.settled(p)
	if run := w.run("da1", 2); run.Outcome != "skipped" || !strings.Contains(run.Reason, "run da2:v1, of another alert, wants the machine isolated") {
		t.Errorf("run = %+v", run)
	}
	if got := w.asked("m1"); got != "Isolate" {
		t.Errorf("asked for %s", got)
	}
	if !strings.Contains(w.kinds(), "skipped") {
		t.Errorf("told %s", w.kinds())
	}
	w.resolve("da2")
	w.settled(p)
	if run := w.run("da2", 2); run.Outcome != "released, skipped" || strings.Count(w.asked("m1"), "Un") != 1 {
		t.Errorf("asked for %s, run = %+v", w.asked("m1"), run)
	}
}

func TestReleaseWaitsForAnUndecidedRunOfTheMachine(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "isolate")
	b := w.categoryOn("da2", "m1", "isolate")
	w.settled(p)
	w.retitle(b)
	changed, _ := w.take() // stays undecided for now
	w.resolve("da1")
	m, _ := w.take()
	if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.run("da1", 2); run.State.Final() || strings.Contains(w.asked("m1"), "Un") {
		t.Errorf("asked for %s, run = %+v", w.asked("m1"), run)
	}
	w.queue = append(w.queue, changed)
	w.settled(p)
	if run := w.run("da1", 2); run.Outcome != "skipped" {
		t.Errorf("run = %+v", run)
	}
}

// TestRunThatComesDuringAReleaseIsolatesAnew has an alert arrive while the release is under way: it must neither take the
// machine for isolated nor be kept from isolating it.
func TestRunThatComesDuringAReleaseIsolatesAnew(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "isolate")
	w.settled(p)
	w.resolve("da1")
	m, _ := w.take()
	w.categoryOn("da2", "m1", "isolate")
	if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	next, _ := w.take()
	if err := p.responder.Respond(t.Context(), next.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.run("da2", 1); run.State.Final() || w.isolations("m1") != 1 {
		t.Errorf("run = %+v", run)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.settled(p)
	if run := w.run("da2", 1); run.Outcome != "isolated" || w.isolations("m1") != 2 {
		t.Errorf("asked for %s, run = %+v", w.asked("m1"), run)
	}
}

func TestFailedReleaseLeavesTheIsolationToOthers(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "isolate")
	w.settled(p)
	w.resolve("da1")
	w.drain(p, 5)
	w.finishAll(machine.Cancelled)
	w.follow(p)
	w.drain(p, 5)
	if run := w.run("da1", 2); run.Outcome != "not released, skipped" {
		t.Errorf("run = %+v", run)
	}
	w.categoryOn("da2", "m1", "isolate")
	w.settled(p)
	if run := w.run("da2", 1); run.Outcome != "isolated" || w.isolations("m1") != 1 {
		t.Errorf("asked for %s, run = %+v", w.asked("m1"), run)
	}
}

// TestKilledAnywhereInARelease kills the process at every call of a release while another alert comes to the machine. In the
// end the machine is isolated, for the other alert wants it, and each request was made once.
func TestKilledAnywhereInARelease(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w := newWorldWith(t, everyStep)
			healthy := w.start(-1, false)
			w.categoryOn("da1", "m1", "isolate")
			w.settled(healthy)
			w.resolve("da1")
			mortal := w.start(points, mute)
			w.some(mortal, 5)
			killed = mortal.died()
			w.categoryOn("da2", "m1", "isolate")
			second := w.start(-1, false)
			for range 6 {
				w.some(second, 4)
				w.follow(second)
				w.finishAll(machine.Succeeded)
				w.follow(second)
				w.advance(3 * time.Minute)
			}
			if got := strings.Count(w.asked("m1"), "Unisolate"); got > 1 {
				t.Errorf("killed at %d, answer lost %v: asked for %s", points, mute, w.asked("m1"))
			}
			if run := w.run("da1", 2); run.State != ledger.Closed {
				t.Errorf("killed at %d, answer lost %v: %+v", points, mute, run)
			}
			if run := w.run("da2", 1); run.Outcome != "isolated" {
				t.Errorf("killed at %d, answer lost %v: %+v", points, mute, run)
			}
			w.mu.Lock()
			if !machine.StateOf(machine.Isolate, w.actions, w.now, lift, nil).Is {
				t.Errorf("killed at %d, answer lost %v: the machine is free: %+v", points, mute, w.actions)
			}
			w.mu.Unlock()
		}
		t.Logf("answer lost %v: %d kill points", mute, points-1)
		if points < 20 {
			t.Errorf("only %d kill points", points)
		}
	}
}

// TestEveryStepKilledAnywhereIsDoneOnce kills the process at every call of every step.
func TestEveryStepKilledAnywhereIsDoneOnce(t *testing.T) {
	t.Parallel()
	for category, word := range map[string]string{"restrictApps": "restricted", "scan": "scanned", "collectPackage": "collected", "tag": "tagged", "updateAlert": "updated",
		"all": "scanned, collected, restricted, isolated, tagged, updated"} {
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
	w := newWorldWith(t, everyStep)
	w.categoryOn("da1", "m1", category)
	mortal := w.start(k, mute)
	w.work(mortal)
	_ = mortal.follower.Follow(t.Context())
	second := w.start(-1, false)
	for range 2 {
		w.work(second)
		w.finishAll(machine.Succeeded)
		w.follow(second)
	}
	run := w.run("da1", 1)
	if run.State != ledger.Closed || run.Outcome != word {
		t.Errorf("killed at %d, answer lost %v: %+v", k, mute, run)
	}
	seen := map[machine.ActionType]int{}
	for _, a := range w.actions {
		if seen[a.Type]++; seen[a.Type] > 1 {
			t.Errorf("killed at %d, answer lost %v: %s twice", k, mute, a.Type)
		}
	}
	if len(w.comments) > 1 {
		t.Errorf("killed at %d, answer lost %v: comments %q", k, mute, w.comments)
	}
	if a := w.alerts["da1"]; strings.Contains(word, "updated") && a.Status != alert.StatusInProgress || strings.Contains(word, "tagged") && len(w.machines["m1"].Tags) != 1 {
		t.Errorf("killed at %d, answer lost %v: alert %s, tags %q", k, mute, a.Status, w.machines["m1"].Tags)
	}
	return mortal.died()
}
