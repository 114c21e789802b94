package response

import (
	"context"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// gate is an API that keeps whoever reads a machine waiting until it is opened.
type gate struct {
	*process
	inside chan struct{}
	open   chan struct{}
}

func (g gate) Machine(ctx context.Context, id string) (machine.Machine, error) {
	g.inside <- struct{}{}
	<-g.open
	return g.process.Machine(ctx, id)
}

// TestCopiesThatLiveProcessesAnswerAtOnceAreNoDeaths has more processes than it takes deaths to park a run, all of them in the
// middle of it: with copies of one message, and with one that the broker gave again because its lock was lost.
func TestCopiesThatLiveProcessesAnswerAtOnceAreNoDeaths(t *testing.T) {
	t.Parallel()
	for name, deliveries := range map[string][]int{"copies": {1, 1, 1, 1}, "copies and one lost lock": {1, 2, 1, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.alertOn("da1", "m1", alert.High)
			m, _ := w.take()
			m.Message.Machine = nil // each reads it
			inside, open, done := make(chan struct{}), make(chan struct{}), make(chan error)
			for _, delivery := range deliveries {
				p := w.start(-1, false)
				p.responder.API = gate{p, inside, open}
				go func() { done <- p.responder.Respond(t.Context(), m.Message.Encode(), delivery) }()
				select {
				case <-inside:
				case err := <-done:
					t.Fatalf("it does not begin: %v, run %+v", err, w.run("da1", 1))
				}
			}
			close(open)
			for range deliveries {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			w.settled(w.start(-1, false))
			if run := w.run("da1", 1); run.Outcome != "isolated" || w.isolations("m1") != 1 || w.kinds() != "requested, isolated" {
				t.Errorf("%d isolations, told %s, run %+v", w.isolations("m1"), w.kinds(), run)
			}
		})
	}
}

// TestDeathsOfCopiesAreCountedOnceTheirTimeIsOver has every death at a copy of its own, so that no delivery tells of it: only
// time does.
func TestDeathsOfCopiesAreCountedOnceTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		apart  time.Duration
		deaths int // until the run is parked
	}{{12 * time.Minute, 2}, {4 * time.Minute, 4}} {
		w := newWorld(t)
		w.alertOn("da1", "m1", alert.High)
		m, _ := w.take()
		deaths := 0
		for w.run("da1", 1).State != ledger.Parked && deaths < 9 {
			p := w.start(-1, false)
			p.responder.API = deadly{p}
			_ = p.responder.Respond(t.Context(), m.Message.Encode(), 1)
			if p.died() {
				deaths++
			}
			w.advance(test.apart)
		}
		if deaths != test.deaths || w.kinds() != "parked" || w.posts != 0 {
			t.Errorf("%s apart: parked after %d deaths, want %d; told %s", test.apart, deaths, test.deaths, w.kinds())
		}
	}
}
