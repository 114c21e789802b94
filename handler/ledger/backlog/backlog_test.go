package backlog

import (
	"fmt"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/neighbours"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/handler/ledger/runs"
	"cordon/handler/outgoing/outgoingtest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestEveryDocumentCanBeWritten(t *testing.T) {
	t.Parallel()
	outgoingtest.Written(t, []any{Stuck{}})
}

func TestTheOldestUnansweredRunIsFound(t *testing.T) {
	t.Parallel()
	in := func(tables *rows.Tables) *runs.Store { return runs.In(tables, neighbours.In(tables)) }
	rowstest.Hold(t, in, map[string]func(*testing.T, *runs.Store){
		"however often it is sent again": unanswered,
	})
}

// TestARunThatWaitsIsNotStuck counts one whose row says so, and one that does not get on.
func TestARunThatWaitsIsNotStuck(t *testing.T) {
	t.Parallel()
	var s Stuck
	run := runs.Run{State: runs.Waiting, StuckSince: noon}
	if s.add(run, noon.Add(time.Hour)); s.Runs != 0 {
		t.Errorf("counted %+v", s)
	}
	run.State = runs.Started
	if s.add(run, noon.Add(time.Hour)); s.Runs != 1 {
		t.Errorf("counted %+v", s)
	}
}

func sampleAlert() alert.Alert {
	return alert.Alert{ID: "da1", Severity: alert.Medium, MachineID: "m1", Updated: noon, Title: "t"}
}

func observe(t *testing.T, s *runs.Store, a alert.Alert, at time.Time) {
	t.Helper()
	_, err := s.Observe(t.Context(), runs.Observation{Alert: a, Hash: alert.DecisionHash(a), At: at})
	if err != nil {
		t.Fatal(err)
	}
}

func setState(t *testing.T, s *runs.Store, id string, state runs.State) {
	t.Helper()
	if _, err := s.Update(t.Context(), id, 1, func(r *runs.Run) (bool, error) {
		r.State, r.DueAt = state, noon
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
}

func unanswered(t *testing.T, s *runs.Store) {
	now := noon.Add(70 * time.Minute)
	want := func(what, id string, age time.Duration, open int) {
		t.Helper()
		u, err := Oldest(t.Context(), s, 4, now)
		if err != nil || u.RunID != id || u.For(now) != age || u.Open != open {
			t.Errorf("%s: %+v for %s, %v", what, u, u.For(now), err)
		}
		if c, err := Count(t.Context(), s, 4, now); err != nil || c.Unanswered != u || c.More != (open > 4) {
			t.Errorf("%s: counted %+v, %v", what, c, err)
		}
	}
	want("nothing", "", 0, 0)
	a := sampleAlert()
	for i := range 4 { // more than one page of the stand-in
		a.ID = fmt.Sprintf("da%d", i)
		observe(t, s, a, noon.Add(time.Duration(i)*time.Minute))
	}
	// A sweep sends it again: it is due anew, and as unanswered as before.
	if _, err := s.Update(t.Context(), "da0", 1, func(r *runs.Run) (bool, error) {
		r.Sweeps, r.DueAt = 3, now
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	want("swept", "da0:v1", 70*time.Minute, 4)
	setState(t, s, "da0", runs.Waiting) // for a machine that is offline
	want("one waits", "da1:v1", 69*time.Minute, 4)
	setState(t, s, "da1", runs.Closed)
	setState(t, s, "da2", runs.Started)
	want("one is over", "da2:v1", 68*time.Minute, 3)
	for i := range 20 {
		a.ID = fmt.Sprintf("db%02d", i)
		observe(t, s, a, now.Add(-time.Minute))
	}
	want("a burst", "da2:v1", 68*time.Minute, 23)
	setState(t, s, "da2", runs.Closed)
	setState(t, s, "da3", runs.Closed)
	want("the burst alone", "db00:v1", time.Minute, 21)
	setState(t, s, "da1", runs.Started) // opened again
	want("one opened again since it was due", "da1:v1", 70*time.Minute, 22)
}
