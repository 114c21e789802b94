package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/rows/rowstest"
)

// TestNeighboursAreCounted holds what is promised of neighbours.
func TestNeighboursAreCounted(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"neighbours are counted where they are asked for": others,
	})
}

func others(t *testing.T, s *Store) {
	see := func(id, machineID string, incident int64, severity alert.Severity, at time.Time) {
		t.Helper()
		a := sampleAlert()
		a.ID, a.MachineID, a.IncidentID, a.Severity, a.Updated = id, machineID, incident, severity, at
		observe(t, s, a, at)
	}
	counts := func() string {
		t.Helper()
		on, err := s.Neighbours.OnMachine(t.Context(), "m1", "da1", noon.Add(-24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		in, err := s.Neighbours.InIncident(t.Context(), 7, "da1")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d on the machine, %d in the incident", on, in)
	}
	see("da0", "m1", 7, alert.High, noon)
	if got := counts(); got != "0 on the machine, 0 in the incident" {
		t.Errorf("counted although it was not asked for: %s", got)
	}
	s.Neighbours.Kept = true
	see("da1", "m1", 7, alert.High, noon)                                           // itself
	see(alert.OnMachine("da1", strings.Repeat("a", 40)), "m2", 7, alert.High, noon) // itself, on another machine
	see("da2", "m1", 7, alert.Medium, noon.Add(-2*time.Hour))                       // two versions, one alert
	see("da2", "m1", 7, alert.High, noon.Add(-time.Hour))                           //
	see("da2", "m1", 7, alert.High, noon.Add(-time.Minute))                         // no new version
	see("da3", "m1", 0, alert.High, noon.Add(-24*time.Hour))                        // of no incident, just in time
	see("da4", "m1", 7, alert.High, noon.Add(-24*time.Hour-1))                      // too long ago for the machine
	see("da5", "m11", 77, alert.High, noon)                                         // names that begin alike
	see("da6", "", 7, alert.High, noon)                                             // names no machine
	see("da'7|m1", "m1", 8, alert.High, noon.Add(1*time.Minute))                    // a name with what keys do not have
	if got := counts(); got != "3 on the machine, 3 in the incident" {
		t.Errorf("%s", got)
	}
	if _, _, err := s.Lists.Page(t.Context(), lists.Query{Limit: 10}); err != nil {
		t.Error(err)
	}
	if n, err := s.Housekeep(t.Context(), time.Now().Add(time.Hour), time.Now().Add(time.Hour)); err != nil || n == 0 {
		t.Errorf("%d removed, %v", n, err)
	}
	if got := counts(); got != "0 on the machine, 0 in the incident" {
		t.Errorf("after housekeeping: %s", got)
	}
}
