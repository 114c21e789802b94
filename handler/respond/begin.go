package respond

import (
	"context"
	"fmt"

	"cordon/handler/answer"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/starts"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// find gets the run that a message is about. A message that names no version, or one that the ledger does not know, is
// compared with the API; a message below the newest version closes its run as superseded.
func (r *Responder) find(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	record, err := r.Runs.Alert(ctx, run.Message.AlertID)
	if err != nil {
		return o, err
	}
	run.Record = record
	version := run.Message.Version
	if record.Seen == nil || version == 0 || version > record.Seen.Version {
		asked, isAsked := record.Run(0)
		if isAsked && record.Seen == nil {
			run.Row = asked
			if asked.State.Final() && run.Message.Attempt > 0 {
				return answer.RunOver(), nil
			}
		}
		return r.compare(ctx, run)
	}
	run.Seen = *record.Seen
	row, exists := record.Run(version)
	switch {
	case !exists && version < record.Seen.Version:
		return answer.RunOver(), nil
	case !exists:
		return r.compare(ctx, run)
	}
	run.Row = row
	switch {
	case row.State.Final():
		return answer.RunOver(), nil
	case row.Version < record.Seen.Version:
		return r.supersede(ctx, run, record.Seen.Version)
	}
	return o, nil
}

// compare reads the alert and sees whether it is a version that the ledger does not know.
func (r *Responder) compare(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	a, o, err := r.askedAlert(ctx, run)
	if o.Ends() {
		return o, err
	}
	trouble, _ := machine.TroubleOf(err)
	if trouble == machine.NotFound {
		latest, exists := run.Record.Latest()
		if !exists {
			return r.unknownAlert(ctx, run, err)
		}
		run.Row = latest
		run.Seen = *run.Record.Seen
		run.Started = true
		if latest.State.Final() {
			return answer.RunOver(), nil
		}
		return r.clerk.Missed(ctx, run, "", err, r.clerk.Close)
	}
	if err != nil {
		return r.unreadAsked(ctx, run, err)
	}
	observed, err := r.observe(ctx, a)
	if err != nil {
		return o, err
	}
	if run.Record.Seen == nil {
		r.giveLookUpBack(ctx, run.Message.AlertID)
		err := r.supersedeAsked(ctx, run, observed.Run.Version)
		if err != nil {
			return o, err
		}
	}
	run.Row = observed.Run
	run.Seen = observed.Seen
	run.Alert = a
	run.ReadAt = r.Now()
	if run.Row.State.Final() {
		return answer.RunOver(), nil
	}
	return o, nil
}

// supersedeAsked closes the run of version 0, if there is one, once the alert has been seen.
func (r *Responder) supersedeAsked(ctx context.Context, run *answer.Run, version int) error {
	if run.Row.AlertID == "" || run.Row.State.Final() {
		return nil
	}
	reason := fmt.Sprintf("the alert was found; version %d answers it", version)
	_, err := r.clerk.Close(ctx, run, runs.SupersededOutcome, reason)
	return err
}

// start adds the start of the run to those whose end is not known. A start that never ended cleanly is a death, unless
// this process made it: then the process lives and only the ledger was out of reach. A run that seems to kill processes
// is parked.
func (r *Responder) start(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	now, deaths := r.Now().UTC(), 0
	o, err = r.clerk.Write(ctx, run, func(row *runs.Run) (bool, error) {
		if run.Message.Attempt > row.Attempt {
			// The copy that is answered now was sent by an invocation that ended in good order and could not write so.
			row.Begun = row.Begun.EndNewest()
			row.Attempt = run.Message.Attempt
		}
		row.Begun = row.Begun.Bury(r.process, now, invocationLife, run.Message.Attempt, run.Delivery-1)
		if deaths = row.Begun.Deaths(); deaths >= deathsToPark {
			return false, nil
		}
		row.Begun = row.Begun.Begin(starts.Start{
			Process: r.process,
			Attempt: run.Message.Attempt,
			At:      now,
		})
		row.DueAt = now
		if row.State == runs.Observed {
			row.State, row.StartedAt = runs.Started, now
		}
		return true, nil
	})
	switch {
	case err != nil || o.Ends():
		return o, err
	case deaths >= deathsToPark:
		return r.park(ctx, run, deaths)
	}
	run.Started, run.Last = true, run.Row.IsLastTry(now)
	return o, nil
}

// park sets a run aside; the operator is told before, so that no run is set aside in silence.
func (r *Responder) park(
	ctx context.Context,
	run *answer.Run,
	deaths int,
) (o answer.Outcome, err error) {
	reason := fmt.Sprintf("it was begun %d times, by processes that never said how it ended", deaths)
	r.Log.ErrorContext(ctx, "run parked: it seems to end the process; look at the alert by hand",
		"run", run.ID(),
		"deaths", deaths)
	e := r.clerk.Event(run, notice.Parked)
	e.Detail = reason + ". Answer the alert by hand."
	e.To = r.Operator
	if err := r.Teller.Tell(ctx, notice.OperatorGroup, e); err != nil {
		return o, err
	}
	_, err = r.clerk.Write(ctx, run, func(row *runs.Run) (bool, error) {
		row.State = runs.Parked
		row.ClosedAt = r.Now().UTC()
		row.Outcome = "parked"
		row.Reason = reason
		return true, nil
	})
	return answer.RunOver(), err
}
