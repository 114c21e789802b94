// Package follow learns what became of machine actions, by a timer: outcomes, releases, lifts, requests of unknown
// fate. It tells people, closes the runs that wait for an episode or opens them again, and holds ledger and API
// against each other.
//
// Neighbours: handler/act, which begins and joins the episodes; handler/episode, which says what a latch and the
// actions mean; handler/ending, which ends an episode.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ending"
	"cordon/handler/episode"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/schedule"
)

// Mark is the ledger's mark of the last complete follow.
const Mark = switches.MarkFollow

// API is what the Follower reads from Defender.
type API interface {
	// ActionsSince lists the machine actions of all machines, in every state, created at since or later.
	ActionsSince(ctx context.Context, since time.Time) ([]machine.Action, error)
	// Action reads one machine action.
	Action(ctx context.Context, id string) (machine.Action, error)
}

// Queue takes the messages of runs that go on.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Options are the parts and settings of a Follower; all are required.
type Options struct {
	API          API
	Queue        Queue
	Runs         *runs.Store
	Latches      *latches.Store
	Budget       *budget.Store
	Switches     *switches.Store
	Teller       Teller
	Log          *slog.Logger
	Now          func() time.Time
	Every        time.Duration // the longest pause between two follows
	Overlap      time.Duration // how far behind the last follow actions are read again
	Lift         time.Duration // how long Defender lets an isolation stand before it lifts it by itself
	StaleAfter   time.Duration // the Responder's: older alerts are not acted on
	RecheckAfter time.Duration // the Responder's: wait before a request of unknown fate may be repeated
	PendingAfter time.Duration // an action that is not confirmed for so long is told about
	ReissueAfter time.Duration // wait before a failed action is asked for again
	Operator     []string      // who hears of alerts that were asked for and that nobody knows
}

// Follower learns what became of machine actions: one list call per follow, whatever the number of open episodes.
type Follower struct {
	Options
	endings *ending.Closer
}

// New makes a Follower.
func New(o Options) *Follower {
	return &Follower{
		Options: o,
		endings: &ending.Closer{
			Runs:       o.Runs,
			Latches:    o.Latches,
			Budget:     o.Budget,
			Queue:      o.Queue,
			Teller:     o.Teller,
			Log:        o.Log,
			Now:        o.Now,
			Lift:       o.Lift,
			StaleAfter: o.StaleAfter,
		},
	}
}

// Follow reads the actions of all open episodes and records final states: people are told, the waiting runs closed,
// then the latch is written. A repeat changes nothing. Trouble with one machine does not keep the others from being
// followed.
func (f *Follower) Follow(ctx context.Context) error {
	if err := f.Runs.Prepare(ctx); err != nil {
		return err
	}
	return errors.Join(f.followAll(ctx), f.tellUnknown(ctx))
}

func (f *Follower) followAll(ctx context.Context) error {
	begun := f.Now().UTC()
	reconciled, err := f.Switches.Mark(ctx, markReconcile)
	if err != nil {
		return err
	}
	whole := schedule.Ripe(reconciled.At, begun, reconcileEvery, f.Every)
	episodes, err := f.episodes(ctx)
	if err != nil {
		return err
	}
	actions, err := f.actions(ctx, episodes, begun, whole)
	if err != nil {
		return fmt.Errorf("list machine actions: %w", err)
	}
	var errs []error
	complete := true
	for _, e := range episodes {
		err := f.follow(ctx, e, actions[e.latch.MachineID])
		if errors.Is(err, rows.ErrConflict) {
			// A responder was faster. What the actions say of this machine is not recorded, so they are read again.
			complete = false
		} else if err != nil {
			errs = append(errs, fmt.Errorf("follow machine %s: %w", e.latch.MachineID, err))
		}
	}
	err = errors.Join(errs...)
	if err != nil || !complete {
		return err
	}
	if whole {
		if err := f.reconcile(ctx, actions, begun); err != nil {
			return err
		}
	}
	return f.Switches.SetMark(ctx, Mark, begun, "")
}

// following is an open episode: its latch, and its entry in the index.
type following struct {
	latch latches.Latch
	entry latches.OpenEpisode
}

// follow records what became of one episode, by the actions that are listed of its machine.
func (f *Follower) follow(ctx context.Context, e following, actions []machine.Action) error {
	next := episode.Follow(e.latch, actions, f.Now(), f.limits())
	if _, unlisted := next.(episode.ReadAction); unlisted {
		return f.followUnlisted(ctx, e, actions)
	}
	return f.record(ctx, e, next, actions)
}

// followUnlisted follows an episode's action that no list shows by its id.
func (f *Follower) followUnlisted(ctx context.Context, e following, actions []machine.Action) error {
	l := e.latch
	a, err := f.API.Action(ctx, l.ActionID)
	trouble, _ := machine.TroubleOf(err)
	switch {
	case err == nil && a.ID == l.ActionID:
		next := episode.Seen(l, a, f.Now(), f.limits())
		return f.record(ctx, e, next, slices.Concat(actions, []machine.Action{a}))
	case err == nil:
		return fmt.Errorf("the API answers for action %q with action %q", l.ActionID, a.ID)
	case trouble != machine.NotFound:
		return fmt.Errorf("read action %s, which no list shows: %w", l.ActionID, err)
	}
	return f.record(ctx, e, episode.Unknown(l, f.Now(), f.limits()), actions)
}

func (f *Follower) limits() episode.Limits {
	return episode.Limits{
		Lift:         f.Lift,
		RecheckAfter: f.RecheckAfter,
		PendingAfter: f.PendingAfter,
	}
}

// record carries out what comes next for an episode.
func (f *Follower) record(
	ctx context.Context,
	e following,
	next episode.Next,
	actions []machine.Action,
) error {
	switch next := next.(type) {
	case episode.Nothing:
		return nil
	case episode.Found:
		return f.found(ctx, e.latch, next.Action)
	case episode.GiveUp:
		return f.giveUp(ctx, e, next.Reason)
	case episode.Pending:
		return f.pending(ctx, e.latch, next)
	case episode.Settle:
		return f.settle(ctx, e, next.Action, next.Detail, actions)
	case episode.WatchState:
		return f.watchState(ctx, e, actions)
	case episode.Free:
		// The write makes sure that a holder who slept through its time cannot go on to an intent that nobody would
		// follow.
		e.latch.Holder = ""
		e.latch.HeldUntil = time.Time{}
		err := f.Latches.Save(ctx, &e.latch)
		if err != nil {
			return err
		}
	case episode.Conclude:
		if err := f.finishEnd(ctx, e.latch); err != nil {
			return err
		}
	case episode.Forget:
	default:
		return fmt.Errorf("an episode that is followed cannot go on with %T", next)
	}
	return f.Latches.RemoveOpen(ctx, e.entry)
}
