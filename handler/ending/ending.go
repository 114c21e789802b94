// Package ending ends episodes that somebody found to be over: the state was released, or Defender lifted it. Those
// who heard of the episode are told, runs that it does not answer any more are opened again, and the latch is written,
// in an order in which a repeat after a kill changes nothing that was done.
//
// Two services come upon such an episode: handler/follow by its timer, and handler/act when a run finds the latch.
// What the latch and the actions mean is handler/episode's.
package ending

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// Queue takes the messages of runs that are opened again.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Closer ends episodes. All of its fields are required.
type Closer struct {
	Runs       *runs.Store
	Latches    *latches.Store
	Budget     *budget.Store
	Queue      Queue
	Teller     Teller
	Log        *slog.Logger
	Now        func() time.Time
	Lift       time.Duration // how long Defender lets an isolation stand before it lifts it by itself
	StaleAfter time.Duration // older alerts are not acted on
}

// TellJoiners tells everybody who heard of the episode of a latch.
func (c *Closer) TellJoiners(ctx context.Context, l latches.Latch, e notice.Event) error {
	joiners, err := c.Latches.Joiners(ctx, l)
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, j := range joiners {
		e.AlertID = j.AlertID
		e.RunID = alert.RunID(j.AlertID, j.Version)
		for _, group := range strings.Fields(j.Groups) {
			if told[group] {
				continue
			}
			told[group] = true
			err := c.Teller.Tell(ctx, group, e)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// GiveBack gives back the place of an episode that ended and reached nothing. A repeat is harmless.
func (c *Closer) GiveBack(ctx context.Context, l latches.Latch) error {
	if l.FirstIntentAt.IsZero() ||
		l.ActionStatus == machine.Succeeded ||
		!l.ReleasedAt.IsZero() {
		return nil
	}
	action, key := episode.CapOf(l)
	return c.Budget.GiveBack(ctx, action, key)
}
