package respond

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
)

// Whoever has a function key, or may send to the queue, can ask for alerts by ids that he made up. What no poll
// recorded is therefore looked up a few times an hour only, counted in the ledger, and people hear of all that was not
// found in one mail. No alert is lost by it: the polls find every one that exists, and what they recorded is not
// counted.

// LookUpTries is how often the look-up of one message is tried against trouble of the API.
const LookUpTries = 10

// askedAlert reads the alert of a message that the ledger cannot answer. If no poll recorded it, that takes one of the
// hour's look-ups; without one, or if the API does not know the alert, the message is done with.
func (r *Responder) askedAlert(ctx context.Context, run *answer.Run) (a alert.Alert, o answer.Outcome, err error) {
	id := run.Message.AlertID
	if run.Record.Seen != nil || alert.IsFinding(id) {
		a, err = r.alertOf(ctx, id)
		return a, o, err
	}
	may, err := r.Switches.AskToLookUp(ctx, id, r.sharedNow(ctx))
	why := ""
	switch {
	case err != nil:
		return a, o, err
	case may == switches.LookedUp:
		why = "no source of alerts knew it within the last hour"
	case may == switches.NoLookupsLeft:
		why = fmt.Sprintf("%d ids that no poll recorded were looked up within the hour", switches.LookupsPerHour)
	case run.Message.Attempt >= LookUpTries:
		why = fmt.Sprintf("it could not be looked up in %d tries", LookUpTries)
	}
	if why != "" {
		o, err = r.leaveToPolls(ctx, run, why)
		return a, o, err
	}
	a, err = r.alertOf(ctx, id)
	trouble, _ := machine.TroubleOf(err)
	if trouble != machine.NotFound && trouble != machine.Refused {
		return a, o, err
	}
	noteErr := r.Switches.Missing(ctx, id, r.sharedNow(ctx))
	if noteErr != nil {
		return a, o, noteErr
	}
	o, err = r.unknownAlert(ctx, run, err)
	return a, o, err
}

// leaveToPolls ends a message about an alert that no poll recorded.
func (r *Responder) leaveToPolls(ctx context.Context, run *answer.Run, why string) (answer.Outcome, error) {
	r.Log.InfoContext(ctx, "an alert that no poll recorded is not looked up; if it exists a poll finds it",
		"alert", run.Message.AlertID,
		"why", why)
	if run.Row.AlertID == "" || run.Row.State.Final() {
		return answer.RunOver(), nil
	}
	return r.clerk.Close(ctx, run, "not found", "not looked up: "+why)
}

// unknownAlert keeps the record of an alert that was asked for and does not exist.
func (r *Responder) unknownAlert(ctx context.Context, run *answer.Run, cause error) (answer.Outcome, error) {
	if run.Row.AlertID == "" || run.Row.State.Final() {
		row, err := r.Runs.Asked(ctx, run.Message.AlertID, r.Now().UTC())
		if err != nil {
			return answer.Outcome{}, err
		}
		run.Row = row
	}
	reason := "no source of alerts knows it, and no poll has recorded it: " + cause.Error()
	return r.clerk.Close(ctx, run, "not found", reason)
}

// giveLookUpBack takes a look-up that found its alert off the count of this hour.
func (r *Responder) giveLookUpBack(ctx context.Context, alertID string) {
	if alert.IsFinding(alertID) {
		return
	}
	err := r.Switches.Found(ctx, alertID, r.sharedNow(ctx))
	if err != nil {
		r.Log.WarnContext(ctx,
			"a look-up that found its alert could not be taken off the count, so it counts for an hour",
			"alert", alertID,
			"error", err.Error())
	}
}

// sharedNow is the time for what all instances share.
func (r *Responder) sharedNow(ctx context.Context) time.Time {
	return r.Switches.SharedNow(ctx, r.Log, r.Now)
}
