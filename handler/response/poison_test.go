package response

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// deadly is an API whose every answer about one machine kills the process, before the request is sent.
type deadly struct{ *process }

func (d deadly) die() {
	d.process.mu.Lock()
	defer d.process.mu.Unlock()
	d.breaths = 0
}

func (d deadly) Act(ctx context.Context, id string, r machine.Request) (machine.Action, error) {
	d.die()
	return d.process.Act(ctx, id, r)
}

func (d deadly) ActionsOn(ctx context.Context, id string, since time.Time) ([]machine.Action, error) {
	d.die()
	return d.process.ActionsOn(ctx, id, since)
}

// TestPoisonIsParkedThoughItsLatchIsHeldWhenItComesAgain has a run that dies with the machine's latch in its hand. The
// broker gives the message again at once, and the runs that only wait until the dead process's hold is over do not make its
// deaths forgotten.
func TestPoisonIsParkedThoughItsLatchIsHeldWhenItComesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alertOn("da1", "m1", alert.High)
	deaths := 0
	for delivery := 1; delivery < 30; delivery++ {
		m, more := w.take()
		if !more {
			break
		}
		p := w.start(-1, false)
		p.responder.API = deadly{p}
		if _ = p.responder.Respond(t.Context(), m.Message.Encode(), delivery); p.died() {
			deaths++
			m.At = w.clock()
			w.queue = append(w.queue, m)
		}
	}
	if run := w.run("da1", 1); run.State != ledger.Parked || deaths != deathsToPark || w.posts != 0 || !strings.Contains(run.Reason, "begun 2 times") {
		t.Errorf("after %d deaths the poison is %s (%s) with %d starts, %d requests", deaths, run.State, run.Reason, len(run.Begun), w.posts)
	}
}

// TestRunThatWaitsForALatchHasNoDeaths has every invocation in a process of its own, and the holder alive.
func TestRunThatWaitsForALatchHasNoDeaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	l, err := p.ledger.Latch(t.Context(), "m1", ledger.Isolation)
	if err != nil {
		t.Fatal(err)
	}
	l.Holder, l.HeldUntil, l.Episode, l.State = "another", w.clock().Add(time.Minute), 1, ledger.Preparing
	if err := p.ledger.SaveLatch(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		m, more := w.take()
		if !more {
			t.Fatal("the run does not come back")
		}
		if err := w.start(-1, false).responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		if run := w.run("da1", 1); len(run.Begun) != 0 {
			t.Errorf("a run that waits has %d deaths", len(run.Begun))
		}
	}
}
