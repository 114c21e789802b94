// Package respond answers alerts: it finds the run of a queue message, gets the facts, lets the playbook decide, has
// the plan carried out, and records all of it. What becomes of machine actions handler/follow learns.
//
// Neighbours: the queue before it; handler/answer, which says what a run is on its way; handler/act, which carries the
// plan out; the playbook and the ledger behind them.
package respond

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/semaphore"

	"cordon/handler/act"
	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/archive"
	"cordon/handler/ending"
	"cordon/handler/ledger/budget"
	"cordon/handler/ledger/findings"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/neighbours"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/ledger/trouble"
	"cordon/handler/logging"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// API is what a Responder reads from and asks of Defender. Errors are machine.APIError where the API answered.
type API interface {
	act.API
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Machine(ctx context.Context, id string) (machine.Machine, error)
}

// Queue takes scheduled copies of alert messages.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Options are the parts and settings of a Responder; all are required.
type Options struct {
	API        API
	Queue      Queue
	Runs       *runs.Store
	Latches    *latches.Store
	Budget     *budget.Store
	Held       *held.Store
	Findings   *findings.Store
	Neighbours *neighbours.Store
	Switches   *switches.Store
	Trouble    *trouble.Store
	Archive    *archive.Archive
	Teller     Teller
	Book       *playbook.Book
	Log        *slog.Logger
	Now        func() time.Time

	Ceiling        playbook.Mode
	SnapshotMaxAge time.Duration // how old alert and machine may be when they are acted on
	StaleAfter     time.Duration // older alerts are not acted on
	Lift           time.Duration // how long Defender lets an isolation stand before it lifts it by itself
	RecheckAfter   time.Duration // wait before a request of unknown fate may be repeated
	Hold           time.Duration // how long a latch is taken for
	SendWithin     time.Duration // how long after its intent a request may still be sent
	RetryAfter     time.Duration // first pause after trouble
	Quota          budget.Quota  // of isolations, as the API counts them for all instances together; zero: none
	Operator       []string      // who hears that Cordon itself is unwell
}

// deathsToPark is how many interrupted starts make a run suspect of ending the process.
const deathsToPark = 2

// invocationLife is after how long an invocation is certainly over: functionTimeout of host.json, after which the host
// ends the process, and the lock of a message.
const invocationLife = 11 * time.Minute

// Responder answers queue messages. It is safe for concurrent use.
type Responder struct {
	Options
	clerk   *answer.Clerk
	actor   *act.Actor
	process string // this process, in the starts of runs
	odd     oddities

	beside *semaphore.Weighted // one for each run that is answered beside others, all for one that is answered alone
}

// New makes a Responder.
func New(o Options) *Responder {
	o.API = findingsAPI{o.API, o.Findings}
	r := &Responder{
		Options: o,
		clerk: &answer.Clerk{
			Runs:   o.Runs,
			Held:   o.Held,
			Teller: o.Teller,
			Log:    o.Log,
			Now:    o.Now,
		},
		process: rand.Text(),
		beside:  semaphore.NewWeighted(everybody),
	}
	r.actor = act.New(act.Options{
		API:      o.API,
		Facts:    r,
		Runs:     o.Runs,
		Latches:  o.Latches,
		Budget:   o.Budget,
		Switches: o.Switches,
		Clerk:    r.clerk,
		Endings: &ending.Closer{
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
		Book:           o.Book,
		Log:            o.Log,
		Now:            o.Now,
		SnapshotMaxAge: o.SnapshotMaxAge,
		Lift:           o.Lift,
		RecheckAfter:   o.RecheckAfter,
		Hold:           o.Hold,
		SendWithin:     o.SendWithin,
		Quota:          o.Quota,
		Operator:       o.Operator,
	})
	return r
}

// everybody is more runs than a process ever answers at once.
const everybody = 1 << 20

// Respond answers one message of the alert queue, whose delivery is counted from 1. It returns nil whenever the work
// is done or scheduled to go on; an alert.UndecodableError for a message that cannot be read; alert.ErrUnknownFormat
// for one that a newer version can read; any other error when not even a scheduled copy could be sent until the
// context ended, so that the broker must give the message again. A repeat of a message is harmless.
func (r *Responder) Respond(ctx context.Context, body []byte, delivery int) error {
	m, err := alert.DecodeMessageFor(r.Runs.Tenant(), body)
	if errors.Is(err, alert.ErrUnknownFormat) {
		return err
	}
	if err != nil {
		return &alert.UndecodableError{Err: err}
	}
	if err := r.authentic(ctx, m); err != nil {
		return err
	}
	for {
		run := &answer.Run{Call: answer.Call{
			Message:  m,
			Delivery: delivery,
			Alone:    delivery > 1,
		}}
		wait, err := r.answer(ctx, run)
		if err == nil || !r.waitHere(ctx, wait, err) {
			return err
		}
		m = r.nextMessage(run)
	}
}

// answer makes one try at a run: it ends in good order, or goes on with a copy of the message that comes after some
// time. An error says that the copy could not be sent.
func (r *Responder) answer(ctx context.Context, run *answer.Run) (after time.Duration, err error) {
	o, err := r.respond(ctx, run)
	if run.Row.AlertID != "" {
		ctx = logging.WithRun(ctx, run.ID())
	}
	if err == nil {
		if !o.ComesBack() {
			return 0, nil
		}
		return o.Pause.After, r.reschedule(ctx, run, o.Pause)
	}
	trouble, wait := machine.TroubleOf(err)
	r.Trouble.Note(ctx, r.Now().UTC(), "alert "+run.Message.AlertID, err)
	r.Log.WarnContext(ctx, "the run goes on later",
		"trouble", trouble.String(),
		"error", err.Error())
	after = max(wait, r.backoff(run, trouble)) + r.yield(run)
	if o.ComesBack() { // with one step, while another fails
		after = min(after, o.Pause.After)
	}
	return after, r.reschedule(ctx, run, answer.Pause{
		After:   after,
		Forgive: true,
		Why:     err.Error(),
	})
}

func (r *Responder) respond(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	if err := r.Runs.Prepare(ctx); err != nil {
		return o, err
	}
	done, o, err := r.findItsPlace(ctx, run)
	defer done()
	if err != nil || o.Ends() {
		return o, err
	}
	ctx = logging.WithRun(ctx, run.ID())
	for _, stage := range []func(context.Context, *answer.Run) (answer.Outcome, error){
		r.start,
		r.forgetHeld,
		r.facts,
		r.decide,
	} {
		o, err := stage(ctx, run)
		if err != nil || o.Ends() {
			return o, err
		}
	}
	return r.actor.CarryOut(ctx, run)
}

// findItsPlace finds the run and the place to answer it: beside others, or alone if it may have crashed a process
// before. If it crashes again, no other run dies with it, and none is suspected. done gives the place back; call it
// whatever the error.
func (r *Responder) findItsPlace(ctx context.Context, run *answer.Run) (done func(), o answer.Outcome, err error) {
	for {
		places := int64(1)
		if run.Alone {
			places = everybody
		}
		if err := r.beside.Acquire(ctx, places); err != nil {
			return func() {}, o, err
		}
		done = func() { r.beside.Release(places) }
		if o, err := r.find(ctx, run); err != nil || o.Ends() {
			return done, o, err
		}
		if run.Alone || !run.Row.Begun.ByOthers(r.process) {
			return done, o, nil
		}
		done()
		alone := run.Call
		alone.Alone = true
		*run = answer.Run{Call: alone}
	}
}
