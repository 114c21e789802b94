package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/lists"
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
	found, _, err := s.lists.Page(t.Context(), lists.Query{Limit: 10})
	if err != nil || len(found) != 5 || found[0].AlertID != "da4" || found[4].AlertID != "da0" {
		t.Errorf("%+v, %v", found, err)
	}
}

// listed tests that the lists follow a run, also if whoever wrote the run did not come to write them.
func listed(t *testing.T, s *Store) {
	a := sampleAlert()
	a.IncidentID, a.ComputerDNSName = 7, "pc1"
	observe(t, s, a, noon)
	set := func(state State, rule, outcome string) {
		t.Helper()
		_, err := s.Update(t.Context(), "da1", 1, func(r *Run) (bool, error) {
			r.State, r.Rule, r.Outcome = state, rule, outcome
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	on := func(q lists.Query) int {
		t.Helper()
		q.Limit = 10
		found, _, err := s.lists.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	holds := func(when, outcome string) {
		t.Helper()
		for _, other := range []string{"held", "dropped", "isolated"} {
			want := 0
			if other == outcome {
				want = 1
			}
			if n := on(lists.Query{Outcome: other}); n != want {
				t.Errorf("%s: %d runs on the list of %s", when, n, other)
			}
		}
		if on(lists.Query{}) != 1 || on(lists.Query{Machine: "m1"}) != 1 || on(lists.Query{Incident: 7}) != 1 {
			t.Errorf("%s: it is not on the lists that do not change", when)
		}
	}
	holds("observed", "")
	set(Started, "contain", "")
	if on(lists.Query{Rule: "contain"}) != 1 {
		t.Error("decided: it is not on the list of its rule")
	}
	set(Closed, "contain", "held")
	holds("held", "held")
	set(Closed, "contain", "dropped")
	holds("dropped", "dropped")
	set(Started, "contain", "")
	holds("opened again", "")
	set(Closed, "contain", "isolated")
	holds("isolated", "isolated")
	if entries, _ := open(t, s, noon); len(entries) != 0 {
		t.Errorf("%d entries are left among what is open", len(entries))
	}

	// A writer that died between the run and its lists left the entry among what is open.
	run, err := s.Update(t.Context(), "da1", 1, func(r *Run) (bool, error) { return false, nil })
	if err == nil {
		run.Outcome = "dropped"
		run.relist()
		err = s.addOpen(t.Context(), run, noon)
	}
	if err == nil {
		err = s.alerts.Save(t.Context(), &run)
	}
	if err != nil {
		t.Fatal(err)
	}
	holds("after a death", "isolated")
	open(t, s, noon)
	holds("after the sweep", "dropped")
}

// listsOld has runs that a version before there were lists wrote: they come onto their lists, page by page, and one
// that is held leaves them again when it is dropped.
func listsOld(t *testing.T, s *Store) {
	for i := range 7 {
		run := Run{
			Keys:       s.alerts.At(runKey(1), fmt.Sprintf("da%d", i)),
			AlertID:    fmt.Sprintf("da%d", i),
			Version:    1,
			ObservedAt: noon.Add(time.Duration(i) * time.Minute),
			State:      Closed,
			Outcome:    "no rule",
		}
		if i == 3 {
			run.Outcome, run.Rule = HeldOutcome, "contain"
		}
		if err := s.alerts.Save(t.Context(), &run); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		var at rows.Cursor
		for {
			var err error
			at, err = s.ListOld(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			if at.AtEnd() {
				break
			}
		}
		for want, q := range map[int]lists.Query{7: {}, 6: {Outcome: "no rule"}, 1: {Rule: "contain", Outcome: HeldOutcome}} {
			q.Limit = 20
			if found, _, err := s.lists.Page(t.Context(), q); err != nil || len(found) != want {
				t.Errorf("%+v: %d runs, %v", q, len(found), err)
			}
		}
	}
	for id, was := range map[string]string{"da3": HeldOutcome, "da4": "no rule"} {
		_, err := s.Update(t.Context(), id, 1, func(r *Run) (bool, error) {
			r.Outcome = "dropped"
			return true, nil
		})
		found, _, pageErr := s.lists.Page(t.Context(), lists.Query{Outcome: was, Limit: 20})
		stays := slices.ContainsFunc(found, func(e lists.Entry) bool { return e.AlertID == id })
		if err != nil || pageErr != nil || stays {
			t.Errorf("after it was dropped, %s is listed as %s: %+v, %v, %v", id, was, found, err, pageErr)
		}
	}
}
