package hunt

import (
	"testing"
	"time"

	"cordon/handler/ledger/hunts"
)

// TestItIsKnownSinceWhenARowMayHaveBeenThere has one row at the first turn, one more at the next, and another one after
// a day without turns.
func TestItIsKnownSinceWhenARowMayHaveBeenThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	var shown []int
	for machine, gap := range []time.Duration{time.Hour, time.Hour, 24 * time.Hour} {
		shown = append(shown, machine)
		w.show(shown...)
		w.advance(gap)
		w.run()
	}
	got := map[string]time.Duration{}
	for _, m := range w.sent {
		f, found, err := w.start(-1, false).ledger.Findings.Of(t.Context(), m.Message.AlertID)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		got[f.MachineID] = f.Since.Sub(noon)
	}
	for machine, want := range []time.Duration{
		-time.Hour,    // two hours before the first turn, of which nothing is known
		time.Hour,     // the turn before saw all
		2 * time.Hour, // so did the last one before the day
	} {
		if got[machineID(machine)] != want {
			t.Errorf("the row of machine %d may have been there since noon %+v, want %+v", machine,
				got[machineID(machine)], want)
		}
	}
}

func TestATurnThatLeftRowsOutVouchesForNothing(t *testing.T) {
	t.Parallel()
	turn := hunts.Turn{Since: noon.Add(-time.Hour)}
	for what, before := range map[string]hunts.Hunt{
		"more rows were new than it reports":    {RanAt: noon, Uncovered: noon.Add(-time.Minute)},
		"more rows were there than it is given": {RanAt: noon, Uncovered: noon.Add(time.Hour), Rows: MaxRows},
	} {
		if got := thereSince(before, turn); !got.Equal(turn.Since) {
			t.Errorf("%s: rows may have been there since %s", what, got)
		}
	}
}
