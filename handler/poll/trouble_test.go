package poll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/ledger/rows"
	"cordon/local/tables"
)

// deaf is an API that cannot be read while down is set.
type deaf struct {
	*tenant
	down *bool
}

func (d deaf) AlertPage(ctx context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error) {
	if *d.down {
		return alert.Page{}, errors.New("503")
	}
	return d.tenant.AlertPage(ctx, w, visit)
}

// TestHourOfTroubleIsCaughtUpHighFirst lets an alert appear every minute while one thing outside fails for an hour. The
// first poll after it enqueues all of them, once each and High first.
func TestHourOfTroubleIsCaughtUpHighFirst(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(f *tenant, down *bool){
		"the API": func(f *tenant, down *bool) { f.Sources[0].Alerts = deaf{f, down} },
		"the queue": func(f *tenant, down *bool) {
			if f.full = nil; *down {
				f.full = errors.New("server busy")
			}
		},
		"the tables": func(f *tenant, down *bool) {
			f.server.SetFault(func(*http.Request) *tables.Fault {
				if *down {
					return &tables.Fault{Status: http.StatusServiceUnavailable}
				}
				return nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &tenant{now: noon}
				f.server = tables.New(tables.Options{Now: f.clock})
				store, err := ledger.Open(rows.Options{
					ConnectionString: f.server.ConnectionString("127.0.0.1:1"),
					Prefix:           "t",
					Tenant:           "tenant",
					Transport:        f.server,
				})
				if err != nil {
					t.Fatal(err)
				}
				f.Poller = New(Options{
					API:        f,
					Sources:    []Source{Defender(f)},
					Queue:      f,
					Runs:       store.Runs,
					Latches:    store.Latches,
					Switches:   store.Switches,
					Ledger:     store,
					Log:        slog.New(slog.DiscardHandler),
					Now:        f.clock,
					Overlap:    15 * time.Minute,
					Lookback:   time.Hour,
					SweepAfter: 2 * time.Hour,
					Retention:  400 * 24 * time.Hour,
				})
				f.poll(t)
				down, severities := true, map[string]alert.Severity{}
				set(f, &down)
				for i := range 60 {
					f.advance(time.Minute)
					id, severity := fmt.Sprintf("da%02d", i), []alert.Severity{alert.Low, alert.Medium, alert.High}[i%3]
					severities[id] = severity
					f.show(id, severity, f.clock().Add(-time.Second), f.clock())
					if err := f.Poll(t.Context()); err == nil {
						t.Fatal("a poll succeeded in the midst of the trouble")
					}
				}
				if len(f.sent) > 0 {
					t.Fatalf("%s went out", f.ids())
				}
				down = false
				set(f, &down)
				f.advance(time.Minute)
				f.poll(t)
				seen := map[string]bool{}
				last := alert.High
				for _, e := range f.sent[:min(60, len(f.sent))] {
					seen[e.Message.AlertID] = true
					if severity := severities[e.Message.AlertID]; severity.Rank() > last.Rank() {
						t.Errorf("%s (%s) comes after one that is %s", e.ID, severity, last)
					} else {
						last = severity
					}
				}
				if len(seen) != 60 {
					t.Errorf("the first messages are about %d of 60 alerts: %s", len(seen), f.ids())
				}
			})
		})
	}
}
