package respond

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cordon/handler/act"
	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/watch"
)

// A run that cannot be decided or finished comes back by copies. It is told once after a while, stands in Health, and
// ends: its next try after a day, or the stale limit if that is longer, is the last, and what cannot be read or done
// then is held and told. While an outage of the service lasts nothing ends: an outage makes no decision about an
// alert.

const (
	leastTries = 24 * time.Hour // for how long a run is tried at least
)

// tries is for how long a run is tried.
func (r *Responder) tries() time.Duration {
	return max(r.StaleAfter, leastTries)
}

// noteStuck looks at a run that comes back without having got on for a while: whether that is an outage, and else
// tells the operator once. Of an outage the operator hears by the polls that do not succeed.
func (r *Responder) noteStuck(ctx context.Context, run *answer.Run, p answer.Pause) (outage, told bool) {
	told = run.Row.StuckTold
	since := run.Row.StuckSince
	itsTurn := p.Turn && run.Row.TurnsFor(r.Now(), answer.PatientFor)
	harmless := p.Patient || itsTurn || run.Row.State == runs.Waiting
	if harmless || since.IsZero() || r.Now().Sub(since) < runs.StuckAfter {
		return false, told
	}
	if outage = watch.Outage(ctx, r.Switches, run.Seen.Looks, r.Now()); outage || told {
		return outage, told
	}
	e := r.clerk.Event(run, notice.Stuck)
	e.MachineID = ""
	e.MachineName = ""
	e.Step = ""
	e.Action = ""
	e.Scope = ""
	e.To = r.Operator
	e.Detail = fmt.Sprintf("It has made no progress since %s: %s. It is tried again until %s; "+
		"what is not done by then is held, and told.",
		since.Format(time.RFC3339), p.Why, run.Row.LastTryAt.Format(time.RFC3339))
	err := r.Teller.Tell(ctx, notice.OperatorGroup, e)
	if err != nil {
		r.Log.WarnContext(ctx, "people could not be told that the run makes no progress", "error", err.Error())
		return false, false
	}
	r.Log.ErrorContext(ctx, "run makes no progress", "since", since, "why", p.Why, "until", run.Row.LastTryAt)
	return false, true
}

// unread is trouble with reading the alert. At the last try the run ends with it, told.
func (r *Responder) unread(ctx context.Context, run *answer.Run, cause error) (o answer.Outcome, err error) {
	if !run.Last || !act.FromAPI(cause) {
		return o, cause
	}
	why := fmt.Sprintf("the alert could not be read since %s: %v", run.Since().Format(time.RFC3339), cause)
	e := r.clerk.Event(run, notice.GaveUp)
	e.Detail = why + ". Answer it by hand."
	if err := r.Teller.Tell(ctx, notice.Group(run.AlertOrID(), nil), e); err != nil {
		return o, err
	}
	return r.clerk.Close(ctx, run, "not answered", why)
}

// unreadAsked is unread for a message that names no version, or one that is not known: the newest run is told of and
// ends. If that is over, the message ends after a few tries: the alert is answered, and polls find what changes.
func (r *Responder) unreadAsked(ctx context.Context, run *answer.Run, cause error) (o answer.Outcome, err error) {
	latest, exists := run.Record.Latest()
	switch {
	case exists && latest.State.Final() && run.Message.Attempt >= LookUpTries && act.FromAPI(cause):
		r.Log.WarnContext(ctx,
			"an answered alert that was asked for again cannot be read; if it changed a poll finds it",
			"alert", latest.AlertID,
			"tries", run.Message.Attempt+1,
			"error", cause.Error())
		return answer.RunOver(), nil
	case !exists || latest.State.Final():
		return o, cause
	}
	run.Row = latest
	run.Seen = *run.Record.Seen
	run.Started = true
	run.Last = latest.IsLastTry(r.Now())
	return r.unread(ctx, run, cause)
}

// unreadMachine is trouble with reading the machine. At the last try it counts as one that could not be read.
func unreadMachine(run *answer.Run, cause error) error {
	if !run.Last || !act.FromAPI(cause) {
		return cause
	}
	run.Missing = fmt.Sprintf("it could not be read since %s: %v", run.Since().Format(time.RFC3339), cause)
	return nil
}

// otherAlert is the API's answer about an alert with another one.
type otherAlert struct{ asked, got string }

func (o *otherAlert) Error() string {
	return fmt.Sprintf("the API answers for alert %q with alert %q; nothing is done on a guess", o.asked, o.got)
}
func (o *otherAlert) Trouble() machine.Trouble  { return machine.Refused }
func (o *otherAlert) RetryAfter() time.Duration { return 0 }

// alertOf reads an alert, and takes no other for it.
func (r *Responder) alertOf(ctx context.Context, id string) (alert.Alert, error) {
	a, err := r.API.Alert(ctx, id)
	if err == nil && !strings.EqualFold(a.ID, id) {
		return alert.Alert{}, &otherAlert{id, a.ID}
	}
	a.ID = id
	return a, err
}
