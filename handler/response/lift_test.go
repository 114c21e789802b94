package response

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

const day = 24 * time.Hour

// pass lets time go by with a follow every so often.
func (w *world) pass(p *process, d, every time.Duration) {
	w.t.Helper()
	for end := w.clock().Add(d); w.clock().Before(end); {
		w.advance(min(every, end.Sub(w.clock())))
		w.follow(p)
	}
}

// latchOn reads the isolation's latch of m1.
func (w *world) latchOn(p *process) ledger.Latch {
	w.t.Helper()
	l, err := p.ledger.Latch(context.Background(), "m1", ledger.Isolation)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func (w *world) openEpisodes(p *process) int {
	w.t.Helper()
	open, err := p.ledger.OpenEpisodes(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return len(open)
}

// TestWeeksOfIsolations plays three weeks: isolated, told a day before the lift, lifted, isolated anew for the alert of the
// next day and lifted again.
func TestWeeksOfIsolations(t *testing.T) {
	t.Parallel()
	w, p := isolated(t)
	w.pass(p, 6*day-time.Hour, time.Hour)
	if told := w.kinds(); told != "requested, isolated" {
		t.Fatalf("before the last day told %q", told)
	}
	w.pass(p, 2*time.Hour, time.Minute)
	if told := w.kinds(); told != "requested, isolated, lifts soon" {
		t.Fatalf("on the last day told %q", told)
	}
	w.pass(p, day-2*time.Hour, time.Hour)
	if l := w.latchOn(p); l.State != ledger.Achieved {
		t.Fatalf("before the lift the latch is %+v", l)
	}
	w.pass(p, 2*time.Hour, time.Minute)
	if told := w.kinds(); told != "requested, isolated, lifts soon, lifted" {
		t.Fatalf("at the lift told %q", told)
	}
	if l := w.latchOn(p); l.State != ledger.Ended || !l.LiftedAt.Equal(w.actions[0].Updated.Add(lift)) || l.EndKind != "lifted" || w.openEpisodes(p) != 0 {
		t.Errorf("lifted: %+v, %d open episodes", l, w.openEpisodes(p))
	}
	if last := w.order[len(w.order)-1]; !strings.Contains(last.Detail, "Defender lifts it by itself at "+w.latchOn(p).LiftedAt.Format(time.RFC3339)) || !strings.Contains(last.Detail, "the API does not show it") {
		t.Errorf("told %q", last.Detail)
	}
	w.pass(p, day, time.Hour)
	if run := w.run("da1", 1); w.posts != 1 || run.Outcome != "isolated" || run.Episode != 1 {
		t.Errorf("what was lifted is asked for again: %d requests, %+v", w.posts, run)
	}
	if d, err := ReadDrift(t.Context(), p.ledger); err != nil || d.NotIsolated+d.Elsewhere != 0 {
		t.Errorf("drift = %+v, %v", d, err)
	}
	if all, err := desk.Isolations(t.Context(), p.ledger, p, w.clock(), lift); err != nil || len(all) != 0 {
		t.Errorf("isolated: %+v, %v", all, err)
	}
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 5)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if run := w.run("da2", 1); w.isolations("m1") != 2 || run.Outcome != "isolated" || run.Episode != 2 {
		t.Errorf("day 8: %d isolations, %+v", w.isolations("m1"), run)
	}
	w.pass(p, 8*day, time.Hour)
	if told := w.kinds(); strings.Count(told, "lifts soon") != 2 || strings.Count(told, "lifted") != 2 || w.posts != 2 {
		t.Errorf("after the second week %d requests, told %q", w.posts, told)
	}
}

// TestAlertThatJoinedBeforeTheLiftIsDecidedAgain has an alert within the stale limit before the lift, one long before it, and
// one that is resolved by then.
func TestAlertThatJoinedBeforeTheLiftIsDecidedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		joins      time.Duration
		resolved   bool
		isolations int
		outcome    string
	}{
		"day 6.9":           {lift - 3*time.Hour, false, 2, "isolated"},
		"day 5":             {5 * day, false, 1, "isolated"},
		"day 6.9, resolved": {lift - 3*time.Hour, true, 1, "superseded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := isolated(t)
			w.pass(p, c.joins, time.Hour)
			w.alertOn("da2", "m1", alert.High)
			w.drain(p, 3)
			if run := w.run("da2", 1); run.Outcome != "isolated" || w.posts != 1 || !strings.Contains(w.order[len(w.order)-1].Detail, "Defender lifts it by itself at") {
				t.Fatalf("joined: %+v, told %+v", run, w.order[len(w.order)-1])
			}
			if c.resolved {
				a := w.alerts["da2"]
				a.Status, a.Updated = alert.StatusResolved, w.clock().Add(time.Minute)
				w.mu.Lock()
				w.alerts["da2"] = a
				w.mu.Unlock()
			}
			w.pass(p, lift-c.joins, time.Hour)
			w.drain(p, 5)
			w.finishAll(machine.Succeeded)
			w.follow(p)
			w.pass(p, day, time.Hour)
			w.drain(p, 5)
			if run := w.run("da2", 1); run.Outcome != c.outcome || w.isolations("m1") != c.isolations {
				t.Errorf("%d isolations, %+v", w.isolations("m1"), run)
			}
			if run := w.run("da1", 1); run.Episode != 1 || run.Outcome != "isolated" {
				t.Errorf("the first run is %+v", run)
			}
		})
	}
}

