package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
)

func updates(t *testing.T, s *Store) {
	observe(t, s, sampleAlert(), noon)
	var group sync.WaitGroup
	var done atomic.Int64
	for range 6 {
		group.Go(func() {
			_, err := s.Update(context.Background(), "da1", 1, func(r *Run) (bool, error) {
				r.Copies++
				return true, nil
			})
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, rows.ErrConflict) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	run, err := s.Update(t.Context(), "da1", 1, func(*Run) (bool, error) { return false, nil })
	if err != nil || int64(run.Copies) != done.Load() || done.Load() == 0 {
		t.Errorf("%d of %d updates are there, %v", run.Copies, done.Load(), err)
	}
	mine := errors.New("mine")
	if _, err := s.Update(t.Context(), "da1", 1, func(*Run) (bool, error) {
		return false, mine
	}); !errors.Is(err, mine) {
		t.Errorf("the function's error came back as %v", err)
	}
	if _, err := s.Update(t.Context(), "da1", 9, func(*Run) (bool, error) { return true, nil }); !IsNotFound(err) {
		t.Errorf("a run that does not exist: %v", err)
	}
}

func plans(t *testing.T, s *Store) {
	observe(t, s, sampleAlert(), noon)
	var noise strings.Builder
	for i := range 40000 {
		noise.WriteString(alert.SHA256([]byte{byte(i), byte(i >> 8)}))
	}
	for want, full := range map[string]string{"plan": "plan", "short": noise.String()} {
		if _, err := s.Update(t.Context(), "da1", 1, func(r *Run) (bool, error) {
			return true, r.SetPlan(full, "short")
		}); err != nil {
			t.Fatal(err)
		}
		record, err := s.Alert(t.Context(), "da1")
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if stored, err := record.Runs[0].ReadPlan(&got); !stored || err != nil || got != want {
			t.Errorf("plan = %.20q, %v, want %q", got, err, want)
		}
	}
}

func index(t *testing.T, s *Store) {
	for i := range 5 {
		a := sampleAlert()
		a.ID = fmt.Sprintf("da%d", i)
		observe(t, s, a, noon.Add(time.Duration(i)*time.Second))
	}
	refs, err := s.OnDay(t.Context(), noon)
	if err != nil || len(refs) != 5 || refs[0].AlertID != "da4" || refs[4].AlertID != "da0" {
		t.Errorf("%+v, %v", refs, err)
	}
	if refs, err := s.OnDay(t.Context(), noon.Add(24*time.Hour)); err != nil || len(refs) != 0 {
		t.Errorf("the next day has %+v, %v", refs, err)
	}
}
