package runs

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/rows/rowstest"
)

// TestAnOwnChangeIsNoNewsOnTheOtherMachinesOfTheAlert has the answer on one machine change an alert that names two.
func TestAnOwnChangeIsNoNewsOnTheOtherMachinesOfTheAlert(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("a", 40)
	on := map[string]alert.Alert{}
	for id, machineID := range map[string]string{"da1": "m1", alert.OnMachine("da1", other): other} {
		on[id] = alert.Alert{
			ID:        id,
			MachineID: machineID,
			Severity:  alert.High,
			Status:    alert.StatusNew,
			Source:    alert.Graph,
			Updated:   noon,
		}
	}
	hold := map[string]func(*testing.T, *Store){}
	for by := range on {
		hold["changed by "+by[:3]+by[len(by)-2:]] = func(t *testing.T, s *Store) { changedOnOne(t, s, on, by) }
	}
	rowstest.Hold(t, alone, hold)
}

func changedOnOne(t *testing.T, s *Store, on map[string]alert.Alert, by string) {
	t.Helper()
	after := func(a alert.Alert, d time.Duration) alert.Alert {
		a.Status, a.Updated = alert.StatusInProgress, noon.Add(d)
		return a
	}
	for _, a := range on {
		observe(t, s, a, noon)
	}
	err := s.NoteOwnChange(t.Context(), by, looks.Own{
		Version: 1,
		Was:     on[by],
		Is:      after(on[by], time.Minute),
		Updated: noon.Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, a := range on {
		if v := observe(t, s, after(a, time.Minute), noon); v.Changed {
			t.Errorf("by %s: its own change is version %d of %s", by, v.Seen.Version, id)
		}
		record, err := s.Alert(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		seen := after(a, time.Minute)
		look := looks.Look{Alert: seen, Hash: alert.DecisionHash(seen), At: noon.Add(time.Hour)}
		if err := s.Touch(t.Context(), *record.Seen, look); err != nil {
			t.Fatal(err)
		}
		if v := observe(t, s, after(a, 2*time.Minute), noon); v.Changed {
			t.Errorf("by %s: a later look is version %d of %s", by, v.Seen.Version, id)
		}
		lower := after(a, 3*time.Minute)
		lower.Severity = alert.Low
		if v := observe(t, s, lower, noon); !v.Changed {
			t.Errorf("by %s: somebody else's change of %s is none", by, id)
		}
	}
}
