// Package respond answers alerts: it finds the run of a queue message, gets the facts, lets the playbook decide, carries
// the plan out exactly once under the machine's latch, tells people, and records all of it. What becomes of machine actions
// handler/follow learns.
//
// The order of writes is run, latch, index, intent, action id, notice entry, run closed; whatever is interrupted is
// repaired by whoever comes next. Neighbours: the queue before it, the playbook and the ledger behind it.
package respond

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/semaphore"

	"cordon/handler/alert"
	"cordon/handler/ending"
	"cordon/handler/ledger"
	"cordon/handler/logging"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// API is what a Responder reads from and asks of Defender. Errors are machine.APIError where the API answered.
type API interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Machine(ctx context.Context, id string) (machine.Machine, error)
	// CurrentActions lists the machine actions of all machines that are not final, and their isolations and releases in
	// every state, created at since or later.
	CurrentActions(ctx context.Context, since time.Time) ([]machine.Action, error)
	// ActionsOn lists the actions of one machine in every state, created at since or later.
	ActionsOn(ctx context.Context, machineID string, since time.Time) ([]machine.Action, error)
	// Act asks for a machine action. It sends the request at most once, and not after its SendBy.
	Act(ctx context.Context, machineID string, r machine.Request) (machine.Action, error)
	// CancelAction takes an action of a type back that is not final.
	CancelAction(ctx context.Context, actionID string, t machine.ActionType, comment string) (machine.Action, error)
	// Tag puts a tag on a machine or takes it off. A repeat is safe.
	Tag(ctx context.Context, machineID, tag string, remove bool) error
	// UpdateAlert changes an alert and answers with it. A repeat adds the comment again.
	UpdateAlert(ctx context.Context, id string, change alert.Change) (alert.Alert, error)
	// AlertComments are the comments of an alert, in any order.
	AlertComments(ctx context.Context, id string) ([]string, error)
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
	API    API
	Queue  Queue
	Ledger *ledger.Store
	Teller Teller
	Book   *playbook.Book
	Log    *slog.Logger
	Now    func() time.Time

	Ceiling        playbook.Mode
	SnapshotMaxAge time.Duration // how old alert and machine may be when they are acted on
	StaleAfter     time.Duration // older alerts are not acted on
	Lift           time.Duration // how long Defender lets an isolation stand before it lifts it by itself
	RecheckAfter   time.Duration // wait before a request of unknown fate may be repeated
	Hold           time.Duration // how long a latch is taken for
	SendWithin     time.Duration // how long after its intent a request may still be sent
	RetryAfter     time.Duration // first pause after trouble
	Quota          ledger.Quota  // of isolations, as the API counts them for all instances together; zero: none
	Operator       []string      // who hears that Cordon itself is unwell
}

// How often and for how long "not found" is doubted, because lists and reads of the API lag.
const (
	missesToClose = 3
	missesSpan    = 10 * time.Minute
)

// deathsToPark is how many interrupted starts make a run suspect of ending the process.
const deathsToPark = 2

// invocationLife is after how long an invocation is certainly over: functionTimeout of host.json, after which the host ends the
// process, and the lock of a message.
const invocationLife = 11 * time.Minute

// Responder answers queue messages. It is safe for concurrent use.
type Responder struct {
	Options
	endings *ending.Closer
	process string // this process, in the starts of runs
	odd     oddities

	beside *semaphore.Weighted // one for each run that is answered beside others, all for one that is answered alone

	listing  chan struct{}    // holds a token while somebody lists
	listed   []machine.Action // current actions of all machines, shared for joinWait
	listedAt time.Time
}

// New makes a Responder.
func New(o Options) *Responder {
	o.API = findingsAPI{o.API, o.Ledger}
	return &Responder{
		Options: o,
		endings: &ending.Closer{
			Ledger:     o.Ledger,
			Queue:      o.Queue,
			Teller:     o.Teller,
			Log:        o.Log,
			Now:        o.Now,
			Lift:       o.Lift,
			StaleAfter: o.StaleAfter,
		},
		process: rand.Text(),
		beside:  semaphore.NewWeighted(everybody),
		listing: make(chan struct{}, 1),
	}
}

