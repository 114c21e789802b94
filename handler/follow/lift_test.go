package follow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk/isolated"
	"cordon/handler/follow"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// TestWeeksOfIsolations plays three weeks: isolated, told a day before the lift, lifted, isolated anew for the alert
// of the next day and lifted again.
func TestWeeksOfIsolations(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	w.Pass(p, 6*world.Day-time.Hour, time.Hour)
	if told := w.Kinds(); told != "requested, isolated" {
		t.Fatalf("before the last day told %q", told)
	}
	w.Pass(p, 2*time.Hour, time.Minute)
	if told := w.Kinds(); told != "requested, isolated, lifts soon" {
		t.Fatalf("on the last day told %q", told)
	}
	w.Pass(p, world.Day-2*time.Hour, time.Hour)
	if l := w.LatchOn(p); l.State != latches.Achieved {
		t.Fatalf("before the lift the latch is %+v", l)
	}
	w.Pass(p, 2*time.Hour, time.Minute)
	if told := w.Kinds(); told != "requested, isolated, lifts soon, lifted" {
		t.Fatalf("at the lift told %q", told)
	}
	if l := w.LatchOn(p); l.State != latches.Ended || !l.LiftedAt.Equal(w.Actions[0].Updated.Add(world.Lift)) ||
		l.EndKind != "lifted" || w.OpenEpisodes(p) != 0 {
		t.Errorf("lifted: %+v, %d open episodes", l, w.OpenEpisodes(p))
	}
	if last := w.Order[len(w.Order)-1]; !strings.Contains(last.Detail,
		"Defender lifts it by itself at "+w.LatchOn(p).LiftedAt.Format(time.RFC3339)) ||
		!strings.Contains(last.Detail, "the API does not show it") {
		t.Errorf("told %q", last.Detail)
	}
	w.Pass(p, world.Day, time.Hour)
	if run := w.Run("da1", 1); w.Posts != 1 || run.Outcome != "isolated" || run.Episode != 1 {
		t.Errorf("what was lifted is asked for again: %d requests, %+v", w.Posts, run)
	}
	if d, err := follow.ReadDrift(t.Context(), p.Ledger.Switches); err != nil || d.NotIsolated+d.Elsewhere != 0 {
		t.Errorf("drift = %+v, %v", d, err)
	}
	if all, err := isolated.Machines(t.Context(), p.Ledger.Latches, p, w.Clock(), world.Lift); err != nil ||
		len(all) != 0 {
		t.Errorf("isolated: %+v, %v", all, err)
	}
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 5)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if run := w.Run("da2", 1); w.Isolations("m1") != 2 || run.Outcome != "isolated" || run.Episode != 2 {
		t.Errorf("day 8: %d isolations, %+v", w.Isolations("m1"), run)
	}
	w.Pass(p, 8*world.Day, time.Hour)
	if told := w.Kinds(); strings.Count(told, "lifts soon") != 2 || strings.Count(told, "lifted") != 2 || w.Posts != 2 {
		t.Errorf("after the second week %d requests, told %q", w.Posts, told)
	}
}

// TestAlertThatJoinedBeforeTheLiftIsDecidedAgain has an alert within the stale limit before the lift, one long before
// it, and one that is resolved by then.
func TestAlertThatJoinedBeforeTheLiftIsDecidedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		joins      time.Duration
		resolved   bool
		isolations int
		outcome    string
	}{
		"day 6.9":           {world.Lift - 3*time.Hour, false, 2, "isolated"},
		"day 5":             {5 * world.Day, false, 1, "isolated"},
		"day 6.9, resolved": {world.Lift - 3*time.Hour, true, 1, "superseded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := world.Isolated(t)
			w.Pass(p, c.joins, time.Hour)
			w.AlertOn("da2", "m1", alert.High)
			w.Drain(p, 3)
			if run := w.Run("da2", 1); run.Outcome != "isolated" || w.Posts != 1 ||
				!strings.Contains(w.Order[len(w.Order)-1].Detail, "Defender lifts it by itself at") {
				t.Fatalf("joined: %+v, told %+v", run, w.Order[len(w.Order)-1])
			}
			if c.resolved {
				a := w.Alerts["da2"]
				a.Status, a.Updated = alert.StatusResolved, w.Clock().Add(time.Minute)
				w.Mu.Lock()
				w.Alerts["da2"] = a
				w.Mu.Unlock()
			}
			w.Pass(p, world.Lift-c.joins, time.Hour)
			w.Drain(p, 5)
			w.FinishAll(machine.Succeeded)
			w.Follow(p)
			w.Pass(p, world.Day, time.Hour)
			w.Drain(p, 5)
			if run := w.Run("da2", 1); run.Outcome != c.outcome || w.Isolations("m1") != c.isolations {
				t.Errorf("%d isolations, %+v", w.Isolations("m1"), run)
			}
			if run := w.Run("da1", 1); run.Episode != 1 || run.Outcome != "isolated" {
				t.Errorf("the first run is %+v", run)
			}
		})
	}
}