// TestNobodyJoinsWhatWasLifted has no follow for eight days: the alert that comes then is not told that its machine is
// isolated.
func TestNobodyJoinsWhatWasLifted(t *testing.T) {
	t.Parallel()
	w, p := isolated(t)
	w.advance(lift - 2*time.Hour)
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 3)
	w.advance(3 * time.Hour)
	w.alertOn("da3", "m1", alert.High)
	w.drain(p, 9)
	if w.isolations("m1") != 2 || w.run("da3", 1).Episode != 2 || w.run("da2", 1).Episode != 2 {
		t.Errorf("%d isolations, %+v, %+v", w.isolations("m1"), w.run("da2", 1), w.run("da3", 1))
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	for _, id := range []string{"da1", "da2", "da3"} {
		if run := w.run(id, 1); run.Outcome != "isolated" {
			t.Errorf("%+v", run)
		}
	}
	if told := w.kinds(); strings.Count(told, "lifted") != 2 { // the groups of da1 and da2
		t.Errorf("told %q", told)
	}
}

// TestLiftKilledAnywhere kills the process before and after every call on the way from the lift to the new isolation,
// whoever notices the lift first.
func TestLiftKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, responderFirst := range []bool{false, true} {
		for _, mute := range []bool{false, true} {
			points := 0
			for killed := true; killed; points++ {
				w, p := isolated(t)
				w.advance(lift - 2*time.Hour)
				w.follow(p)
				w.alertOn("da2", "m1", alert.High)
				w.drain(p, 3)
				w.advance(3 * time.Hour)
				if responderFirst {
					w.alertOn("da3", "m1", alert.High)
				}
				mortal := w.start(points, mute)
				if !responderFirst {
					_ = mortal.follower.Follow(context.Background())
				}
				w.work(mortal)
				if killed = mortal.died(); killed {
					w.advance(3 * time.Minute)
				}
				for range 3 {
					w.follow(p)
					w.work(p)
				}
				w.finishAll(machine.Succeeded)
				w.follow(p)
				w.work(p)
				w.pass(p, day, time.Hour)
				if run := w.run("da2", 1); w.isolations("m1") != 2 || run.Outcome != "isolated" || run.Episode != 2 || w.run("da1", 1).Episode != 1 {
					t.Errorf("killed at %d (answer lost %v, responder first %v): %d isolations, %+v", points, mute, responderFirst, w.isolations("m1"), run)
				}
				if told := w.kinds(); strings.Count(told, "lifted") != 2 || strings.Count(told, "lifts soon") != 1 {
					t.Errorf("killed at %d (answer lost %v, responder first %v): told %q", points, mute, responderFirst, told)
				}
				// Who joins after the warning is told with the isolation when it is lifted.
			}
			t.Logf("responder first %v, answer lost %v: %d kill points", responderFirst, mute, points-1)
			if points < 40 {
				t.Errorf("only %d kill points", points)
			}
		}
	}
}

