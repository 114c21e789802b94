package episodes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/desk/episodes"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// told is an episode in a line.
func told(e episodes.Episode) string {
	line := fmt.Sprintf("%s by %s for %s: %s", e.Kind, e.By, e.AlertID, e.State)
	if e.End != "" {
		line += ", " + e.End
	}
	return line
}

// TestEpisodesAreToldWithTheirEnds has one machine isolated again and again, each time with another end.
func TestEpisodesAreToldWithTheirEnds(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	w.ByHand(p, "m1")
	again := func(id string, status machine.ActionStatus) {
		w.Advance(time.Minute)
		w.AlertOn(id, "m1", alert.High)
		w.Drain(p, 3)
		w.FinishAll(status)
		w.Follow(p)
	}
	again("da2", machine.Succeeded)
	w.Pass(p, world.Lift+time.Hour, 12*time.Hour)
	again("da3", machine.Cancelled)
	again("da4", machine.Succeeded)
	all, err := episodes.Of(t.Context(), p.Ledger.Latches, "m1", 50)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, e := range all {
		got = append(got, told(e))
		if e.Began.IsZero() || e.RunID != e.AlertID+":v1" || e.ActionID == "" ||
			(e.End == "") != e.Ended.IsZero() || (e.End == "") != (e.Why == "") ||
			i > 0 && e.Began.After(all[i-1].Began) {
			t.Errorf("%+v", e)
		}
	}
	want := []string{
		"isolation by cordon for da4: in force",
		"isolation by cordon for da3: over, cancelled",
		"isolation by cordon for da2: over, lifted",
		"isolation by cordon for da1: over, released",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if first := all[3]; !strings.Contains(first.Why, "Released by ") || first.Reached.IsZero() {
		t.Errorf("the first: %+v", first)
	}
	if other, err := episodes.Of(t.Context(), p.Ledger.Latches, "m2", 50); err != nil || other == nil || len(other) > 0 {
		t.Errorf("of another machine: %+v, %v", other, err)
	}
}

// TestManyEpisodesCostAsManyCallsAsOne counts the calls of the tables.
func TestManyEpisodesCostAsManyCallsAsOne(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	if err := p.Ledger.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls := 0
	p.Between = func() { calls++ }
	counted := func(want int) int {
		calls = 0
		all, err := episodes.Of(t.Context(), p.Ledger.Latches, "m1", 50)
		if err != nil || len(all) != want {
			t.Fatalf("%d episodes, want %d, %v", len(all), want, err)
		}
		return calls
	}
	none := counted(0)
	for i := range 1200 {
		at := w.Clock().Add(time.Duration(i) * time.Minute)
		l := latches.Latch{
			MachineID:     "m1",
			Kind:          latches.Isolation,
			Episode:       i + 1,
			State:         latches.Ended,
			FirstIntentAt: at,
			EndedAt:       at,
		}
		for range 2 { // a repeat is harmless
			if err := p.Ledger.Latches.Keep(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
	}
	if many := counted(50); many != none {
		t.Errorf("%d calls for 1,200 episodes, %d for none", many, none)
	}
}
