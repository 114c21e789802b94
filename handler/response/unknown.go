package response

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// Whoever has a function key, or may send to the queue, can ask for alerts by ids that he made up. What no poll recorded is
// therefore looked up a few times an hour only, counted in the ledger, and people hear of all that was not found in one
// mail. No alert is lost by it: the polls find every one that exists, and what they recorded is not counted.

const (
	// lookUpTries is how often the look-up of one message is tried against trouble of the API.
	lookUpTries = 10
	// unknownAfter is how long an id may take to turn up in a poll before people hear that nobody knows it.
	unknownAfter = 10 * time.Minute
	// unknownEvery is the least time between two mails about such ids.
	unknownEvery = time.Hour
	// unknownNamed is how many of them a mail names.
	unknownNamed = 30
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
	case w.message.Attempt >= lookUpTries:
		return alert.Alert{}, r.leaveToPolls(ctx, w, fmt.Sprintf("it could not be looked up in %d tries", lookUpTries))
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

// tellUnknown tells in one mail of the ids that were asked for and that neither the API nor a poll knew.
func (f *Follower) tellUnknown(ctx context.Context) error {
	l, err := f.Ledger.ReadLookups(ctx)
	if err != nil {
		return err
	}
	untold := l.Untold()
	if len(untold) == 0 {
		return nil
	}
	now := sharedNow(ctx, f.Ledger, f.Log, f.Now)
	if now.Sub(untold[0].At) < unknownAfter || now.Sub(l.ToldAt) < unknownEvery {
		return nil
	}
	var missing, over []string
	for _, one := range untold {
		_, known, err := f.Ledger.Seen(ctx, one.AlertID)
		switch {
		case err != nil:
			return err
		case known || slices.Contains(missing, one.AlertID):
		case one.Missing:
			missing = append(missing, one.AlertID)
		default:
			over = append(over, one.AlertID)
		}
	}
	over = slices.DeleteFunc(over, func(id string) bool { return slices.Contains(missing, id) })
	if len(missing)+len(over)+l.More > 0 {
		first, last := untold[0].At.Format(time.RFC3339Nano), untold[len(untold)-1].At.Format(time.RFC3339Nano)
		e := notice.Event{Kind: notice.UnknownAlerts, At: now, To: f.Operator, RunID: "lookups " + first + " " + last,
			Detail: unknownDetail(missing, over, l.More)}
		if err := f.Teller.Tell(ctx, "operator", e); err != nil {
			return err
		}
		f.Log.WarnContext(ctx, "alerts were asked for that nobody knows",
			"missing", len(missing), "notLookedUp", len(over), "more", l.More)
	}
	return f.Ledger.LookupsTold(ctx, l, now)
}

// unknownDetail names the ids, as far as a mail has room for them.
func unknownDetail(missing, over []string, more int) string {
	var b strings.Builder
	if len(missing) > 0 {
		fmt.Fprintf(&b, "Defender does not know %d of the ids, and no poll has found them: %s. ", len(missing), named(missing))
	}
	if len(over)+more > 0 {
		fmt.Fprintf(&b, "Not looked up, because at most %d an hour are that no poll recorded: %d ids", ledger.LookupsPerHour, len(over))
		if more > 0 {
			fmt.Fprintf(&b, " and %d messages", more)
		}
		if len(over) > 0 {
			fmt.Fprintf(&b, ", such as %s", named(over))
		}
		b.WriteString(". ")
	}
	b.WriteString("They came by a push, by a message on the queue or by cordon enqueue. ")
	b.WriteString("Every alert that exists is found by the polls all the same.")
	return b.String()
}

func named(ids []string) string {
	if len(ids) <= unknownNamed {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:unknownNamed], ", "), len(ids)-unknownNamed)
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
