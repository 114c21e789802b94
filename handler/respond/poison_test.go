package respond_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/respond"
)

// deadly is an API whose every answer about one machine kills the process, before the request is sent.
type deadly struct{ *world.Process }

func (d deadly) Act(ctx context.Context, id string, r machine.Request) (machine.Action, error) {
	d.Kill()
	return d.Process.Act(ctx, id, r)
}

func (d deadly) ActionsOn(ctx context.Context, id string, since time.Time) ([]machine.Action, error) {
	d.Kill()
	return d.Process.ActionsOn(ctx, id, since)
}

// TestPoisonIsParkedThoughItsLatchIsHeldWhenItComesAgain has a run that dies with the machine's latch in its hand. The
// broker gives the message again at once, and the runs that only wait until the dead process's hold is over do not
// make its deaths forgotten.
func TestPoisonIsParkedThoughItsLatchIsHeldWhenItComesAgain(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.High)
	deaths := 0
	for delivery := 1; delivery < 30; delivery++ {
		m, more := w.Take()
		if !more {
			break
		}
		p := w.Start(-1, false)
		p.Change(func(options *respond.Options) { options.API = deadly{p} })
		if _ = p.Responder.Respond(t.Context(), m.Message.Encode(), delivery); p.Died() {
			deaths++
			m.At = w.Clock()
			w.Queue = append(w.Queue, m)
		}
	}
	if run := w.Run("da1", 1); run.State != runs.Parked || deaths != respond.DeathsToPark || w.Posts != 0 ||
		!strings.Contains(run.Reason, "begun 2 times") {
		t.Errorf("after %d deaths the poison is %s (%s) with %d starts, %d requests", deaths, run.State, run.Reason,
			len(run.Begun), w.Posts)
	}
}

// TestRunThatWaitsForALatchHasNoDeaths has every invocation in a process of its own, and the holder alive.
func TestRunThatWaitsForALatchHasNoDeaths(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	l, err := p.Ledger.Latches.Of(t.Context(), "m1", latches.Isolation)
	if err != nil {
		t.Fatal(err)
	}
	l.Holder, l.HeldUntil, l.Episode, l.State = "another", w.Clock().Add(time.Minute), 1, latches.Preparing
	if err := p.Ledger.Latches.Save(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		m, more := w.Take()
		if !more {
			t.Fatal("the run does not come back")
		}
		if err := w.Start(-1, false).Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		if run := w.Run("da1", 1); len(run.Begun) != 0 {
			t.Errorf("a run that waits has %d deaths", len(run.Begun))
		}
	}
}
