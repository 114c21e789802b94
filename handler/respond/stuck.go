package respond

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// A run that cannot be decided or finished comes back by copies. It is told once after a while, stands in Health, and ends: its
// next try after a day, or the stale limit if that is longer, is the last, and what cannot be read or done then is held and told.
// While an outage of the service lasts nothing ends: an outage makes no decision about an alert.

const (
	leastTries = 24 * time.Hour     // for how long a run is tried at least
	patientFor = 4 * 24 * time.Hour // for how long one waits for what ends by itself: Defender gives an action up after three days and a quarter of an hour
	pollsFail  = 30 * time.Minute   // for how long no poll succeeded where the service counts as out of order
)

// pause is how a run goes on with a copy.
type pause struct {
	after   time.Duration
	forgive bool // earlier deaths are forgotten
	patient bool // it waits for what ends by itself
	turn    bool // it waits for its turn of a quota
	why     string
}

// tries is for how long a run is tried.
func (r *Responder) tries() time.Duration { return max(r.StaleAfter, leastTries) }

// outage reports whether the service is out of order for all runs: polls do not succeed either. Where nobody ever polled it is
// not.
func (r *Responder) outage(ctx context.Context) bool {
	mark, err := r.Ledger.Watermark(ctx)
	return err != nil || !mark.At.IsZero() && r.Now().Sub(mark.At) > pollsFail
}

// noteStuck looks at a run that comes back without having got on for a while: whether that is an outage, and else tells the
// operator once. Of an outage the operator hears by the polls that do not succeed.
func (r *Responder) noteStuck(ctx context.Context, w *work, p pause) (outage, told bool) {
	told = w.run.StuckTold
	since := w.run.StuckSince
	harmless := p.patient || p.turn && w.run.TurnsFor(r.Now(), patientFor) || w.run.State == ledger.Waiting
	if harmless || since.IsZero() || r.Now().Sub(since) < ledger.StuckAfter {
		return false, told
	}
	if outage = r.outage(ctx); outage || told {
		return outage, told
	}
	e := r.event(w, notice.Stuck)
	e.MachineID, e.MachineName, e.Step, e.Action, e.Scope, e.To = "", "", "", "", "", r.Operator
	e.Detail = fmt.Sprintf("It does not get on since %s: %s. It is tried again until %s; what is not done by then is held, and told.",
		since.Format(time.RFC3339), p.why, w.run.LastTryAt.Format(time.RFC3339))
	if err := r.Teller.Tell(ctx, "operator", e); err != nil {
		r.Log.WarnContext(ctx, "it could not be told that the run does not get on", "error", err.Error())
		return false, false
	}
	r.Log.ErrorContext(ctx, "run does not get on", "since", since, "why", p.why, "until", w.run.LastTryAt)
	return false, true
}

// fromAPI reports whether an error is the API's, or of the way to it.
func fromAPI(err error) bool {
	var api machine.APIError
	return errors.As(err, &api)
}

// unread is trouble with reading the alert. At the last try the run ends with it, told.
func (r *Responder) unread(ctx context.Context, w *work, cause error) error {
	if !w.last || !fromAPI(cause) {
		return cause
	}
	why := fmt.Sprintf("the alert could not be read since %s: %v", w.since().Format(time.RFC3339), cause)
	e := r.event(w, notice.GaveUp)
	e.Detail = why + ". Answer it by hand."
	if err := r.Teller.Tell(ctx, notice.Group(w.alertOrID(), nil), e); err != nil {
		return err
	}
	return r.close(ctx, w, "not answered", why)
}

// unreadAsked is unread for a message that names no version, or one that is not known: the newest run is told of and ends. If
// that is over, the message ends after a few tries: the alert is answered, and polls find what changes.
func (r *Responder) unreadAsked(ctx context.Context, w *work, record ledger.Record, cause error) error {
	latest, exists := record.Latest()
	switch {
	case exists && latest.State.Final() && w.message.Attempt >= LookUpTries && fromAPI(cause):
		r.Log.WarnContext(ctx, "an answered alert that was asked for again cannot be read; if it changed a poll finds it",
			"alert", latest.AlertID, "tries", w.message.Attempt+1, "error", cause.Error())
		return errDone
	case !exists || latest.State.Final():
		return cause
	}
	w.run, w.seen, w.started, w.last = latest, *record.Seen, true, latest.IsLastTry(r.Now())
	return r.unread(ctx, w, cause)
}

// unreadMachine is trouble with reading the machine. At the last try it counts as one that could not be read.
func (w *work) unreadMachine(cause error) error {
	if !w.last || !fromAPI(cause) {
		return cause
	}
	w.missing = fmt.Sprintf("it could not be read since %s: %v", w.since().Format(time.RFC3339), cause)
	return nil
}

// unfinished is trouble with a step, or a wait. At the last try the step is held.
func (r *Responder) unfinished(ctx context.Context, w *work, cause error) error {
	var later *comeBack
	if !w.last || !fromAPI(cause) && !errors.As(cause, &later) {
		return cause
	}
	if later != nil && later.turn && w.run.TurnsFor(r.Now(), patientFor) {
		return cause
	}
	said := "held: it could not be done since " + w.since().Format(time.RFC3339) + ": "
	why := w.heldAgain(reason{said + cause.Error(), "held: it could not be done: " + causeOf(cause)})
	if err := r.keepHeld(ctx, w, why.text); err != nil {
		return err
	}
	return r.conclude(ctx, w, notice.Held, ledger.HeldOutcome, why)
}

// since is since when the run does not get on.
func (w *work) since() time.Time {
	if w.run.StuckSince.IsZero() {
		return w.run.LastTryAt.Add(-patientFor)
	}
	return w.run.StuckSince
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
