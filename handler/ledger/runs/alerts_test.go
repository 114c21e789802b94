package runs

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/neighbours"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestRunsHold holds what is promised of alerts and their runs.
func TestRunsHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, alone, map[string]func(*testing.T, *Store){
		"every change of the decision is one version with its run": versions,
		"observers at once make each version once":                 observersAtOnce,
		"a version whose run was lost is answered again":           lostRun,
		"a run that was asked for has a record":                    asked,
		"updates of a run are never lost":                          updates,
		"a plan comes back, a huge one in its short form":          plans,
		"runs are listed newest first":                             index,
		"runs from before there were lists come onto them":         listsOld,
		"a run stands on the lists that its state is on":           listed,
		"what is not over stays in the index of open runs":         openRuns,
		"an own change of an alert is no new version":              ownChanges,
		"a machine is found by its name":                           named,
	})
}

// alone is the runs in some tables, without neighbours.
func alone(tables *rows.Tables) *Store { return In(tables, neighbours.In(tables)) }

func sampleAlert() alert.Alert {
	return alert.Alert{ID: "da1", Severity: alert.Medium, MachineID: "m1", Updated: noon, Title: "t"}
}

func observe(t *testing.T, s *Store, a alert.Alert, at time.Time) ObservedVersion {
	t.Helper()
	_, sha := alert.Snapshot(a)
	o, err := s.Observe(t.Context(), Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, At: at})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func versions(t *testing.T, s *Store) {
	a := sampleAlert()
	for i, severity := range []alert.Severity{alert.Medium, alert.High, alert.Medium, alert.High} {
		a.Severity, a.Updated = severity, noon.Add(time.Duration(i)*time.Minute)
		if o := observe(t, s, a, noon); !o.Changed || o.Run.Version != i+1 || o.Run.State != Observed {
			t.Errorf("observation %d: %+v", i, o)
		}
	}
	if o := observe(t, s, a, noon); o.Changed || o.Run.Version != 4 {
		t.Errorf("the same again: %+v", o)
	}
	old := a
	old.Severity, old.Updated = alert.Low, noon
	if o := observe(t, s, old, noon); o.Changed {
		t.Errorf("an older view made version %d", o.Run.Version)
	}
	single := a
	single.Severity = alert.Low
	o, err := s.Observe(t.Context(), Observation{
		Alert:  single,
		Hash:   alert.DecisionHash(single),
		At:     noon,
		Single: true,
	})
	if err != nil || o.Changed {
		t.Errorf("a single read of the same moment made version %d, %v", o.Run.Version, err)
	}
	record, err := s.Alert(t.Context(), "da1")
	if err != nil || len(record.Runs) != 4 || record.Seen.Version != 4 {
		t.Errorf("%d runs, %+v, %v", len(record.Runs), record.Seen, err)
	}
	if none, err := s.Alert(t.Context(), "da"); err != nil || none.Seen != nil || len(none.Runs) != 0 {
		t.Errorf("an alert with a shorter id: %+v, %v", none, err)
	}
}

func observersAtOnce(t *testing.T, s *Store) {
	var group sync.WaitGroup
	var made atomic.Int64
	for i := range 8 { // rows.Try lets each of them lose seven times
		group.Go(func() {
			a := sampleAlert()
			if i%2 == 0 {
				a.Severity, a.Updated = alert.High, noon.Add(time.Minute)
			}
			o, err := s.Observe(context.Background(), Observation{Alert: a, Hash: alert.DecisionHash(a), At: noon})
			if err != nil {
				t.Error(err)
			}
			if o.Changed {
				made.Add(1)
			}
		})
	}
	group.Wait()
	record, err := s.Alert(t.Context(), "da1")
	if err != nil || int64(len(record.Runs)) != made.Load() || made.Load() > 2 ||
		record.Seen.Version != len(record.Runs) {
		t.Errorf("%d versions made, %d runs, %v", made.Load(), len(record.Runs), err)
	}
}

func lostRun(t *testing.T, s *Store) {
	o := observe(t, s, sampleAlert(), noon)
	if err := s.alerts.Remove(t.Context(), o.Run.Keys); err != nil {
		t.Fatal(err)
	}
	if o := observe(t, s, sampleAlert(), noon); !o.Changed || o.Run.Version != 1 {
		t.Errorf("after the loss: %+v", o)
	}
}

func asked(t *testing.T, s *Store) {
	for range 2 {
		run, err := s.Asked(t.Context(), "da1", noon)
		if err != nil || run.Version != 0 || run.State != Observed {
			t.Fatalf("%+v, %v", run, err)
		}
	}
	if o := observe(t, s, sampleAlert(), noon); o.Run.Version != 1 {
		t.Errorf("first version %d", o.Run.Version)
	}
}

// ownChanges: what Cordon changed itself is seen, what others changed besides is not.
func ownChanges(t *testing.T, s *Store) {
	ctx := context.Background()
	a := alert.Alert{ID: "da1", Severity: alert.High, Status: alert.StatusNew, Updated: noon}
	observe := func(a alert.Alert) ObservedVersion {
		t.Helper()
		v, err := s.Observe(ctx, Observation{Alert: a, Hash: alert.DecisionHash(a), At: noon})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	observe(a)
	was := a
	a.Status, a.Updated = alert.StatusInProgress, noon.Add(1)
	for range 2 {
		if err := s.NoteOwnChange(ctx, "da1", looks.Own{
			Version: 1,
			Was:     was,
			Is:      a,
			Updated: a.Updated,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if v := observe(a); v.Changed || v.Seen.Version != 1 {
		t.Errorf("its own change is version %d", v.Seen.Version)
	}
	other := a
	other.Severity, other.Updated = alert.Low, noon.Add(2)
	if v := observe(other); !v.Changed {
		t.Error("somebody else's change is none")
	}
	if err := s.NoteOwnChange(ctx, "da1", looks.Own{
		Version: 1,
		Was:     a,
		Is:      was,
		Updated: noon.Add(3),
	}); err != nil {
		t.Fatal(err)
	}
	if seen, _, err := s.Seen(ctx, "da1"); err != nil || seen.Hash != alert.DecisionHash(other) {
		t.Errorf("a change of an older version was noted: %+v, %v", seen, err)
	}
}
