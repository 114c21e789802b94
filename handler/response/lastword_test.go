package response

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// ask lets a person ask for an action on m1.
func (w *world) ask(kind machine.ActionType, scope machine.Scope) machine.Action {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.add(kind, "m1", "by hand", scope, "alice@contoso.com")
}

// joinedBeforeTheLift has an alert join an isolation three hours before its lift and a person ask for a release an hour before it.
func joinedBeforeTheLift(t *testing.T) (*world, *process) {
	t.Helper()
	w, p := isolated(t)
	w.advance(lift - 3*time.Hour - time.Minute)
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 5)
	w.follow(p)
	w.advance(2 * time.Hour)
	w.ask(machine.Unisolate, "")
	w.follow(p)
	return w, p
}

// TestReleaseAcrossTheLiftIsARelease has the machine answer an hour after the lift.
func TestReleaseAcrossTheLiftIsARelease(t *testing.T) {
	t.Parallel()
	w, p := joinedBeforeTheLift(t)
	w.pass(p, 2*time.Hour, 12*time.Minute)
	if d, err := ReadDrift(t.Context(), p.ledger); err != nil || d.NotIsolated != 0 {
		t.Errorf("drift = %+v, %v", d, err)
	}
	if all, err := desk.Isolations(t.Context(), p.ledger, p, w.clock(), lift); err != nil || len(all) != 1 || !strings.Contains(all[0].Drift, "once the release") {
		t.Errorf("isolations: %+v, %v", all, err)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.drain(p, 50)
	if told := w.kinds(); strings.Count(told, "released") != 2 || strings.Contains(told, "lifted") || w.isolations("m1") != 1 {
		t.Errorf("%d isolations, told %q", w.isolations("m1"), told)
	}
	if l := w.latchOn(p); l.State != ledger.Ended || l.ReleasedAt.IsZero() || !l.LiftedAt.IsZero() {
		t.Errorf("latch %+v", l)
	}
}

// TestReleaseThatComesToNothingLetsTheLiftHappen has the release fail, and never end.
func TestReleaseThatComesToNothingLetsTheLiftHappen(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"fails": 2 * time.Hour, "never ends": patientFor} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := joinedBeforeTheLift(t)
			w.pass(p, wait, 12*time.Minute)
			if name == "fails" {
				w.finishAll(machine.Failed)
				w.follow(p)
			}
			if told := w.kinds(); strings.Count(told, "lifted") != 2 {
				t.Errorf("told %q", told)
			}
			if l := w.latchOn(p); l.State != ledger.Ended || l.LiftedAt.IsZero() || w.run("da2", 1).State != ledger.Started {
				t.Errorf("latch %+v, run %+v", l, w.run("da2", 1))
			}
		})
	}
}

// TestReleaseThatNobodyFollowedIsNoLift has no follow for days when a person releases the machine, and an alert, new or old, find
// the episode after its lift was due.
func TestReleaseThatNobodyFollowedIsNoLift(t *testing.T) {
	t.Parallel()
	w, p := isolated(t)
	w.advance(lift - 3*time.Hour)
	w.alertOn("da2", "m1", alert.High)
	w.alertOn("da3", "m1", alert.High)
	for range 2 {
		m, _ := w.take()
		if m.Message.AlertID == "da3" {
			m.At = w.clock().Add(4 * time.Hour)
			w.queue = append(w.queue, m)
			continue
		}
		if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	w.advance(time.Hour)
	release := w.ask(machine.Unisolate, "")
	w.advance(time.Minute)
	w.finishAll(machine.Succeeded)
	w.drain(p, 9)
	if told := w.kinds(); !strings.Contains(told, "released") || strings.Contains(told, "lifted") || w.isolations("m1") != 1 {
		t.Errorf("%d isolations, told %q", w.isolations("m1"), told)
	}
	if l := w.latchOn(p); l.State != ledger.Ended || !l.ReleasedAt.Equal(release.Created) {
		t.Errorf("latch %+v", l)
	}
	w.alertOn("da4", "m1", alert.High)
	w.drain(p, 9)
	if w.isolations("m1") != 2 || w.run("da4", 1).Episode != 2 {
		t.Errorf("news after the release: %d isolations, %+v", w.isolations("m1"), w.run("da4", 1))
	}
}

// TestRunWaitsForAReleaseThatNobodyFollowed has the release not over when an alert finds the episode after its lift.
func TestRunWaitsForAReleaseThatNobodyFollowed(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]machine.ActionStatus{"done": machine.Succeeded, "failed": machine.Failed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := isolated(t)
			w.advance(lift - 3*time.Hour)
			w.alertOn("da2", "m1", alert.High)
			w.queue[0].At = w.clock().Add(4 * time.Hour)
			w.advance(time.Hour)
			w.ask(machine.Unisolate, "")
			m, _ := w.take()
			if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
				t.Fatal(err)
			}
			if run := w.run("da2", 1); run.State != ledger.Started || !run.StuckSince.IsZero() || w.isolations("m1") != 1 || strings.Contains(w.kinds(), "lifted") {
				t.Errorf("%+v, told %q", run, w.kinds())
			}
			w.finishAll(status)
			w.drain(p, 9)
			if isolations := w.isolations("m1"); isolations == 2 != (status == machine.Failed) || strings.Contains(w.kinds(), "lifted") != (status == machine.Failed) {
				t.Errorf("%d isolations, told %q", isolations, w.kinds())
			}
		})
	}
}

