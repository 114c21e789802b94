package respond_test

import (
	"context"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/respond"
)

// gate is an API that keeps whoever reads a machine waiting until it is opened.
type gate struct {
	*world.Process
	inside chan struct{}
	open   chan struct{}
}

func (g gate) Machine(ctx context.Context, id string) (machine.Machine, error) {
	g.inside <- struct{}{}
	<-g.open
	return g.Process.Machine(ctx, id)
}

// TestCopiesThatLiveProcessesAnswerAtOnceAreNoDeaths has more processes than it takes deaths to park a run, all of
// them in the middle of it: with copies of one message, and with one that the broker gave again because its lock was
// lost.
func TestCopiesThatLiveProcessesAnswerAtOnceAreNoDeaths(t *testing.T) {
	t.Parallel()
	for name, deliveries := range map[string][]int{"copies": {1, 1, 1, 1}, "copies and one lost lock": {1, 2, 1, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.AlertOn("da1", "m1", alert.High)
			m, _ := w.Take()
			m.Message.Machine = nil // each reads it
			inside, open, done := make(chan struct{}), make(chan struct{}), make(chan error)
			for _, delivery := range deliveries {
				p := w.Start(-1, false)
				p.Change(func(options *respond.Options) { options.API = gate{p, inside, open} })
				go func() { done <- p.Responder.Respond(t.Context(), m.Message.Encode(), delivery) }()
				select {
				case <-inside:
				case err := <-done:
					t.Fatalf("it does not begin: %v, run %+v", err, w.Run("da1", 1))
				}
			}
			close(open)
			for range deliveries {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			w.Settled(w.Start(-1, false))
			if run := w.Run("da1", 1); run.Outcome != "isolated" || w.Isolations("m1") != 1 ||
				w.Kinds() != "requested, isolated" {
				t.Errorf("%d isolations, told %s, run %+v", w.Isolations("m1"), w.Kinds(), run)
			}
		})
	}
}

// TestDeathsOfCopiesAreCountedOnceTheirTimeIsOver has every death at a copy of its own, so that no delivery tells of
// it: only time does.
func TestDeathsOfCopiesAreCountedOnceTheirTimeIsOver(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, test := range []struct {
		apart  time.Duration
		deaths int // until the run is parked
	}{{12 * time.Minute, 2}, {4 * time.Minute, 4}} {
		w := world.New(t)
		w.AlertOn("da1", "m1", alert.High)
		m, _ := w.Take()
		deaths := 0
		for w.Run("da1", 1).State != runs.Parked && deaths < 9 {
			p := w.Start(-1, false)
			p.Change(func(options *respond.Options) { options.API = deadly{p} })
			_ = p.Responder.Respond(t.Context(), m.Message.Encode(), 1)
			if p.Died() {
				deaths++
			}
			w.Advance(test.apart)
		}
		if deaths != test.deaths || w.Kinds() != "parked" || w.Posts != 0 {
			t.Errorf("%s apart: parked after %d deaths, want %d; told %s", test.apart, deaths, test.deaths, w.Kinds())
		}
	}
}