// everybody is more runs than a process ever answers at once.
const everybody = 1 << 20

// comeBack ends an invocation in good order: the run goes on with a scheduled copy.
type comeBack struct {
	after   time.Duration
	why     string
	patient bool // it waits for what ends by itself
	turn    bool // it waits for its turn of a quota
}

func (c *comeBack) Error() string { return c.why }

// errDone ends an invocation in good order: the run needs nothing more.
var errDone = errors.New("nothing left to do")

// Respond answers one message of the alert queue, whose delivery is counted from 1. It returns nil whenever the work is done
// or scheduled to go on; an alert.UndecodableError for a message that cannot be read; alert.ErrUnknownFormat for one that
// a newer version can read; any other error when not even a
// scheduled copy could be sent until the context ended, so that the broker must give the message again. A repeat of a
// message is harmless.
func (r *Responder) Respond(ctx context.Context, body []byte, delivery int) error {
	m, err := alert.DecodeMessageFor(r.Ledger.Tenant(), body)
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
		w := &work{message: m, delivery: delivery, alone: delivery > 1}
		after, err := r.answer(ctx, w)
		if err == nil || !r.waitHere(ctx, after, err) {
			return err
		}
		m = r.next(w)
	}
}

// answer makes one try at a run: it ends in good order, or goes on with a copy of the message that comes after some time.
// An error says that the copy could not be sent.
func (r *Responder) answer(ctx context.Context, w *work) (after time.Duration, err error) {
	err = r.respond(ctx, w)
	if w.run.AlertID != "" {
		ctx = logging.WithRun(ctx, w.run.ID())
	}
	var later *comeBack
	switch {
	case err == nil, errors.Is(err, errDone):
		return 0, nil
	case errors.As(err, &later):
		return later.after, r.reschedule(ctx, w, pause{after: later.after, patient: later.patient, turn: later.turn, why: later.why})
	}
	trouble, wait := machine.TroubleOf(err)
	r.Ledger.NoteTrouble(ctx, r.Now().UTC(), "alert "+w.message.AlertID, err)
	r.Log.WarnContext(ctx, "the run goes on later", "trouble", trouble.String(), "error", err.Error())
	after = max(wait, r.backoff(w, trouble)) + r.yield(w)
	if step := (*delayed)(nil); errors.As(err, &step) {
		after = min(after, step.after)
	}
	return after, r.reschedule(ctx, w, pause{after: after, forgive: true, why: err.Error()})
}

// work is what one invocation knows about the run it carries.
type work struct {
	message  alert.Message
	delivery int // of the message, counted from 1
	run      ledger.Run
	record   ledger.Record // of the alert, as it was when the run was found
	started  bool          // this invocation is among the starts of the run
	last     bool          // what cannot be read or done now is held
	alone    bool          // nothing else is answered by this process meanwhile
	seen     ledger.Seen
	alert    alert.Alert
	machine  *machine.Machine // nil: the alert names none, or it could not be read
	missing  string           // why it could not be read, although the alert names one
	readAt   time.Time        // when the older of alert and machine was read
	plan     playbook.Plan
	step     playbook.Step // the one that is being carried out
	told     []string      // stands for what was told and the run does not keep yet, see note
	refresh  bool          // facts come from the API, whatever travels with the message
}

func (r *Responder) respond(ctx context.Context, w *work) error {
	if err := r.Ledger.Prepare(ctx); err != nil {
		return err
	}
	done, err := r.findItsPlace(ctx, w)
	defer done()
	if err != nil {
		return err
	}
	ctx = logging.WithRun(ctx, w.run.ID())
	if err := r.start(ctx, w); err != nil {
		return err
	}
	if err := r.forgetHeld(ctx, w); err != nil {
		return err
	}
	if err := r.facts(ctx, w); err != nil {
		return err
	}
	if err := r.decide(ctx, w); err != nil {
		return err
	}
	return r.carryOut(ctx, w)
}

