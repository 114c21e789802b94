package poll

import (
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/mortal"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
)

// over has the poller keep its record by a process that can be killed.
func (f *tenant) over(t *testing.T, life *mortal.Life) {
	t.Helper()
	store, err := ledger.Open(rows.Options{
		ConnectionString: f.server.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           "tenant",
		Transport:        life,
		Now:              f.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Runs, f.Latches, f.Switches, f.Ledger = store.Runs, store.Latches, store.Switches, store
}

// TestTheBeginningIsWrittenBeforeAnythingElse kills the very first poll at every call, and has another one go on an
// hour later. Whatever the ledger knows by then, it knows since when.
func TestTheBeginningIsWrittenBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	for k, died := 0, true; died; k++ {
		for _, mute := range []bool{false, true} {
			f := newTenant(t)
			f.show("da1", alert.High, noon.Add(-time.Minute), noon)
			life := mortal.New(k, mute, f.server)
			f.over(t, life)
			err := f.Poll(t.Context())
			if died = life.Died(); !died && err != nil {
				t.Fatal(err)
			}

			left := mortal.New(-1, false, f.server)
			f.over(t, left)
			first, err := f.Switches.Beginning(t.Context())
			marks, _ := f.Switches.Watermarks(t.Context())
			if err == nil && len(marks) > 0 && !first.At.Equal(noon) {
				t.Errorf("killed after %d calls, a watermark stands and the beginning is %s", k, first.At)
			}
			known := first.At
			f.advance(time.Hour)
			if err := f.Poll(t.Context()); err != nil {
				t.Fatal(err)
			}
			first, err = f.Switches.Beginning(t.Context())
			if err != nil || first.At.IsZero() || !known.IsZero() && !first.At.Equal(known) {
				t.Errorf("killed after %d calls the beginning was %s and is %s, %v", k, known, first.At, err)
			}
		}
	}
}
