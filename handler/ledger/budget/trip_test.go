package budget

import (
	"testing"
	"time"
)

func trips(t *testing.T, s *Store) {
	trip := func(after time.Duration) (Trip, bool) {
		t.Helper()
		got, told, err := s.Trip(t.Context(), "isolate/an hour", "5 of at most 5", noon.Add(after), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return got, told
	}
	first, told := trip(0)
	if told {
		t.Error("the first was told before")
	}
	if again, told := trip(time.Second); told || !again.Since.Equal(first.Since) {
		t.Errorf("one that died before it told: told %v, since %s", told, again.Since)
	} else if err := s.TripTold(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{2 * time.Second, 50 * time.Minute, 100 * time.Minute, 159 * time.Minute} {
		if _, told := trip(after); !told {
			t.Errorf("after %s it is to be told again", after)
		}
	}
	if all, err := s.Trips(t.Context(), noon.Add(160*time.Minute)); err != nil || len(all) != 1 ||
		all[0].Text != "5 of at most 5" {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := s.Trips(t.Context(), noon.Add(5*time.Hour)); err != nil || len(all) != 0 {
		t.Errorf("long after: %+v, %v", all, err)
	}
	if next, told := trip(5 * time.Hour); told || next.Since.Equal(first.Since) {
		t.Errorf("the next time: told %v, since %s", told, next.Since)
	}
}
