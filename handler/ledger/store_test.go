package ledger

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows/rowstest"
	"cordon/local/tables"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestWriteWhoseAnswerWasLostIsNoConflict loses the answer of every kind of write once; the client repeats it and is
// answered that the row exists or has changed, by itself.
func TestWriteWhoseAnswerWasLostIsNoConflict(t *testing.T) {
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
	s, err := Open(Options{ConnectionString: server.ConnectionString(web.URL), Prefix: "t", Tenant: "tenant"})
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
	l, _ := s.Latch(t.Context(), "m1", Isolation)
	l = NextEpisode(l)
	lost("insert", func() error { return s.SaveLatch(t.Context(), &l) })
	l.State = Acting
	lost("replace", func() error { return s.SaveLatch(t.Context(), &l) })
	l.State = Achieved
	lost("replace after a replace whose answer was lost", func() error { return s.SaveLatch(t.Context(), &l) })
	lost("transaction", func() error { return s.Join(t.Context(), l, Joiner{AlertID: "da1", Version: 1}) })
	lost("upsert", func() error { return s.AddOpen(t.Context(), "m1", Isolation) })
	lost("observe", func() error {
		a := sampleAlert()
		o, err := s.Observe(t.Context(), Observation{Alert: a, Hash: alert.DecisionHash(a), At: noon})
		if err == nil && o.Run.Version != 1 {
			err = fmt.Errorf("version %d", o.Run.Version)
		}
		return err
	})
	counts := 0
	lost("update", func() error {
		run, err := s.UpdateRun(t.Context(), "da1", 1, func(r *Run) error { counts++; r.Copies++; return nil })
		if err == nil && run.Copies != 1 {
			err = fmt.Errorf("counted %d times", run.Copies)
		}
		return err
	})
	if record, err := s.Alert(t.Context(), "da1"); err != nil || record.Runs[0].Copies != 1 {
		t.Errorf("%+v, %v", record.Runs, err)
	}
	lost("notice", func() error { _, _, err := s.AddNotice(t.Context(), "g", "k", 1, noon, noon); return err })
}

func TestTenantsNeverMeet(t *testing.T) {
	t.Parallel()
	rowstest.HoldApart(t, In, func(t *testing.T, one, other *Store) {
		observe(t, one, sampleAlert(), noon)
		if record, err := other.Alert(t.Context(), "da1"); err != nil || record.Seen != nil {
			t.Errorf("another tenant sees %+v, %v", record, err)
		}
	})
}