// TestRowsFromBeforeTheLiftWasKnownAreFollowed has a latch without the time of its completion, as the version before wrote.
func TestRowsFromBeforeTheLiftWasKnownAreFollowed(t *testing.T) {
	t.Parallel()
	for name, listed := range map[string]bool{"listed": true, "not listed any more": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := isolated(t)
			l := w.latchOn(p)
			l.AchievedAt, l.Owner = time.Time{}, ""
			if err := p.ledger.SaveLatch(t.Context(), &l); err != nil {
				t.Fatal(err)
			}
			if !listed {
				w.mu.Lock()
				w.actions = nil
				w.mu.Unlock()
			}
			w.pass(p, lift-time.Hour, time.Hour)
			if l := w.latchOn(p); l.State != ledger.Achieved || l.AchievedAt.IsZero() == listed {
				t.Errorf("an hour before the lift: %+v", l)
			}
			w.pass(p, 2*time.Hour, time.Minute)
			if l := w.latchOn(p); l.State != ledger.Ended || l.LiftedAt.IsZero() {
				t.Errorf("after the lift: %+v", l)
			}
		})
	}
}

// TestWhatHoldsIsTheLastToComplete has a release that was asked for before the isolation and is done after it.
func TestWhatHoldsIsTheLastToComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 5)
	w.mu.Lock()
	release := w.add(machine.Unisolate, "m1", "by hand", "", "alice@contoso.com")
	w.actions[len(w.actions)-1].Created = w.actions[0].Created.Add(-time.Minute)
	w.finish("action-1", machine.Succeeded)
	w.mu.Unlock()
	w.follow(p)
	w.advance(2 * time.Hour)
	w.mu.Lock()
	w.finish(release.ID, machine.Succeeded)
	w.mu.Unlock()
	w.follow(p)
	w.drain(p, 5)
	// The release cannot have been meant for an alert that came after it was asked for.
	if told := w.kinds(); told != "requested, isolated, released, requested" || w.isolations("m1") != 2 {
		t.Errorf("%d isolations, told %q", w.isolations("m1"), told)
	}
}

// TestReleaseDoneBeforeTheIsolationIsNoEndOfIt has a release that was asked for after the isolation and done before it.
func TestReleaseDoneBeforeTheIsolationIsNoEndOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 5)
	w.advance(time.Minute)
	w.mu.Lock()
	release := w.add(machine.Unisolate, "m1", "by hand", "", "alice@contoso.com")
	w.finish(release.ID, machine.Succeeded)
	w.mu.Unlock()
	w.advance(time.Minute)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.advance(2 * time.Hour)
	w.follow(p)
	if told := w.kinds(); told != "requested, isolated" || w.latchOn(p).State != ledger.Achieved {
		t.Errorf("told %q, %+v", told, w.latchOn(p))
	}
	if d, err := ReadDrift(t.Context(), p.ledger); err != nil || d.NotIsolated+d.Elsewhere != 0 {
		t.Errorf("drift = %+v, %v", d, err)
	}
}

// TestRestrictionOfAppsIsNeverLifted follows one for a year.
func TestRestrictionOfAppsIsNeverLifted(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, strings.Replace(isolateHigh, `isolate: { type: Full, comment: "Alert {{.Alert.ID}}" }`, "restrictApps: {}", 1))
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 5)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.pass(p, 365*day, day)
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 5)
	if w.posts != 1 || w.run("da2", 1).Outcome != "restricted" || strings.Contains(w.kinds(), "lift") {
		t.Errorf("%d requests, %+v, told %q", w.posts, w.run("da2", 1), w.kinds())
	}
}

// TestWarningKilledAnywhereIsToldOnce kills the follow that tells of the lift at every call.
func TestWarningKilledAnywhereIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w, p := isolated(t)
			w.advance(6 * day)
			mortal := w.start(points, mute)
			_ = mortal.follower.Follow(context.Background())
			killed = mortal.died()
			w.pass(p, 3*time.Hour, 30*time.Minute)
			if told := w.kinds(); told != "requested, isolated, lifts soon" || !w.latchOn(p).LiftTold {
				t.Errorf("killed at %d (answer lost %v): told %q", points, mute, told)
			}
		}
		if points < 8 {
			t.Errorf("only %d kill points", points)
		}
	}
}
