package tally_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/tallies"
	"cordon/handler/machine"
	"cordon/handler/tally"
)

// answered is a world with runs that ended in several ways.
func answered(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t)
	for i := range 3 {
		w.AlertOn(fmt.Sprintf("high%d", i), fmt.Sprintf("m%d", i), alert.High)
		w.AlertOn(fmt.Sprintf("low%d", i), fmt.Sprintf("m%d", i), alert.Low)
	}
	p := w.Start(-1, false)
	w.Drain(p, 20)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Drain(p, 20)
	return w
}

func over(w *world.World, p *world.Process) *tally.Tally {
	return &tally.Tally{
		Lists:    p.Ledger.Lists,
		Tallies:  p.Ledger.Tallies,
		Switches: p.Ledger.Switches,
		Now:      w.Clock,
		Tick:     time.Minute,
	}
}

// TestKilledAtAnyCallARunIsCountedOnce kills the process at every call of a count, and lets another count after it.
func TestKilledAtAnyCallARunIsCountedOnce(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed(t, points, mute) {
			points++
		}
		if points < 5 {
			t.Errorf("only %d kill points", points)
		}
	}
}

func killed(t *testing.T, breaths int, mute bool) (died bool) {
	t.Helper()
	w := answered(t)
	dying := w.Start(breaths, mute)
	_ = over(w, dying).Keep(context.Background())
	p := w.Start(-1, false)
	for range tally.Days + 2 {
		if err := over(w, p).Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.Advance(20 * time.Minute) // what was counted halfway is counted again
	if err := over(w, p).Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	is, err := w.History(p).Count(t.Context(), tally.Days)
	if err != nil {
		t.Fatal(err)
	}
	want := []tallies.Count{
		{Mode: "enforce", Outcome: "no rule", Runs: 3},
		{Rule: "contain-high-severity", Mode: "enforce", Outcome: "isolated", Runs: 3},
	}
	if is.Runs != 6 || fmt.Sprint(is.Counts) != fmt.Sprint(want) || len(is.Days) != tally.Days {
		t.Errorf("killed after %d calls (answer lost: %v): %d runs of %d days, %+v", breaths, mute, is.Runs, len(is.Days),
			is.Counts)
	}
	return dying.Died()
}

// TestTodayIsCountedTheOftenerTheFewerRunsThereAre looks when a day of few runs is counted again, and how long that
// takes for more.
func TestTodayIsCountedTheOftenerTheFewerRunsThereAre(t *testing.T) {
	t.Parallel()
	w := answered(t)
	p := w.Start(-1, false)
	begun := w.Clock()
	for tick, want := range []time.Duration{0, 0, 2, 2, 4, 4, 6} {
		if err := over(w, p).Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		is, err := w.History(p).Count(t.Context(), 1)
		if err != nil || is.MadeAt().Sub(begun) != want*time.Minute {
			t.Errorf("after %d minutes: counted at %s, %v", tick, is.MadeAt(), err)
		}
		w.Advance(time.Minute)
	}
	for pages, want := range map[int]time.Duration{2: 2, 7: 7, 15: 15, 200: 15} {
		if got := tally.Pause(pages); got != want*time.Minute {
			t.Errorf("%d pages are read again after %s", pages, got)
		}
	}
}