// findItsPlace finds the run and the place to answer it: beside others, or alone if it may have ended a process before.
// A run that does it again then takes no neighbour with it, and no neighbour is suspected for it. done gives the place
// back, and is to be called whatever the error.
func (r *Responder) findItsPlace(ctx context.Context, w *work) (done func(), err error) {
	for {
		places := int64(1)
		if w.alone {
			places = everybody
		}
		if err := r.beside.Acquire(ctx, places); err != nil {
			return func() {}, err
		}
		done = func() { r.beside.Release(places) }
		if err := r.find(ctx, w); err != nil {
			return done, err
		}
		if w.alone || !w.run.Begun.ByOthers(r.process) {
			return done, nil
		}
		done()
		*w = work{message: w.message, delivery: w.delivery, alone: true}
	}
}

// reschedule sends a copy of the message for later and ends the invocation in good order. The copy's id comes from a
// counter in the run, so that the broker does not take it for a repeat. A message that is delivered again makes the same
// copy again, which the broker drops: every delivery too many would else go on by copies of its own for ever. Deaths
// are not forgiven to a run that only waits, for a latch that a dead process still holds, say: it has not shown that it would
// live.
func (r *Responder) reschedule(ctx context.Context, w *work, p pause) error {
	// The invocation's own deadline must not keep the run from being scheduled.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	now := r.Now().UTC()
	at := now.Add(p.after)
	id := fmt.Sprintf("%s:asked:%s", alert.QueueID(r.Ledger.Tenant(), w.message.AlertID), rand.Text())
	if w.started {
		outage, told := r.noteStuck(ctx, w, p)
		run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
			if run.CopyOf != copyOf(*run, w.message) {
				run.Copies++
				run.CopyOf = copyOf(*run, w.message)
			}
			run.Begun, run.DueAt, run.Trouble = run.Begun.End(r.process), at, p.why
			if p.forgive {
				run.Begun = nil
			}
			run.Attempt = max(run.Attempt, w.message.Attempt+1)
			run.Tell(w.told...)
			switch {
			case p.patient:
				run.WaitPatiently(now, patientFor)
			case p.turn && run.TurnsFor(now, patientFor):
				run.WaitTurn(now, p.after)
			default:
				run.Stick(now, r.tries(), outage)
				run.StuckTold = run.StuckTold || told
			}
			return nil
		})
		if err != nil {
			// Without the ledger the counter cannot be had; a random id still is a new message.
			r.Log.WarnContext(ctx, "the run's copy counter could not be written", "error", err.Error())
		} else {
			id = fmt.Sprintf("%s:r%d", alert.MessageID(r.Ledger.Tenant(), run.AlertID, run.Version), run.Copies)
		}
	}
	if err := r.Queue.SendAlerts(ctx, []alert.Envelope{{ID: id, Message: r.next(w), At: at}}); err != nil {
		return fmt.Errorf("the run could not be scheduled to go on (%s): %w", p.why, err)
	}
	r.Log.InfoContext(ctx, "run comes back", "at", at, "why", p.why, "copy", id)
	return nil
}

// next is the message with which a run goes on.
func (r *Responder) next(w *work) alert.Message {
	next := w.message
	next.Tenant, next.Attempt, next.Reason = r.Ledger.Tenant(), w.message.Attempt+1, "retry"
	if w.run.AlertID != "" {
		next.Version = w.run.Version
	}
	return next
}

// copyOf says what the newest copy of a run was made of. A message that was sent afresh may have the attempt of one before
// it, but a sweep or a copy was counted for it.
func copyOf(run ledger.Run, m alert.Message) string {
	return fmt.Sprintf("attempt %d, copy %d, sweep %d", m.Attempt, run.Copies, run.Sweeps)
}

// close ends the run with an outcome. A run that somebody closed meanwhile keeps what it says; one that was parked is
// closed all the same, because this invocation lived to tell.
func (r *Responder) close(ctx context.Context, w *work, outcome, reason string) error {
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if run.State == ledger.Closed {
			return ledger.ErrUnchanged
		}
		run.State, run.ClosedAt, run.Begun = ledger.Closed, r.Now().UTC(), nil
		run.Outcome, run.Reason, run.Trouble = outcome, reason, ""
		run.Tell(w.told...)
		return nil
	})
	if err != nil {
		return err
	}
	w.run = run
	r.Log.InfoContext(ctx, "run closed", "outcome", run.Outcome, "reason", run.Reason, "machine", run.MachineID, "rule", run.Rule)
	return errDone
}
