package respond

import (
	"context"
	"fmt"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// Whoever has a function key, or may send to the queue, can ask for alerts by ids that he made up. What no poll recorded is
// therefore looked up a few times an hour only, counted in the ledger, and people hear of all that was not found in one
// mail. No alert is lost by it: the polls find every one that exists, and what they recorded is not counted.

const (
	// LookUpTries is how often the look-up of one message is tried against trouble of the API.
	LookUpTries = 10
)

// askedAlert reads the alert of a message that the ledger cannot answer. If no poll recorded it, that takes one of the hour's
// look-ups; without one, or if the API does not know the alert, the message is done with.
func (r *Responder) askedAlert(ctx context.Context, w *work, record ledger.Record) (alert.Alert, error) {
	id := w.message.AlertID
	if record.Seen != nil || ledger.IsFinding(id) {
		return r.alertOf(ctx, id)
	}
	leave, err := r.Ledger.AskToLookUp(ctx, id, r.sharedNow(ctx))
	switch {
	case err != nil:
		return alert.Alert{}, err
	case leave == ledger.LookedUp:
		return alert.Alert{}, r.leaveToPolls(ctx, w, "Defender did not know it within the last hour")
	case leave == ledger.NoLookupsLeft:
		why := fmt.Sprintf("%d ids that no poll recorded were looked up within the hour", ledger.LookupsPerHour)
		return alert.Alert{}, r.leaveToPolls(ctx, w, why)
	case w.message.Attempt >= LookUpTries:
		return alert.Alert{}, r.leaveToPolls(ctx, w, fmt.Sprintf("it could not be looked up in %d tries", LookUpTries))
	}
	a, err := r.alertOf(ctx, id)
	if trouble, _ := machine.TroubleOf(err); trouble == machine.NotFound || trouble == machine.Refused {
		if noteErr := r.Ledger.Missing(ctx, id, r.sharedNow(ctx)); noteErr != nil {
			return a, noteErr
		}
		return a, r.unknownAlert(ctx, w, err)
	}
	return a, err
}

// leaveToPolls ends a message about an alert that no poll recorded.
func (r *Responder) leaveToPolls(ctx context.Context, w *work, why string) error {
	r.Log.InfoContext(ctx, "an alert that no poll recorded is not looked up; if it exists a poll finds it",
		"alert", w.message.AlertID, "why", why)
	if w.run.AlertID == "" || w.run.State.Final() {
		return errDone
	}
	return r.close(ctx, w, "not found", "not looked up: "+why)
}

// unknownAlert keeps the record of an alert that was asked for and does not exist.
func (r *Responder) unknownAlert(ctx context.Context, w *work, cause error) error {
	if w.run.AlertID == "" || w.run.State.Final() {
		run, err := r.Ledger.Asked(ctx, w.message.AlertID, r.Now().UTC())
		if err != nil {
			return err
		}
		w.run = run
	}
	return r.close(ctx, w, "not found", "Defender does not know the alert, and no poll has recorded it: "+cause.Error())
}

// giveLookUpBack lets an alert that exists count for nothing.
func (r *Responder) giveLookUpBack(ctx context.Context, alertID string) {
	if ledger.IsFinding(alertID) {
		return
	}
	if err := r.Ledger.Found(ctx, alertID, r.sharedNow(ctx)); err != nil {
		r.Log.WarnContext(ctx, "the look-up of an alert that exists counts for an hour", "alert", alertID, "error", err.Error())
	}
}
