package ledger

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/handler/ledger/runs"
	"cordon/local/tables"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func sampleAlert() alert.Alert {
	return alert.Alert{ID: "da1", Severity: alert.Medium, MachineID: "m1", Updated: noon, Title: "t"}
}

func observe(t *testing.T, s *Store, a alert.Alert, at time.Time) {
	t.Helper()
	_, sha := alert.Snapshot(a)
	o := runs.Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, At: at}
	if _, err := s.Runs.Observe(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func setState(t *testing.T, s *Store, id string, state runs.State) {
	t.Helper()
	_, err := s.Runs.Update(t.Context(), id, 1, func(r *runs.Run) (bool, error) {
		r.State, r.DueAt = state, noon
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWriteWhoseAnswerWasLostIsNoConflict loses the answer of every kind of write once; the client repeats it and is
// answered that the row exists or has changed, by itself.
func TestWriteWhoseAnswerWasLostIsNoConflict(t *testing.T) {
	long.Test(t)
	t.Parallel()
	var lose atomic.Bool
	server := tables.New(tables.Options{Fault: func(r *http.Request) *tables.Fault {
		if r.Method != http.MethodGet && lose.CompareAndSwap(true, false) {
			return &tables.Fault{Drop: true}
		}
		return nil
	}})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	s, err := Open(rows.Options{ConnectionString: server.ConnectionString(web.URL), Prefix: "t", Tenant: "tenant"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost := func(what string, write func() error) {
		t.Helper()
		lose.Store(true)
		if err := write(); err != nil || lose.Load() {
			t.Errorf("%s: %v (lost: %v)", what, err, !lose.Load())
		}
	}
	l, _ := s.Latches.Of(t.Context(), "m1", latches.Isolation)
	l = latches.NextEpisode(l)
	lost("insert", func() error { return s.Latches.Save(t.Context(), &l) })
	l.State = latches.Acting
	lost("replace", func() error { return s.Latches.Save(t.Context(), &l) })
	l.State = latches.Achieved
	lost("replace after a replace whose answer was lost", func() error { return s.Latches.Save(t.Context(), &l) })
	lost("transaction", func() error {
		return s.Latches.Join(t.Context(), l, latches.Joiner{AlertID: "da1", Version: 1})
	})
	lost("upsert", func() error { return s.Latches.AddOpen(t.Context(), "m1", latches.Isolation) })
	lost("observe", func() error {
		a := sampleAlert()
		o, err := s.Runs.Observe(t.Context(), runs.Observation{Alert: a, Hash: alert.DecisionHash(a), At: noon})
		if err == nil && o.Run.Version != 1 {
			err = fmt.Errorf("version %d", o.Run.Version)
		}
		return err
	})
	counts := 0
	lost("update", func() error {
		run, err := s.Runs.Update(t.Context(), "da1", 1, func(r *runs.Run) (bool, error) {
			counts++
			r.Copies++
			return true, nil
		})
		if err == nil && run.Copies != 1 {
			err = fmt.Errorf("counted %d times", run.Copies)
		}
		return err
	})
	if record, err := s.Runs.Alert(t.Context(), "da1"); err != nil || record.Runs[0].Copies != 1 {
		t.Errorf("%+v, %v", record.Runs, err)
	}
	lost("notice", func() error { _, _, err := s.Notices.Add(t.Context(), event("g", "k"), noon); return err })
}

func TestTenantsNeverMeet(t *testing.T) {
	t.Parallel()
	rowstest.HoldApart(t, In, func(t *testing.T, one, other *Store) {
		observe(t, one, sampleAlert(), noon)
		if record, err := other.Runs.Alert(t.Context(), "da1"); err != nil || record.Seen != nil {
			t.Errorf("another tenant sees %+v, %v", record, err)
		}
	})
}

// event is something that people are told in a group.
func event(group, key string) notices.Told {
	return notices.Told{
		Group: group,
		Key:   key,
		Event: key,
		At:    noon,
	}
}
