package follow_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk/isolated"
	"cordon/handler/episode"
	"cordon/handler/follow"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// joinedBeforeTheLift has an alert join an isolation three hours before its lift and a person ask for a release an
// hour before it.
func joinedBeforeTheLift(t *testing.T) (*world.World, *world.Process) {
	t.Helper()
	w, p := world.Isolated(t)
	w.Advance(world.Lift - 3*time.Hour - time.Minute)
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 5)
	w.Follow(p)
	w.Advance(2 * time.Hour)
	w.Ask(machine.Unisolate, "")
	w.Follow(p)
	return w, p
}

// TestReleaseAcrossTheLiftIsARelease has the machine answer an hour after the lift.
func TestReleaseAcrossTheLiftIsARelease(t *testing.T) {
	t.Parallel()
	w, p := joinedBeforeTheLift(t)
	w.Pass(p, 2*time.Hour, 12*time.Minute)
	if d, err := follow.ReadDrift(t.Context(), p.Ledger.Switches); err != nil || d.NotIsolated != 0 {
		t.Errorf("drift = %+v, %v", d, err)
	}
	if all, err := isolated.Machines(t.Context(), p.Ledger.Latches, p, w.Clock(), world.Lift); err != nil ||
		len(all) != 1 ||
		!strings.Contains(all[0].Drift, "once the release") {
		t.Errorf("isolations: %+v, %v", all, err)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Drain(p, 50)
	if told := w.Kinds(); strings.Count(told, "released") != 2 || strings.Contains(told, "lifted") ||
		w.Isolations("m1") != 1 {
		t.Errorf("%d isolations, told %q", w.Isolations("m1"), told)
	}
	if l := w.LatchOn(p); l.State != latches.Ended || l.ReleasedAt.IsZero() || !l.LiftedAt.IsZero() {
		t.Errorf("latch %+v", l)
	}
}

// TestReleaseThatComesToNothingLetsTheLiftHappen has the release fail, and never end.
func TestReleaseThatComesToNothingLetsTheLiftHappen(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"fails": 2 * time.Hour, "never ends": episode.PatientFor} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := joinedBeforeTheLift(t)
			w.Pass(p, wait, 12*time.Minute)
			if name == "fails" {
				w.FinishAll(machine.Failed)
				w.Follow(p)
			}
			if told := w.Kinds(); strings.Count(told, "lifted") != 2 {
				t.Errorf("told %q", told)
			}
			if l := w.LatchOn(p); l.State != latches.Ended || l.LiftedAt.IsZero() ||
				w.Run("da2", 1).State != runs.Started {
				t.Errorf("latch %+v, run %+v", l, w.Run("da2", 1))
			}
		})
	}
}

// TestReleaseThatNobodyFollowedIsNoLift has no follow for days when a person releases the machine, and an alert, new
// or old, find the episode after its lift was due.
func TestReleaseThatNobodyFollowedIsNoLift(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	w.Advance(world.Lift - 3*time.Hour)
	w.AlertOn("da2", "m1", alert.High)
	w.AlertOn("da3", "m1", alert.High)
	for range 2 {
		m, _ := w.Take()
		if m.Message.AlertID == "da3" {
			m.At = w.Clock().Add(4 * time.Hour)
			w.Queue = append(w.Queue, m)
			continue
		}
		if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	w.Advance(time.Hour)
	release := w.Ask(machine.Unisolate, "")
	w.Advance(time.Minute)
	w.FinishAll(machine.Succeeded)
	w.Drain(p, 9)
	if told := w.Kinds(); !strings.Contains(told, "released") || strings.Contains(told, "lifted") ||
		w.Isolations("m1") != 1 {
		t.Errorf("%d isolations, told %q", w.Isolations("m1"), told)
	}
	if l := w.LatchOn(p); l.State != latches.Ended || !l.ReleasedAt.Equal(release.Created) {
		t.Errorf("latch %+v", l)
	}
	w.AlertOn("da4", "m1", alert.High)
	w.Drain(p, 9)
	if w.Isolations("m1") != 2 || w.Run("da4", 1).Episode != 2 {
		t.Errorf("news after the release: %d isolations, %+v", w.Isolations("m1"), w.Run("da4", 1))
	}
}

// TestRunWaitsForAReleaseThatNobodyFollowed has the release not over when an alert finds the episode after its lift.
func TestRunWaitsForAReleaseThatNobodyFollowed(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]machine.ActionStatus{"done": machine.Succeeded, "failed": machine.Failed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := world.Isolated(t)
			w.Advance(world.Lift - 3*time.Hour)
			w.AlertOn("da2", "m1", alert.High)
			w.Queue[0].At = w.Clock().Add(4 * time.Hour)
			w.Advance(time.Hour)
			w.Ask(machine.Unisolate, "")
			m, _ := w.Take()
			if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
				t.Fatal(err)
			}
			if run := w.Run("da2", 1); run.State != runs.Started || !run.StuckSince.IsZero() ||
				w.Isolations("m1") != 1 || strings.Contains(w.Kinds(), "lifted") {
				t.Errorf("%+v, told %q", run, w.Kinds())
			}
			w.FinishAll(status)
			w.Drain(p, 9)
			if isolations := w.Isolations("m1"); isolations == 2 != (status == machine.Failed) ||
				strings.Contains(w.Kinds(), "lifted") != (status == machine.Failed) {
				t.Errorf("%d isolations, told %q", isolations, w.Kinds())
			}
		})
	}
}

