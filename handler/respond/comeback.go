package respond

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/ledger/runs"
)

// reschedule sends a copy of the message for later and ends the invocation in good order. The copy's id comes from a
// counter in the run, so that the broker does not take it for a repeat. A message that is delivered again makes the
// same copy again, which the broker drops. Otherwise each extra delivery would start a chain of copies without an end.
func (r *Responder) reschedule(ctx context.Context, run *answer.Run, p answer.Pause) error {
	// The invocation's own deadline must not keep the run from being scheduled.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	now := r.Now().UTC()
	at := now.Add(p.After)
	id := fmt.Sprintf("%s:asked:%s",
		alert.QueueID(r.Runs.Tenant(), run.Message.AlertID),
		rand.Text())
	if run.Started {
		row, err := r.noteComeback(ctx, run, p, now)
		if err != nil {
			// Without the ledger the counter cannot be had; a random id still is a new message.
			r.Log.WarnContext(ctx, "the run's copy counter could not be written", "error", err.Error())
		} else {
			id = fmt.Sprintf("%s:r%d", alert.MessageID(r.Runs.Tenant(), row.AlertID, row.Version), row.Copies)
		}
	}
	next := alert.Envelope{
		ID:      id,
		Message: r.nextMessage(run),
		At:      at,
	}
	err := r.Queue.SendAlerts(ctx, []alert.Envelope{next})
	if err != nil {
		return fmt.Errorf("the run could not be scheduled to go on (%s): %w", p.Why, err)
	}
	r.Log.InfoContext(ctx, "run comes back",
		"at", at,
		"why", p.Why,
		"copy", id)
	return nil
}

// noteComeback writes into the row that the run comes back, and why. Deaths are not forgiven to a run that only waits,
// for a latch that a dead process still holds, say: it has not shown that it would live.
func (r *Responder) noteComeback(
	ctx context.Context,
	run *answer.Run,
	p answer.Pause,
	now time.Time,
) (runs.Run, error) {
	outage, told := r.noteStuck(ctx, run, p)
	return r.Runs.Update(ctx, run.Row.AlertID, run.Row.Version, func(row *runs.Run) (bool, error) {
		made := copyOf(*row, run.Message)
		if row.CopyOf != made {
			row.Copies++
			row.CopyOf = copyOf(*row, run.Message)
		}
		row.Begun = row.Begun.End(r.process)
		row.DueAt = now.Add(p.After)
		row.Trouble = p.Why
		if p.Forgive {
			row.Begun = nil
		}
		row.Attempt = max(row.Attempt, run.Message.Attempt+1)
		run.Keep(row)
		switch {
		case p.Patient:
			row.WaitPatiently(now, answer.PatientFor)
		case p.Turn && row.TurnsFor(now, answer.PatientFor):
			row.WaitTurn(now, p.After)
		default:
			row.Stick(now, r.tries(), outage)
			row.StuckTold = row.StuckTold || told
		}
		return true, nil
	})
}

// copyOf says what the newest copy of a run was made of. A message that was sent afresh may have the attempt of one
// before it, but a sweep or a copy was counted for it.
func copyOf(row runs.Run, m alert.Message) string {
	return fmt.Sprintf("attempt %d, copy %d, sweep %d", m.Attempt, row.Copies, row.Sweeps)
}

// nextMessage is the message with which a run goes on.
func (r *Responder) nextMessage(run *answer.Run) alert.Message {
	next := run.Message
	next.Tenant = r.Runs.Tenant()
	next.Attempt = run.Message.Attempt + 1
	next.Reason = "retry"
	if run.Row.AlertID != "" {
		next.Version = run.Row.Version
	}
	return next
}