// TestLiftIsToldWhenTheMachineIsFree has a person isolate the machine again on the third day: it is isolated until the tenth. The
// second isolation is seen by a follow, by the look before people are told, or by a run long after.
func TestLiftIsToldWhenTheMachineIsFree(t *testing.T) {
	t.Parallel()
	for name, follows := range map[string]time.Duration{"followed": time.Hour, "not seen until the lift": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := isolated(t)
			w.advance(3 * day)
			second := w.ask(machine.Isolate, machine.Full)
			w.finishAll(machine.Succeeded)
			if follows > 0 {
				w.pass(p, lift-3*day, follows)
			} else {
				w.advance(lift - 3*day)
				w.alertOn("da2", "m1", alert.High)
				w.drain(p, 5)
				w.follow(p)
			}
			if told := w.kinds(); strings.Contains(told, "lift") {
				t.Errorf("on day 7 told %q", told)
			}
			if l := w.latchOn(p); l.State != ledger.Achieved || l.ActionID != second.ID || l.By() != machine.ByPerson || l.Requestor != second.Requestor || w.openEpisodes(p) != 1 {
				t.Errorf("on day 7 the latch is %+v", l)
			}
			w.pass(p, 2*day+time.Hour, time.Hour)
			if told := w.kinds(); strings.Count(told, "lifts soon") < 1 || strings.Contains(told, "lifted") {
				t.Errorf("on day 9 told %q", told)
			}
			w.pass(p, day, time.Hour)
			if l := w.latchOn(p); l.State != ledger.Ended || !l.LiftedAt.Equal(second.Created.Add(lift)) || !strings.Contains(w.kinds(), "lifted") {
				t.Errorf("on day 10 told %q, latch %+v", w.kinds(), l)
			}
		})
	}
}

// TestLaterLiftIsToldAgain has people told of a lift when somebody isolates the machine for another week.
func TestLaterLiftIsToldAgain(t *testing.T) {
	t.Parallel()
	w, p := isolated(t)
	w.pass(p, 6*day+time.Hour, time.Hour)
	w.ask(machine.Isolate, machine.Full)
	w.finishAll(machine.Succeeded)
	w.pass(p, 6*day+2*time.Hour, time.Hour)
	if told := w.kinds(); told != "requested, isolated, lifts soon, lifts soon" {
		t.Errorf("told %q", told)
	}
}

// TestOldRowsLiftCountsFromTheCompletion has a latch without the time of its completion, which came two days after the request,
// and nobody follow it until an alert finds it.
func TestOldRowsLiftCountsFromTheCompletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 5)
	w.advance(2 * day)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	l := w.latchOn(p)
	l.AchievedAt, l.Owner = time.Time{}, ""
	if err := p.ledger.SaveLatch(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	w.advance(lift - day)
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 5)
	if run := w.run("da2", 1); run.Outcome != "isolated" || w.isolations("m1") != 1 || strings.Contains(w.kinds(), "lifted") {
		t.Errorf("%d isolations, told %q, %+v", w.isolations("m1"), w.kinds(), run)
	}
}

// TestUnseenReleaseKilledAnywhere kills the process before and after every call of the run that finds the release of an episode
// whose lift was due. An alert that joined after the release was asked for is isolated anew, whoever comes next.
func TestUnseenReleaseKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w, p := isolated(t)
			w.advance(lift - 3*time.Hour)
			w.ask(machine.Unisolate, "")
			w.advance(time.Minute)
			w.alertOn("da2", "m1", alert.High) // joins: what stands is joined, whatever else is asked for
			w.drain(p, 5)
			w.advance(4 * time.Hour)
			w.finishAll(machine.Succeeded)
			w.alertOn("da3", "m1", alert.High)
			mortal := w.start(points, mute)
			w.work(mortal)
			if killed = mortal.died(); killed {
				w.advance(3 * time.Minute)
			}
			for range 3 {
				w.work(p)
				w.follow(p)
			}
			w.finishAll(machine.Succeeded)
			w.follow(p)
			w.work(p)
			for _, id := range []string{"da2", "da3"} {
				if run := w.run(id, 1); run.Outcome != "isolated" || run.Episode != 2 {
					t.Errorf("killed at %d (answer lost %v): %+v", points, mute, run)
				}
			}
			if told := w.kinds(); w.isolations("m1") != 2 || w.run("da1", 1).Episode != 1 || strings.Count(told, "released") != 2 || strings.Contains(told, "lifted") {
				t.Errorf("killed at %d (answer lost %v): %d isolations, told %q", points, mute, w.isolations("m1"), told)
			}
		}
		if points < 20 {
			t.Errorf("only %d kill points", points)
		}
	}
}
