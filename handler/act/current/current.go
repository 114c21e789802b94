// Package current lists the machine actions that tell the state of all machines, and holds them against the ledger. The
// runs of a process share a list. Neighbour: handler/act, which looks at it before it asks for an action.
package current

import (
	"context"
	"log/slog"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// API is what is read from Defender.
type API interface {
	// CurrentActions lists the machine actions of all machines that are not final, and their isolations and releases in
	// every state, created at since or later.
	CurrentActions(ctx context.Context, since time.Time) ([]machine.Action, error)
}

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Options are the parts and settings of Actions; all are required.
type Options struct {
	API      API
	Runs     *runs.Store
	Latches  *latches.Store
	Switches *switches.Store
	Teller   Teller
	Operator []string // who hears that the ledger is behind
	Log      *slog.Logger
	Now      func() time.Time
	Lift     time.Duration // how long Defender lets an isolation stand before it lifts it by itself
}

// Actions are the current actions of all machines. They are safe for concurrent use.
type Actions struct {
	Options

	turn     chan struct{}    // holds a token while somebody uses the rest
	listed   []machine.Action // shared for a while
	listedAt time.Time
	heldAt   time.Time // listedAt of the list that was held against the ledger last
}

// New makes Actions.
func New(o Options) *Actions {
	return &Actions{
		Options: o,
		turn:    make(chan struct{}, 1),
	}
}

// List is the list, half a minute old at most. It is empty rather than nil.
func (c *Actions) List(ctx context.Context) ([]machine.Action, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.giveBack()
	return c.list(ctx)
}

// HoldAgainstLedger looks for what the ledger does not know, once in each list. It is for whoever is about to act: a
// process that only observes has no part in what others do.
func (c *Actions) HoldAgainstLedger(ctx context.Context) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.giveBack()
	if _, err := c.list(ctx); err != nil || c.heldAt.Equal(c.listedAt) {
		return err
	}
	if err := c.hold(ctx); err != nil {
		return err
	}
	c.heldAt = c.listedAt
	return nil
}

func (c *Actions) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Actions) giveBack() { <-c.turn }

func (c *Actions) list(ctx context.Context) ([]machine.Action, error) {
	if c.listed != nil && c.Now().Sub(c.listedAt) < episode.JoinWait {
		return c.listed, nil
	}
	at := c.Now()
	listed, err := c.API.CurrentActions(ctx, at.Add(-c.Lift-episode.OpenAtMost))
	if err != nil {
		return nil, err
	}
	c.listed = append([]machine.Action{}, listed...)
	c.listedAt = at
	return c.listed, nil
}
