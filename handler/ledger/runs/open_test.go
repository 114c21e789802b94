package runs

import (
	"fmt"
	"testing"
	"time"
)

// open lists the entries of the index of open runs, and how many of them name a run that is not over.
func open(t *testing.T, s *Store, now time.Time) (entries []OpenEntry, runs int) {
	t.Helper()
	if err := s.EachOpen(t.Context(), func(e OpenEntry) error {
		entries = append(entries, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		_, open, err := s.ReadOpen(t.Context(), e, now)
		if err != nil {
			t.Fatal(err)
		}
		if open {
			runs++
		}
	}
	return entries, runs
}

func setState(t *testing.T, s *Store, id string, state State) {
	t.Helper()
	if _, err := s.Update(t.Context(), id, 1, func(r *Run) (bool, error) {
		r.State, r.DueAt = state, noon
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
}

func openRuns(t *testing.T, s *Store) {
	a := sampleAlert()
	for i := range 5 { // more than one page of the stand-in
		a.ID = fmt.Sprintf("da%d", i)
		observe(t, s, a, noon)
	}
	if entries, runs := open(t, s, noon); len(entries) != 5 || runs != 5 {
		t.Fatalf("%d entries, %d runs", len(entries), runs)
	}
	setState(t, s, "da0", Closed)
	setState(t, s, "da1", Parked)
	if entries, runs := open(t, s, noon); len(entries) != 3 || runs != 3 {
		t.Errorf("with two over: %d entries, %d runs", len(entries), runs)
	}
	setState(t, s, "da0", Started) // opened again
	if entries, runs := open(t, s, noon); len(entries) != 4 || runs != 4 {
		t.Errorf("with one opened again: %d entries, %d runs", len(entries), runs)
	}
	setState(t, s, "da0", Closed)

	// Entries that a crash left behind: of a run that is over, and of one that was never written.
	over, err := s.Alert(t.Context(), "da0")
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range []Run{over.Runs[0], {AlertID: "never", Version: 1}} {
		if err := s.addOpen(t.Context(), run, noon); err != nil {
			t.Fatal(err)
		}
	}
	if entries, runs := open(t, s, noon.Add(time.Hour)); len(entries) != 5 || runs != 3 {
		t.Errorf("with two left behind: %d entries, %d runs", len(entries), runs)
	}
	if entries, _ := open(t, s, noon.Add(25*time.Hour)); len(entries) != 4 {
		t.Errorf("the entry of a run that is over was kept: %d entries", len(entries))
	}
	if entries, _ := open(t, s, noon); len(entries) != 3 {
		t.Errorf("the entry without a run was kept for more than a day: %d entries", len(entries))
	}
}
