package notices

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestNoticesHold holds what is promised of notices.
func TestNoticesHold(t *testing.T) {
	t.Parallel()
	rowstest.Hold(t, In, map[string]func(*testing.T, *Store){
		"an event is told once and a claimed notice never grows":  tellings,
		"a notice is unsent until it is marked, and claims lapse": claims,
		"many tellers at once lose nothing":                       tellers,
	})
}

func add(t *testing.T, s *Store, eventKey string) (Notice, bool) {
	t.Helper()
	n, opened, err := s.Add(t.Context(), "incident:1", eventKey, map[string]string{"k": eventKey}, noon, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return n, opened
}

func tellings(t *testing.T, s *Store) {
	first, opened := add(t, s, "a")
	if !opened || first.Seq != 1 {
		t.Fatalf("%+v, %v", first, opened)
	}
	for _, k := range []string{"a", "b", "b"} {
		if n, opened := add(t, s, k); opened || n.Seq != 1 {
			t.Errorf("%s: %+v, %v", k, n, opened)
		}
	}
	claimed, entries, err := s.Claim(t.Context(), "incident:1", 1, noon, time.Minute)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if n, opened := add(t, s, "c"); !opened || n.Seq != 2 {
		t.Errorf("an entry joined a claimed notice: %+v, %v", n, opened)
	}
	if n, opened := add(t, s, "a"); opened || n.Seq != 1 {
		t.Errorf("an old event is new: %+v, %v", n, opened)
	}
	if err := s.Done(t.Context(), claimed, noon); err != nil {
		t.Fatal(err)
	}
	if _, entries, err = s.Claim(t.Context(), "incident:1", 2, noon, time.Minute); err != nil || len(entries) != 3 {
		t.Errorf("the second notice knows %d entries, %v", len(entries), err)
	}
}

func claims(t *testing.T, s *Store) {
	add(t, s, "a")
	unsent := func() int {
		list, err := s.Unsent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	n, _, err := s.Claim(t.Context(), "incident:1", 1, noon, time.Minute)
	if err != nil || unsent() != 1 {
		t.Fatalf("%v, %d unsent", err, unsent())
	}
	if _, _, err := s.Claim(t.Context(), "incident:1", 1, noon.Add(59*time.Second), time.Minute); !errors.Is(err, ErrClaimed) {
		t.Errorf("a second claim: %v", err)
	}
	if err := s.Failed(t.Context(), n, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n, _, err = s.Claim(t.Context(), "incident:1", 1, noon.Add(2*time.Second), time.Minute); err != nil || n.Failures != 1 {
		t.Fatalf("after a failure: %+v, %v", n, err)
	}
	if _, _, err = s.Claim(t.Context(), "incident:1", 1, noon.Add(2*time.Minute), time.Minute); err != nil {
		t.Errorf("a lapsed claim: %v", err)
	}
	// The mail of the lapsed claim was accepted after all.
	if err := s.Done(t.Context(), n, noon); err != nil || unsent() != 0 {
		t.Errorf("done: %v, %d unsent", err, unsent())
	}
	if err := s.Done(t.Context(), n, noon); err != nil {
		t.Errorf("done again: %v", err)
	}
	if _, _, err := s.Claim(t.Context(), "incident:1", 1, noon.Add(time.Hour), time.Minute); !errors.Is(err, ErrSent) {
		t.Errorf("a sent notice: %v", err)
	}
	if _, _, err := s.Claim(t.Context(), "nobody", 1, noon, time.Minute); !errors.Is(err, ErrNone) {
		t.Errorf("no notice: %v", err)
	}
	table := s.Table(rows.Notices)
	ghost := Notice{Keys: table.At(rows.Key("ghost", "1"), "due"), Group: "ghost", Seq: 1, DueAt: noon}
	if err := table.Put(t.Context(), &ghost); err != nil || unsent() != 1 {
		t.Fatalf("%v, %d unsent", err, unsent())
	}
	if dropped, err := s.DropUnwritten(t.Context(), ghost); !dropped || err != nil || unsent() != 0 {
		t.Errorf("%v, %v, %d unsent", dropped, err, unsent())
	}
}

func tellers(t *testing.T, s *Store) {
	var group sync.WaitGroup
	var opened atomic.Int64
	for i := range 5 {
		group.Go(func() {
			for {
				_, fresh, err := s.Add(context.Background(), "g", fmt.Sprint(i), i, noon, noon)
				if errors.Is(err, rows.ErrConflict) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				if fresh {
					opened.Add(1)
				}
				return
			}
		})
	}
	group.Wait()
	_, entries, err := s.Claim(t.Context(), "g", 1, noon, time.Minute)
	if err != nil || len(entries) != 5 || opened.Load() != 1 {
		t.Errorf("%d entries in a notice opened %d times, %v", len(entries), opened.Load(), err)
	}
}
