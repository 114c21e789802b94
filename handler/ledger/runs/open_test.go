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

func unanswered(t *testing.T, s *Store) {
	now := noon.Add(70 * time.Minute)
	want := func(what, id string, age time.Duration, open int) {
		t.Helper()
		u, err := s.OldestOpen(t.Context(), 4, now)
		if err != nil || u.RunID != id || u.For(now) != age || u.Open != open {
			t.Errorf("%s: %+v for %s, %v", what, u, u.For(now), err)
		}
		if c, err := s.CountOpen(t.Context(), 4, now); err != nil || c.Unanswered != u || c.More != (open > 4) {
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
	if _, err := s.Update(t.Context(), "da0", 1, func(r *Run) (bool, error) {
		r.Sweeps, r.DueAt = 3, now
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	want("swept", "da0:v1", 70*time.Minute, 4)
	setState(t, s, "da0", Waiting) // for a machine that is offline
	want("one waits", "da1:v1", 69*time.Minute, 4)
	setState(t, s, "da1", Closed)
	setState(t, s, "da2", Started)
	want("one is over", "da2:v1", 68*time.Minute, 3)
	for i := range 20 {
		a.ID = fmt.Sprintf("db%02d", i)
		observe(t, s, a, now.Add(-time.Minute))
	}
	want("a burst", "da2:v1", 68*time.Minute, 23)
	setState(t, s, "da2", Closed)
	setState(t, s, "da3", Closed)
	want("the burst alone", "db00:v1", time.Minute, 21)
	setState(t, s, "da1", Started) // opened again
	want("one opened again since it was due", "da1:v1", 70*time.Minute, 22)
}