// TestNobodyJoinsWhatWasLifted has no follow for eight days: the alert that comes then is not told that its machine is
// isolated.
func TestNobodyJoinsWhatWasLifted(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	w.Advance(world.Lift - 2*time.Hour)
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 3)
	w.Advance(3 * time.Hour)
	w.AlertOn("da3", "m1", alert.High)
	w.Drain(p, 9)
	if w.Isolations("m1") != 2 || w.Run("da3", 1).Episode != 2 || w.Run("da2", 1).Episode != 2 {
		t.Errorf("%d isolations, %+v, %+v", w.Isolations("m1"), w.Run("da2", 1), w.Run("da3", 1))
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	for _, id := range []string{"da1", "da2", "da3"} {
		if run := w.Run(id, 1); run.Outcome != "isolated" {
			t.Errorf("%+v", run)
		}
	}
	if told := w.Kinds(); strings.Count(told, "lifted") != 2 { // the groups of da1 and da2
		t.Errorf("told %q", told)
	}
}

// TestLiftKilledAnywhere kills the process before and after every call on the way from the lift to the new isolation,
// whoever notices the lift first.
func TestLiftKilledAnywhere(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, responderFirst := range []bool{false, true} {
		for _, mute := range []bool{false, true} {
			points := 0
			for killed := true; killed; points++ {
				w, p := world.Isolated(t)
				w.Advance(world.Lift - 2*time.Hour)
				w.Follow(p)
				w.AlertOn("da2", "m1", alert.High)
				w.Drain(p, 3)
				w.Advance(3 * time.Hour)
				if responderFirst {
					w.AlertOn("da3", "m1", alert.High)
				}
				mortal := w.Start(points, mute)
				if !responderFirst {
					_ = mortal.Follower.Follow(context.Background())
				}
				w.Work(mortal)
				if killed = mortal.Died(); killed {
					w.Advance(3 * time.Minute)
				}
				for range 3 {
					w.Follow(p)
					w.Work(p)
				}
				w.FinishAll(machine.Succeeded)
				w.Follow(p)
				w.Work(p)
				w.Pass(p, world.Day, time.Hour)
				if run := w.Run("da2", 1); w.Isolations("m1") != 2 || run.Outcome != "isolated" || run.Episode != 2 ||
					w.Run("da1", 1).Episode != 1 {
					t.Errorf("killed at %d (answer lost %v, responder first %v): %d isolations, %+v", points, mute,
						responderFirst, w.Isolations("m1"), run)
				}
				if told := w.Kinds(); strings.Count(told, "lifted") != 2 || strings.Count(told, "lifts soon") != 1 {
					t.Errorf("killed at %d (answer lost %v, responder first %v): told %q", points, mute, responderFirst,
						told)
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

// TestRowsFromBeforeTheLiftWasKnownAreFollowed has a latch without the time of its completion, as the version before
// wrote.
func TestRowsFromBeforeTheLiftWasKnownAreFollowed(t *testing.T) {
	t.Parallel()
	for name, listed := range map[string]bool{"listed": true, "not listed any more": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := world.Isolated(t)
			l := w.LatchOn(p)
			l.AchievedAt, l.Owner = time.Time{}, ""
			if err := p.Ledger.Latches.Save(t.Context(), &l); err != nil {
				t.Fatal(err)
			}
			if !listed {
				w.Mu.Lock()
				w.Actions = nil
				w.Mu.Unlock()
			}
			w.Pass(p, world.Lift-time.Hour, time.Hour)
			if l := w.LatchOn(p); l.State != latches.Achieved || l.AchievedAt.IsZero() == listed {
				t.Errorf("an hour before the lift: %+v", l)
			}
			w.Pass(p, 2*time.Hour, time.Minute)
			if l := w.LatchOn(p); l.State != latches.Ended || l.LiftedAt.IsZero() {
				t.Errorf("after the lift: %+v", l)
			}
		})
	}
}

// TestWhatHoldsIsTheLastToComplete has a release that was asked for before the isolation and is done after it.
func TestWhatHoldsIsTheLastToComplete(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 5)
	w.Mu.Lock()
	release := w.Add(machine.Unisolate, "m1", "by hand", "", "alice@contoso.com")
	w.Actions[len(w.Actions)-1].Created = w.Actions[0].Created.Add(-time.Minute)
	w.Finish("action-1", machine.Succeeded)
	w.Mu.Unlock()
	w.Follow(p)
	w.Advance(2 * time.Hour)
	w.Mu.Lock()
	w.Finish(release.ID, machine.Succeeded)
	w.Mu.Unlock()
	w.Follow(p)
	w.Drain(p, 5)
	// The release cannot have been meant for an alert that came after it was asked for.
	if told := w.Kinds(); told != "requested, isolated, released, requested" || w.Isolations("m1") != 2 {
		t.Errorf("%d isolations, told %q", w.Isolations("m1"), told)
	}
}

// TestReleaseDoneBeforeTheIsolationIsNoEndOfIt has a release that was asked for after the isolation and done before it.
func TestReleaseDoneBeforeTheIsolationIsNoEndOfIt(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 5)
	w.Advance(time.Minute)
	w.Mu.Lock()
	release := w.Add(machine.Unisolate, "m1", "by hand", "", "alice@contoso.com")
	w.Finish(release.ID, machine.Succeeded)
	w.Mu.Unlock()
	w.Advance(time.Minute)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(2 * time.Hour)
	w.Follow(p)
	if told := w.Kinds(); told != "requested, isolated" || w.LatchOn(p).State != latches.Achieved {
		t.Errorf("told %q, %+v", told, w.LatchOn(p))
	}
	if d, err := follow.ReadDrift(t.Context(), p.Ledger.Switches); err != nil || d.NotIsolated+d.Elsewhere != 0 {
		t.Errorf("drift = %+v, %v", d, err)
	}
}

// TestRestrictionOfAppsIsNeverLifted follows one for a year.
func TestRestrictionOfAppsIsNeverLifted(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t,
		strings.Replace(world.IsolateHigh, `isolate: { type: Full, comment: "Alert {{.Alert.ID}}" }`,
			"restrictApps: {}", 1))
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 5)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Pass(p, 365*world.Day, world.Day)
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 5)
	if w.Posts != 1 || w.Run("da2", 1).Outcome != "restricted" || strings.Contains(w.Kinds(), "lift") {
		t.Errorf("%d requests, %+v, told %q", w.Posts, w.Run("da2", 1), w.Kinds())
	}
}

// TestWarningKilledAnywhereIsToldOnce kills the follow that tells of the lift at every call.
func TestWarningKilledAnywhereIsToldOnce(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w, p := world.Isolated(t)
			w.Advance(6 * world.Day)
			mortal := w.Start(points, mute)
			_ = mortal.Follower.Follow(context.Background())
			killed = mortal.Died()
			w.Pass(p, 3*time.Hour, 30*time.Minute)
			if told := w.Kinds(); told != "requested, isolated, lifts soon" || !w.LatchOn(p).LiftTold {
				t.Errorf("killed at %d (answer lost %v): told %q", points, mute, told)
			}
		}
		if points < 8 {
			t.Errorf("only %d kill points", points)
		}
	}
}
