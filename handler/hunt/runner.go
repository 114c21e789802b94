package hunt

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/findings"
	"cordon/handler/ledger/hunts"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/switches"
	"cordon/handler/notice"
	"cordon/handler/schedule"
)

// API asks hunting queries.
type API interface {
	// Hunt asks a query about the time from since to until. An error with a method RetryIn() (time.Duration, bool) that
	// says true may pass without anybody changing anything. A repeat changes nothing.
	Hunt(ctx context.Context, query string, since, until time.Time) (Table, error)
}

// Queue takes alert messages.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// Options are the parts and settings of a Runner; all are required.
type Options struct {
	API       API
	Queue     Queue
	Hunts     *hunts.Store
	Findings  *findings.Store
	Switches  *switches.Store
	Teller    Teller
	Catalogue *Catalogue
	Log       *slog.Logger
	Now       func() time.Time
	Hold      time.Duration // how long one invocation has a turn to itself; well above the time of a query
	RetryIn   time.Duration // first pause after trouble that may pass
}

// Runner runs what is due. It is safe for concurrent use.
type Runner struct{ Options }

// New makes a Runner.
func New(o Options) *Runner { return &Runner{o} }

// MarkHunt is the ledger mark of the last time that everything due was run.
const MarkHunt = "hunts"

// Bounds of one invocation: what is left is due at the next one.
const (
	queriesAtOnce = 40               // the API allows 45 a minute for the tenant
	spare         = 90 * time.Second // for what comes after a query
)

// triesOfTurn is how often a turn meets trouble that may pass before it has failed.
const triesOfTurn = 3

