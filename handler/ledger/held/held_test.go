package held

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/handler/machine"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestWhatIsHeldStays holds what is promised of what rails held.
func TestWhatIsHeldStays(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, among, map[string]func(*testing.T, *rows.Tables){
		"what is held stays until it is removed, and only that": heldSteps,
	})
}

func among(tables *rows.Tables) *rows.Tables { return tables }

func heldSteps(t *testing.T, tables *rows.Tables) {
	s := In(tables)
	m := machine.Machine{ID: "m1", ComputerDNSName: "dc01", Tags: []string{"Tier'0", "x|y"}}
	for version := 1; version <= 2; version++ {
		h := Entry{
			AlertID:   "da1",
			Version:   version,
			MachineID: m.ID,
			At:        noon,
			Steps: Steps{
				{"isolate", "isolate Full", strings.Repeat("é", 2000)}, {"scan:Quick", "scan Quick", "why"},
			},
		}
		for range 2 {
			if err := s.Add(t.Context(), h, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	h, found, err := s.Of(t.Context(), "da1", 2)
	facts, factsErr := h.Facts()
	if err != nil || !found || factsErr != nil || facts.ComputerDNSName != "dc01" || len(facts.Tags) != 2 ||
		facts.Tags[0] != "Tier'0" {
		t.Fatalf("%+v, %v, %v, %+v, %v", h, found, err, facts, factsErr)
	}
	if steps := h.Wanted(); len(steps) != 2 || steps[1] != (Step{"scan:Quick", "scan Quick", "why"}) ||
		!strings.HasPrefix(h.Reason, "isolate Full: é") {
		t.Errorf("steps %+v, reason %s", steps, h.Reason)
	}
	// A row from before there were steps, of a version that is newer than another alert's.
	old := Entry{Keys: s.heldKeys("da2", 1), AlertID: "da2", Version: 1, MachineID: "m2", Reason: "protected", At: noon}
	if err := s.open.Put(t.Context(), &old); err != nil {
		t.Fatal(err)
	}
	all, err := s.All(t.Context())
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.AlertID, b.AlertID) })
	if err != nil || len(all) != 2 || all[0].Version != 2 ||
		all[1].Wanted()[0] != (Step{"isolate", "isolate", "protected"}) {
		t.Errorf("held: %+v, %v", all, err)
	}
	for range 2 {
		if err := errors.Join(s.Remove(t.Context(), "da1", 1), s.Remove(t.Context(), "da2", 1)); err != nil {
			t.Fatal(err)
		}
	}
	if all, err = s.All(t.Context()); err != nil || len(all) != 1 || all[0].Version != 2 {
		t.Errorf("left %+v, %v", all, err)
	}
	if err := s.Remove(t.Context(), "da1", 2); err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.Of(t.Context(), "da1", 2); found || err != nil {
		t.Errorf("removed and found: %v, %v", found, err)
	}
	if open, err := latches.In(tables).OpenEpisodes(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("what is held counts as an episode: %+v, %v", open, err)
	}
}