// TestLiftIsToldWhenTheMachineIsFree has a person isolate the machine again on the third day: it is isolated until the
// tenth. The second isolation is seen by a follow, by the look before people are told, or by a run long after.
func TestLiftIsToldWhenTheMachineIsFree(t *testing.T) {
	t.Parallel()
	for name, follows := range map[string]time.Duration{"followed": time.Hour, "not seen until the lift": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := world.Isolated(t)
			w.Advance(3 * world.Day)
			second := w.Ask(machine.Isolate, machine.Full)
			w.FinishAll(machine.Succeeded)
			if follows > 0 {
				w.Pass(p, world.Lift-3*world.Day, follows)
			} else {
				w.Advance(world.Lift - 3*world.Day)
				w.AlertOn("da2", "m1", alert.High)
				w.Drain(p, 5)
				w.Follow(p)
			}
			if told := w.Kinds(); strings.Contains(told, "lift") {
				t.Errorf("on day 7 told %q", told)
			}
			if l := w.LatchOn(p); l.State != latches.Achieved || l.ActionID != second.ID ||
				l.By() != machine.ByPerson || l.Requestor != second.Requestor || w.OpenEpisodes(p) != 1 {
				t.Errorf("on day 7 the latch is %+v", l)
			}
			w.Pass(p, 2*world.Day+time.Hour, time.Hour)
			if told := w.Kinds(); strings.Count(told, "lifts soon") < 1 || strings.Contains(told, "lifted") {
				t.Errorf("on day 9 told %q", told)
			}
			w.Pass(p, world.Day, time.Hour)
			if l := w.LatchOn(p); l.State != latches.Ended || !l.LiftedAt.Equal(second.Created.Add(world.Lift)) ||
				!strings.Contains(w.Kinds(), "lifted") {
				t.Errorf("on day 10 told %q, latch %+v", w.Kinds(), l)
			}
		})
	}
}

// TestLaterLiftIsToldAgain has people told of a lift when somebody isolates the machine for another week.
func TestLaterLiftIsToldAgain(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	w.Pass(p, 6*world.Day+time.Hour, time.Hour)
	w.Ask(machine.Isolate, machine.Full)
	w.FinishAll(machine.Succeeded)
	w.Pass(p, 6*world.Day+2*time.Hour, time.Hour)
	if told := w.Kinds(); told != "requested, isolated, lifts soon, lifts soon" {
		t.Errorf("told %q", told)
	}
}

// TestOldRowsLiftCountsFromTheCompletion has a latch without the time of its completion, which came two days after the
// request, and nobody follow it until an alert finds it.
func TestOldRowsLiftCountsFromTheCompletion(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 5)
	w.Advance(2 * world.Day)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	l := w.LatchOn(p)
	l.AchievedAt, l.Owner = time.Time{}, ""
	if err := p.Ledger.Latches.Save(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	w.Advance(world.Lift - world.Day)
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 5)
	if run := w.Run("da2", 1); run.Outcome != "isolated" || w.Isolations("m1") != 1 ||
		strings.Contains(w.Kinds(), "lifted") {
		t.Errorf("%d isolations, told %q, %+v", w.Isolations("m1"), w.Kinds(), run)
	}
}

// TestUnseenReleaseKilledAnywhere kills the process before and after every call of the run that finds the release of
// an episode whose lift was due. An alert that joined after the release was asked for is isolated anew, whoever comes
// next.
func TestUnseenReleaseKilledAnywhere(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w, p := world.Isolated(t)
			w.Advance(world.Lift - 3*time.Hour)
			w.Ask(machine.Unisolate, "")
			w.Advance(time.Minute)
			w.AlertOn("da2", "m1", alert.High) // joins: what stands is joined, whatever else is asked for
			w.Drain(p, 5)
			w.Advance(4 * time.Hour)
			w.FinishAll(machine.Succeeded)
			w.AlertOn("da3", "m1", alert.High)
			mortal := w.Start(points, mute)
			w.Work(mortal)
			if killed = mortal.Died(); killed {
				w.Advance(3 * time.Minute)
			}
			for range 3 {
				w.Work(p)
				w.Follow(p)
			}
			w.FinishAll(machine.Succeeded)
			w.Follow(p)
			w.Work(p)
			for _, id := range []string{"da2", "da3"} {
				if run := w.Run(id, 1); run.Outcome != "isolated" || run.Episode != 2 {
					t.Errorf("killed at %d (answer lost %v): %+v", points, mute, run)
				}
			}
			if told := w.Kinds(); w.Isolations("m1") != 2 || w.Run("da1", 1).Episode != 1 ||
				strings.Count(told, "released") != 2 || strings.Contains(told, "lifted") {
				t.Errorf("killed at %d (answer lost %v): %d isolations, told %q", points, mute, w.Isolations("m1"),
					told)
			}
		}
		if points < 20 {
			t.Errorf("only %d kill points", points)
		}
	}
}
