package switches

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lookups is a promise: many instances ask for more than the hour has, and the row stays small.
func lookups(t *testing.T, s *Store) {
	const n = 8
	ask := func(s *Store, id string, at time.Time) LookupAnswer {
		leave, err := s.AskToLookUp(t.Context(), id, at)
		if err != nil {
			t.Error(err)
		}
		return leave
	}
	var group sync.WaitGroup
	var given atomic.Int64
	for i := range n {
		process := In(s.Tables)
		group.Go(func() {
			for j := range 5 {
				if ask(process, fmt.Sprintf("da%d_%d", i, j), noon) == LookUp {
					given.Add(1)
				}
			}
		})
	}
	group.Wait()
	if given.Load() != LookupsPerHour {
		t.Errorf("%d look-ups in an hour", given.Load())
	}
	read := func() Lookups {
		t.Helper()
		l, err := s.ReadLookups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	var one string
	for _, l := range read().All {
		if !l.Over {
			one = l.AlertID
		}
	}
	// One that is found is not counted; one that is not found is not looked up again.
	if err := s.Found(t.Context(), one, noon); err != nil {
		t.Fatal(err)
	}
	if got := ask(s, "another", noon); got != LookUp {
		t.Errorf("after one was found: %d", got)
	}
	if err := s.Missing(t.Context(), "another", noon); err != nil {
		t.Fatal(err)
	}
	if got := ask(s, "another", noon.Add(59*time.Minute)); got != LookedUp {
		t.Errorf("what is missing, again: %d", got)
	}
	long := strings.Repeat("x", 120)
	for i := range 2 * MaxLookups {
		if got := ask(s, fmt.Sprint(long, i), noon.Add(time.Minute)); got != NoLookupsLeft {
			t.Fatalf("beyond the hour's: %d", got)
		}
	}
	l := read()
	if untold := l.Untold(); len(l.All) != MaxLookups || l.More == 0 || len(untold) != MaxLookups-LookupsPerHour+1 {
		t.Errorf("%d ids and %d more, %d untold", len(l.All), l.More, len(untold))
	}
	if err := s.LookupsTold(t.Context(), l, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := ask(s, "later", noon.Add(61*time.Minute)); got != LookUp {
		t.Errorf("an hour later: %d", got)
	}
	if l := read(); len(l.All) != 1 || l.More != 0 || len(l.Untold()) != 0 || !l.ToldAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("after people were told: %+v", l)
	}
}
