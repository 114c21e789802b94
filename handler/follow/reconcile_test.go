package follow_test

import (
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/follow"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/local/funchost"
)

// isolatedAWhileAgo is a world with one machine that was isolated by us, two hours ago.
func isolatedAWhileAgo(t *testing.T) (*world.World, *world.Process) {
	t.Helper()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 10)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(2 * time.Hour)
	return w, p
}

func TestReleaseThatNoFollowSawIsFoundByTheHourlyLook(t *testing.T) {
	t.Parallel()
	w, p := isolatedAWhileAgo(t)
	w.Follow(p)
	w.Mu.Lock()
	release := w.Add(machine.Unisolate, "m1", "by hand", "", "Portal")
	w.Actions[len(w.Actions)-1].Created = w.Now.Add(-time.Hour) // listed only now, behind the overlap
	w.Finish(release.ID, machine.Succeeded)
	w.Mu.Unlock()
	w.Advance(10 * time.Minute)
	w.Follow(p)
	if l, err := p.Ledger.Latches.Of(t.Context(), "m1", latches.Isolation); err != nil || l.State != latches.Achieved {
		t.Fatalf("the release was seen without the hourly look: %+v, %v", l, err)
	}
	w.Advance(time.Hour)
	w.Follow(p)
	if l, err := p.Ledger.Latches.Of(t.Context(), "m1", latches.Isolation); err != nil || l.State != latches.Ended ||
		l.ReleasedAt.IsZero() {
		t.Errorf("after the hourly look the latch is %+v, %v", l, err)
	}
	if d, err := follow.ReadDrift(t.Context(), p.Ledger.Switches); err != nil || d.NotIsolated != 0 ||
		d.Elsewhere != 0 ||
		d.At.IsZero() {
		t.Errorf("drift = %+v, %v", d, err)
	}
}

func TestIsolationByOthersIsDrift(t *testing.T) {
	t.Parallel()
	w, p := isolatedAWhileAgo(t)
	w.Mu.Lock()
	foreign := w.Add(machine.Isolate, "m2", "by hand", machine.Full, "Portal")
	w.Finish(foreign.ID, machine.Succeeded)
	w.Mu.Unlock()
	w.Follow(p)
	if d, err := follow.ReadDrift(t.Context(),
		p.Ledger.Switches); err != nil || d.NotIsolated != 0 || d.Elsewhere != 1 ||
		len(d.Machines) != 1 || d.Machines[0] != "m2" {
		t.Errorf("drift = %+v, %v", d, err)
	}
	if told := w.Kinds(); told != "requested, isolated" {
		t.Errorf("told %q", told)
	}
}

func TestMachineBelievedIsolatedThatIsNotIsDrift(t *testing.T) {
	t.Parallel()
	w, p := isolatedAWhileAgo(t)
	// The API lists a release from before the isolation, and the isolation no more.
	w.Mu.Lock()
	w.Actions[0].Type, w.Actions[0].ID = machine.Unisolate, "release"
	w.Actions[0].Updated = w.Actions[0].Created.Add(-time.Second)
	w.Mu.Unlock()
	w.Follow(p)
	if d, err := follow.ReadDrift(t.Context(), p.Ledger.Switches); err != nil || d.NotIsolated != 1 ||
		len(d.Machines) != 1 ||
		d.Machines[0] != "m1" {
		t.Errorf("drift = %+v, %v", d, err)
	}
}

func TestWholePictureIsLookedAtOnceAnHourWithoutFurtherCalls(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	lists := 0
	p.OnList = func() { lists++ }
	for range 120 {
		w.Follow(p)
		w.Advance(time.Minute)
	}
	if lists != 2 {
		t.Errorf("%d lists in two hours without an open episode", lists)
	}
}

// TestHourlyLookIsTakenAtEveryFollowOfAnHourlyFollower has ticks come some milliseconds early and late.
func TestHourlyLookIsTakenAtEveryFollowOfAnHourlyFollower(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	p.Follower.Every = time.Hour
	begun := w.Clock()
	for tick := range 12 {
		w.Advance(begun.Add(time.Duration(tick)*time.Hour +
			[]time.Duration{2, -3, 0, -1}[tick%4]*time.Millisecond).Sub(w.Clock()))
		w.Follow(p)
		if looked, err := p.Ledger.Switches.Mark(t.Context(), follow.MarkReconcile); err != nil ||
			!looked.At.Equal(w.Clock()) {
			t.Errorf("tick %d: looked at %s (%v)", tick, looked.At, err)
		}
	}
}

// TestADayOfTheHostsTicksLooksAtEverythingOnceAnHour follows every minute for a day, as early and as late as the host's
// timers tick.
func TestADayOfTheHostsTicksLooksAtEverythingOnceAnHour(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	p.Follower.Every = time.Minute
	begun := w.Clock()
	for tick := range 24 * 60 {
		mark := begun.Add(time.Duration(tick) * time.Minute)
		w.Advance(mark.Add(funchost.Lateness(1, "FollowActions", mark)).Sub(w.Clock()))
		w.Follow(p)
		looked, err := p.Ledger.Switches.Mark(t.Context(), follow.MarkReconcile)
		if now := looked.At.Equal(w.Clock()); err != nil || now != (tick%60 == 0) {
			t.Errorf("tick %d at %s: looked at everything at %s (%v)", tick, w.Clock().Format("15:04:05.000"),
				looked.At, err)
		}
	}
}
