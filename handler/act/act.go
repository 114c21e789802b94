// Package act carries the steps of a run's plan out: machine actions exactly once under the machine's latch, then tags
// and updates of the alert. The order of writes of a machine action is run, latch, index, intent, action id, notice
// entry, run; whatever is interrupted is repaired by whoever comes next.
//
// What comes next for a latch is handler/episode's to say. handler/respond decides before, and again for old facts.
package act

import (
	"context"
	"log/slog"
	"time"

	"cordon/handler/act/change"
	"cordon/handler/act/current"
	"cordon/handler/answer"
	"cordon/handler/ending"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// API is what the steps of a plan ask of Defender. Errors are machine.APIError where the API answered.
type API interface {
	current.API
	// ActionsOn lists the actions of one machine in every state, created at since or later.
	ActionsOn(ctx context.Context, machineID string, since time.Time) ([]machine.Action, error)
	// Act asks for a machine action. It sends the request at most once, and not after its SendBy.
	Act(ctx context.Context, machineID string, r machine.Request) (machine.Action, error)
	// CancelAction takes an action of a type back that is not final.
	CancelAction(ctx context.Context, actionID string, t machine.ActionType, comment string) (machine.Action, error)
	change.API
}

// Facts decides anew, for facts that are too old to act on.
type Facts interface {
	// ReadAgain gets alert and machine from the API and makes the run's plan anew.
	ReadAgain(ctx context.Context, run *answer.Run) (answer.Outcome, error)
}

// Options are the parts and settings of an Actor; all are required.
type Options struct {
	API      API
	Facts    Facts
	Runs     *runs.Store
	Latches  *latches.Store
	Budget   *budget.Store
	Switches *switches.Store
	Clerk    *answer.Clerk
	Endings  *ending.Closer
	Book     *playbook.Book
	Log      *slog.Logger
	Now      func() time.Time

	SnapshotMaxAge time.Duration // how old alert and machine may be when they are acted on
	Lift           time.Duration // how long Defender lets an isolation stand before it lifts it by itself
	RecheckAfter   time.Duration // wait before a request of unknown fate may be repeated
	Hold           time.Duration // how long a latch is taken for
	SendWithin     time.Duration // how long after its intent a request may still be sent
	Quota          budget.Quota  // of isolations, as the API counts them for all instances together; zero: none
	Operator       []string      // who hears that Cordon itself is unwell
}

// Actor carries plans out. It is safe for concurrent use.
type Actor struct {
	Options
	changer *change.Changer
	current *current.Actions
}

// New makes an Actor.
func New(o Options) *Actor {
	return &Actor{
		Options: o,
		changer: &change.Changer{
			API:   o.API,
			Runs:  o.Runs,
			Clerk: o.Clerk,
			Log:   o.Log,
		},
		current: current.New(current.Options{
			API:      o.API,
			Runs:     o.Runs,
			Latches:  o.Latches,
			Switches: o.Switches,
			Teller:   o.Clerk.Teller,
			Operator: o.Operator,
			Log:      o.Log,
			Now:      o.Now,
			Lift:     o.Lift,
		}),
	}
}

// CurrentActions are the current actions of all machines, as current.Actions has them.
func (r *Actor) CurrentActions(ctx context.Context) ([]machine.Action, error) {
	return r.current.List(ctx)
}

// stale reports whether the facts are too old to act on.
func (r *Actor) stale(run *answer.Run) bool {
	return r.Now().Sub(run.ReadAt) > r.SnapshotMaxAge
}

// tooSlow gives up a try in which reading took longer than SnapshotMaxAge.
func tooSlow() answer.Outcome {
	return answer.Later(answer.Pause{
		After: time.Second,
		Why:   "reading alert and machine took longer than CORDON_SNAPSHOT_MAX_AGE",
	})
}

// sharedNow is the time for what all instances share.
func (r *Actor) sharedNow(ctx context.Context) time.Time {
	return r.Budget.SharedNow(ctx, r.Log, r.Now)
}
