package response

import (
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// isolatedAWhileAgo is a world with one machine that was isolated by us, two hours ago.
func isolatedAWhileAgo(t *testing.T) (*world, *process) {
	t.Helper()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 10)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.advance(2 * time.Hour)
	return w, p
}

func TestReleaseThatNoFollowSawIsFoundByTheHourlyLook(t *testing.T) {
	t.Parallel()
	w, p := isolatedAWhileAgo(t)
	w.follow(p)
	w.mu.Lock()
	release := w.add(machine.Unisolate, "m1", "by hand", "", "Portal")
	w.actions[len(w.actions)-1].Created = w.now.Add(-time.Hour) // listed only now, behind the overlap
	w.finish(release.ID, machine.Succeeded)
	w.mu.Unlock()
	w.advance(10 * time.Minute)
	w.follow(p)
	if l, err := p.ledger.Latch(t.Context(), "m1", ledger.Isolation); err != nil || l.State != ledger.Achieved {
		t.Fatalf("the release was seen without the hourly look: %+v, %v", l, err)
	}
	w.advance(time.Hour)
	w.follow(p)
	if l, err := p.ledger.Latch(t.Context(), "m1", ledger.Isolation); err != nil || l.State != ledger.Ended || l.ReleasedAt.IsZero() {
		t.Errorf("after the hourly look the latch is %+v, %v", l, err)
	}
	if d, err := ReadDrift(t.Context(), p.ledger); err != nil || d.NotIsolated != 0 || d.Elsewhere != 0 || d.At.IsZero() {
		t.Errorf("drift = %+v, %v", d, err)
	}
}

func TestIsolationByOthersIsDrift(t *testing.T) {
	t.Parallel()
	w, p := isolatedAWhileAgo(t)
	w.mu.Lock()
	foreign := w.add(machine.Isolate, "m2", "by hand", machine.Full, "Portal")
	w.finish(foreign.ID, machine.Succeeded)
	w.mu.Unlock()
	w.follow(p)
	if d, err := ReadDrift(t.Context(), p.ledger); err != nil || d.NotIsolated != 0 || d.Elsewhere != 1 || len(d.Machines) != 1 || d.Machines[0] != "m2" {
		t.Errorf("drift = %+v, %v", d, err)
	}
	if told := w.kinds(); told != "requested, isolated" {
		t.Errorf("told %q", told)
	}
}

func TestMachineBelievedIsolatedThatIsNotIsDrift(t *testing.T) {
	t.Parallel()
	w, p := isolatedAWhileAgo(t)
	// The API lists a release from before the isolation, and the isolation no more.
	w.mu.Lock()
	w.actions[0].Type, w.actions[0].ID = machine.Unisolate, "release"
	w.actions[0].Updated = w.actions[0].Created.Add(-time.Second)
	w.mu.Unlock()
	w.follow(p)
	if d, err := ReadDrift(t.Context(), p.ledger); err != nil || d.NotIsolated != 1 || len(d.Machines) != 1 || d.Machines[0] != "m1" {
		t.Errorf("drift = %+v, %v", d, err)
	}
}

func TestWholePictureIsLookedAtOnceAnHourWithoutFurtherCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	lists := 0
	p.onList = func() { lists++ }
	for range 120 {
		w.follow(p)
		w.advance(time.Minute)
	}
	if lists != 2 {
		t.Errorf("%d lists in two hours without an open episode", lists)
	}
}

// TestHourlyLookIsTakenAtEveryFollowOfAnHourlyFollower has ticks come some milliseconds early and late.
func TestHourlyLookIsTakenAtEveryFollowOfAnHourlyFollower(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	p.follower.Every = time.Hour
	begun := w.clock()
	for tick := range 12 {
		w.advance(begun.Add(time.Duration(tick)*time.Hour + []time.Duration{2, -3, 0, -1}[tick%4]*time.Millisecond).Sub(w.clock()))
		w.follow(p)
		if looked, err := p.ledger.Mark(t.Context(), markReconcile); err != nil || !looked.At.Equal(w.clock()) {
			t.Errorf("tick %d: looked at %s (%v)", tick, looked.At, err)
		}
	}
}