// Run runs every hunt that is due, the longest overdue first. An error means that something could not be recorded or
// enqueued; the turn is repeated from its record then, or as a whole if it had none. A repeat reports no row twice.
func (r *Runner) Run(ctx context.Context) error {
	if len(r.Catalogue.Hunts()) == 0 {
		return nil
	}
	if err := r.Hunts.Prepare(ctx); err != nil {
		return err
	}
	due, err := r.due(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for i, d := range due {
		deadline, ends := ctx.Deadline()
		if i >= queriesAtOnce || ends && time.Until(deadline) < QueryTime+spare {
			r.Log.WarnContext(ctx, "hunts that are due are left for the next time", "hunts", len(due)-i)
			break
		}
		asksMore, err := r.turn(ctx, d.hunt, d.state)
		if err != nil {
			errs = append(errs, fmt.Errorf("hunt %s: %w", d.hunt.Name, err))
		}
		if !asksMore {
			break
		}
	}
	if len(errs) == 0 {
		errs = append(errs, r.Switches.SetMark(ctx, MarkHunt, r.Now().UTC(), ""))
	}
	return errors.Join(errs...)
}

type dueHunt struct {
	hunt  *Hunt
	state hunts.Hunt
}

// due finds the hunts whose turn has come and that nobody runs. A hunt that was never seen gets its first turn. Times
// are those that the tick stands for: one that comes some milliseconds early would leave a hunt to the next.
func (r *Runner) due(ctx context.Context) ([]dueHunt, error) {
	var due []dueHunt
	for _, h := range r.Catalogue.Hunts() {
		state, err := r.Hunts.Of(ctx, h.Name)
		if err != nil {
			return nil, err
		}
		now := schedule.Tick(r.Now())
		if state.Spec != h.Spec {
			err := r.plan(ctx, h, &state, now)
			if err != nil {
				return nil, err
			}
		}
		if !now.Before(state.Due) && !now.Before(state.NotBefore) &&
			(state.Claim == "" || !now.Before(state.ClaimUntil)) {
			due = append(due, dueHunt{h, state})
		}
	}
	slices.SortStableFunc(due, func(a, b dueHunt) int {
		return cmp.Compare(a.state.Due.UnixNano(), b.state.Due.UnixNano())
	})
	return due, nil
}

// plan works the next turn out by a schedule that is new. A turn that is overdue stays so.
func (r *Runner) plan(ctx context.Context, h *Hunt, state *hunts.Hunt, now time.Time) error {
	if state.Due.IsZero() || state.Due.After(now) {
		state.Due = h.Next(now)
	}
	if state.Uncovered.IsZero() || state.Uncovered.After(state.Due) {
		state.Uncovered = state.Due
	}
	state.Spec = h.Spec
	err := r.Hunts.Save(ctx, state)
	if errors.Is(err, rows.ErrConflict) {
		// Whoever was first has planned it too; it is looked at again the next time.
		state.Due = h.Next(now)
		return nil
	}
	if err == nil {
		r.Log.InfoContext(ctx, "hunt planned", "hunt", h.Name, "due", state.Due)
	}
	return err
}

// turn runs the turn that is due: from its record if there is one, else by asking the query. asksMore is false once the
// API is in trouble that may pass: then this invocation asks no other hunt's query.
func (r *Runner) turn(ctx context.Context, h *Hunt, state hunts.Hunt) (asksMore bool, err error) {
	now := r.Now().UTC()
	state.Claim = rand.Text()
	state.ClaimUntil = now.Add(r.Hold)
	if err := r.Hunts.Save(ctx, &state); errors.Is(err, rows.ErrConflict) {
		return true, nil // another instance runs it
	} else if err != nil {
		return true, err
	}
	turn, result, recorded, err := r.Hunts.Turn(ctx, h.Name, state.Due)
	if err != nil {
		return true, err
	}
	if !recorded {
		turn, result, err = r.ask(ctx, h, state)
		if err != nil {
			return r.failed(ctx, h, state, err)
		}
		if recorded = turn.New > 0; recorded {
			err := r.Hunts.PutTurn(ctx, turn, result)
			if errors.Is(err, rows.ErrConflict) {
				return true, nil // who took the turn over goes on
			} else if err != nil {
				return true, err
			}
		}
	}
	if err := r.report(ctx, h, state, turn, result); err != nil {
		return true, err
	}
	return true, r.finish(ctx, h, state, turn)
}

// ask runs the query and picks the rows that are new. A first turn that only learns reports none.
func (r *Runner) ask(ctx context.Context, h *Hunt, state hunts.Hunt) (hunts.Turn, hunts.Result, error) {
	// Whole seconds, so that the record and what is made of it say the same time.
	now := schedule.Tick(r.Now())
	back := min(h.Timespan+max(now.Sub(state.Uncovered), 0), MaxLookBack)
	turn := hunts.Turn{
		Hunt:  h.Name,
		Due:   state.Due,
		At:    now,
		Since: now.Add(-back),
	}
	query, err := h.Query(turn.Since, nil)
	if err != nil {
		return turn, hunts.Result{}, err
	}
	asked, cancel := context.WithTimeout(ctx, QueryTime+10*time.Second)
	defer cancel()
	table, err := r.API.Hunt(asked, query, turn.Since, now)
	if err != nil {
		return turn, hunts.Result{}, err
	}
	turn.Rows = len(table.Rows)
	turn.Cut = len(table.Rows) >= MaxRows
	if h.Learn && state.LearnedAt.IsZero() {
		digests, err := h.all(table)
		if err == nil {
			err = r.remember(ctx, h, digests, now)
		}
		return turn, hunts.Result{}, err
	}
	known, err := r.Hunts.Known(ctx, h.Name, now.Add(-max(h.Memory, back)))
	if err != nil {
		return turn, hunts.Result{}, &recordError{err}
	}
	result, more, err := h.fresh(table, known)
	turn.New, turn.More = len(result.Rows), more
	return turn, result, err
}

// recordError is trouble with the ledger: the turn is repeated, and nobody is told that its query failed.
type recordError struct{ error }

func (e *recordError) Unwrap() error { return e.error }

func (r *Runner) remember(ctx context.Context, h *Hunt, digests []string, at time.Time) error {
	err := r.Hunts.Remember(ctx, h.Name, digests, at)
	if err != nil {
		return &recordError{err}
	}
	return nil
}

// finish notes that the turn is over and when the next one is. Missed turns are one: the next is the first after now.
func (r *Runner) finish(ctx context.Context, h *Hunt, state hunts.Hunt, turn hunts.Turn) error {
	now := r.Now().UTC()
	if state.LearnedAt.IsZero() {
		state.LearnedAt = now
	}
	state.Due = h.Next(schedule.Tick(now))
	if !turn.More {
		state.Uncovered = state.Due
	}
	state.RanAt = now
	state.Rows = turn.Rows
	state.New = turn.New
	state.FailedAt = time.Time{}
	state.Trouble = ""
	state.NotBefore = time.Time{}
	state.Tries = 0
	r.Log.InfoContext(ctx, "hunt ran", "hunt", h.Name, "rows", turn.Rows, "new", turn.New, "more", turn.More,
		"since", turn.Since, "next", state.Due)
	return r.release(ctx, state)
}

// failed notes that a turn came to no result. Trouble that may pass is met a few times before it counts; people are
// told of the first turn that fails, and not again until one has succeeded.
func (r *Runner) failed(ctx context.Context, h *Hunt, state hunts.Hunt, cause error) (asksMore bool, err error) {
	var record *recordError
	if errors.As(cause, &record) || ctx.Err() != nil {
		return true, cause // the claim lapses, and the turn is run again
	}
	now := schedule.Tick(r.Now())
	after, passing := retryIn(cause)
	if state.Tries++; passing && state.Tries < triesOfTurn {
		state.NotBefore = now.Add(max(after, r.RetryIn<<(state.Tries-1)))
		state.Trouble = cause.Error()
		r.Log.WarnContext(ctx, "hunt is tried again", "hunt", h.Name, "again", state.NotBefore, "error", cause.Error())
		return false, r.release(ctx, state)
	}
	if state.FailedAt.IsZero() {
		state.FailedAt = state.Due
	}
	e := notice.Event{
		Kind:  notice.HuntFailed,
		At:    now,
		Hunt:  h.Name,
		Turn:  state.FailedAt,
		Title: "Hunt " + h.Name,
		To:    h.To,
		Detail: fmt.Sprintf("The turn of %s came to no result: %s. It is tried again at its next turns, which look "+
			"back as far as this one; nothing more is said until one succeeds.",
			state.Due.Format(time.RFC3339), plain(cause.Error(), 600)),
	}
	if err := r.Teller.Tell(ctx, notice.HuntGroup(h.Name, state.FailedAt), e); err != nil {
		return true, err
	}
	state.Trouble = cause.Error()
	state.Due = h.Next(now)
	state.NotBefore = now.Add(after)
	state.Tries = 0
	r.Log.ErrorContext(ctx, "hunt failed; people are told once, and it is tried at its next turn", "hunt", h.Name,
		"next", state.Due, "error", cause.Error())
	return true, r.release(ctx, state)
}

// release gives the turn back. Somebody who took it over meanwhile does the same from its record.
func (r *Runner) release(ctx context.Context, state hunts.Hunt) error {
	state.Claim, state.ClaimUntil = "", time.Time{}
	err := r.Hunts.Save(ctx, &state)
	if err != nil && !errors.Is(err, rows.ErrConflict) {
		return err
	}
	return nil
}

// retryIn asks an error whether and when a repeat may help. A query that takes too long takes as long the next time.
func retryIn(err error) (time.Duration, bool) {
	var asked interface{ RetryIn() (time.Duration, bool) }
	if errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &asked) {
		return 0, false
	}
	return asked.RetryIn()
}
