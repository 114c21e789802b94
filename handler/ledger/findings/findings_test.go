package findings

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/neighbours"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/handler/ledger/runs"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestFindingsHold holds what is promised of findings.
func TestFindingsHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, answered, map[string]func(*testing.T, *Store){
		"a finding is one version for each time it is found": findings,
	})
}

// answered is the findings in some tables, with their runs.
func answered(tables *rows.Tables) *Store { return In(tables, runs.In(tables, neighbours.In(tables))) }

func sampleFinding() Finding {
	return Finding{
		ID:        alert.FindingID("tools", "0a1b"),
		Hunt:      "tools",
		Severity:  "High",
		MachineID: "m1",
		FoundAt:   noon,
	}
}

func findings(t *testing.T, s *Store) {
	f := sampleFinding()
	row := map[string]string{"DeviceId": "m1", "Line": strings.Repeat("\u00e4\u0001", 200_000)}
	if err := f.SetRow(row); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		o, err := s.Observe(t.Context(), f, noon)
		if err != nil || o.Run.Version != 1 || o.Run.MachineID != "m1" || o.Run.State != runs.Observed {
			t.Fatalf("%+v, %v", o.Run, err)
		}
	}
	read, exists, err := s.Of(t.Context(), f.ID)
	if err != nil || !exists || read.Alert().Title != "Hunt tools" {
		t.Fatalf("%+v, %v, %v", read, exists, err)
	}
	if back, err := read.Row(); err != nil || back["DeviceId"] != "m1" || len(back["Line"]) < 1000 {
		t.Errorf("the row came back as %d columns, %v", len(back), err)
	}
	_, err = s.runs.Update(t.Context(), f.ID, 1, func(r *runs.Run) (bool, error) {
		r.State = runs.Closed
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.MachineName = "changed" // the same turn again, after its run was closed
	if o, err := s.Observe(t.Context(), f, noon); err != nil || o.Changed || o.Run.State != runs.Closed {
		t.Errorf("the same turn again: %+v, %v", o.Run, err)
	}
	f.FoundAt = noon.Add(time.Hour)
	o, err := s.Observe(t.Context(), f, f.FoundAt)
	if err != nil || !o.Changed || o.Run.Version != 2 {
		t.Errorf("found again: %+v, %v", o.Run, err)
	}
	if _, exists, err := s.Of(t.Context(), alert.FindingID("tools", "other")); exists || err != nil {
		t.Errorf("another finding: %v, %v", exists, err)
	}
	if !alert.IsFinding(f.ID) || alert.IsFinding("da638994417204415533_-1184209733") {
		t.Error("findings and alerts are mistaken for each other")
	}
}
