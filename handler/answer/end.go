package answer

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/notice"
)

// Write lets change work on the run's row, as runs.Update does; run.Row is the newest afterwards. A row that is final
// is not changed: the run is over then.
func (c *Clerk) Write(
	ctx context.Context,
	run *Run,
	change func(*runs.Run) (bool, error),
) (Outcome, error) {
	row, err := c.Runs.Update(ctx, run.Row.AlertID, run.Row.Version, func(row *runs.Run) (bool, error) {
		if row.State.Final() {
			return false, nil
		}
		return change(row)
	})
	if err != nil {
		return Outcome{}, err
	}
	run.Row = row
	if row.State.Final() {
		return RunOver(), nil
	}
	return Outcome{}, nil
}

// Keep writes what people were told into the row that is about to be written.
func (run *Run) Keep(row *runs.Run) {
	row.Tell(run.told...)
}

// Finish gives the run's step its outcome, and closes the run with its last one. A step that has its outcome keeps it.
func (c *Clerk) Finish(ctx context.Context, run *Run, outcome, reason string) (Outcome, error) {
	return c.FinishWith(ctx, run, latches.Latch{}, outcome, reason)
}

// FinishWith is Finish for a step that ends with what a latch has reached.
func (c *Clerk) FinishWith(
	ctx context.Context,
	run *Run,
	l latches.Latch,
	outcome, reason string,
) (Outcome, error) {
	key := run.Step.Key()
	row, err := c.Runs.Update(ctx, run.Row.AlertID, run.Row.Version, func(row *runs.Run) (bool, error) {
		state, _ := row.StepOf(key)
		if row.State == runs.Closed || state.Outcome != "" {
			return false, nil
		}
		run.Keep(row)
		episode.NoteIsolation(row, l)
		row.Finish(key, outcome, reason, c.Now().UTC())
		row.Status = cmp.Or(string(run.Alert.Status), row.Status) // the step may have changed it
		return true, nil
	})
	if err != nil {
		return Outcome{}, err
	}
	run.Row, run.told = row, nil
	if row.State.Final() {
		c.logClosed(ctx, row)
		return RunOver(), nil
	}
	c.Log.InfoContext(ctx, "step is over",
		"step", key,
		"outcome", outcome,
		"reason", reason,
		"machine", row.MachineID,
		"rule", row.Rule)
	return StepOver(), nil
}

// Conclude tells people and then ends the step.
func (c *Clerk) Conclude(
	ctx context.Context,
	run *Run,
	kind notice.Kind,
	outcome string,
	why Reason,
) (Outcome, error) {
	err := c.TellOnce(ctx, run, kind, why)
	if err != nil {
		return Outcome{}, err
	}
	return c.Finish(ctx, run, outcome, why.Text)
}

// Wait lets the step of a latch end with an episode.
func (c *Clerk) Wait(ctx context.Context, run *Run, l latches.Latch) error {
	row, err := c.Runs.Update(ctx, run.Row.AlertID, run.Row.Version, func(row *runs.Run) (bool, error) {
		if row.IsOver(l.Kind) {
			return false, nil
		}
		run.Keep(row)
		row.Wait(l.Kind, l.Episode, "waiting for action "+l.ActionID, c.Now().UTC())
		row.SetAction(l.Kind, l.ActionID)
		return true, nil
	})
	if err == nil {
		run.Row, run.told = row, nil
	}
	return err
}

// Close ends the run with an outcome. A run that somebody closed meanwhile keeps what it says; one that was parked is
// closed all the same, because this invocation lived to tell.
func (c *Clerk) Close(ctx context.Context, run *Run, outcome, reason string) (Outcome, error) {
	row, err := c.Runs.Update(ctx, run.Row.AlertID, run.Row.Version, func(row *runs.Run) (bool, error) {
		if row.State == runs.Closed {
			return false, nil
		}
		row.State = runs.Closed
		row.ClosedAt = c.Now().UTC()
		row.Begun = nil
		row.Outcome = outcome
		row.Reason = reason
		row.Trouble = ""
		run.Keep(row)
		return true, nil
	})
	if err != nil {
		return Outcome{}, err
	}
	run.Row = row
	c.logClosed(ctx, row)
	return RunOver(), nil
}

func (c *Clerk) logClosed(ctx context.Context, row runs.Run) {
	c.Log.InfoContext(ctx, "run closed",
		"outcome", row.Outcome,
		"reason", row.Reason,
		"machine", row.MachineID,
		"rule", row.Rule)
}

// How often and for how long "not found" is doubted, because lists and reads of the API lag.
const (
	missesToClose = 3
	missesSpan    = 10 * time.Minute
)

// Missed counts that the machine does not exist, or the alert where machineID is empty. Reads lag behind lists, so it
// is believed only after three tries over ten minutes: end then ends the run, or its step.
func (c *Clerk) Missed(
	ctx context.Context,
	run *Run,
	machineID string,
	cause error,
	end End,
) (Outcome, error) {
	now, what := c.Now().UTC(), "alert"
	if machineID != "" {
		what = "machine " + machineID
	}
	row, err := c.Runs.Update(ctx, run.Row.AlertID, run.Row.Version, func(row *runs.Run) (bool, error) {
		row.Misses++
		if row.MissedAt.IsZero() {
			row.MissedAt = now
		}
		return true, nil
	})
	if err != nil {
		return Outcome{}, err
	}
	run.Row = row
	if row.Misses < missesToClose || now.Sub(row.MissedAt) < missesSpan {
		why := what + " not found, asked again: " + cause.Error()
		return Later(Pause{After: missesSpan / (missesToClose - 1), Why: why}), nil
	}
	since := row.MissedAt.Format(time.RFC3339)
	reason := fmt.Sprintf("%s not found in %d tries since %s: %v", what, row.Misses, since, cause)
	e := c.Event(run, notice.NotFound)
	e.Detail, e.Cause = reason, what+" not found"
	if e.MachineID == "" && machineID != "" {
		e.MachineID = machineID
		e.MachineName = run.Alert.ComputerDNSName
	}
	if !run.known(&e) {
		err := c.Teller.Tell(ctx, notice.Group(run.AlertOrID(), nil), e)
		if err != nil {
			return Outcome{}, err
		}
		run.note(run.news(e))
	}
	return end(ctx, run, "not found", reason)
}

// End ends a run, or a step of it: Close or Finish.
type End func(ctx context.Context, run *Run, outcome, reason string) (Outcome, error)

// KeepHeld lists a step that was held, for a person to continue or drop. Nothing is listed where the machine was not
// read: nobody could see what they approve, and the mail says so (notice.Event.Unlisted).
func (c *Clerk) KeepHeld(ctx context.Context, run *Run, why string) error {
	if run.Machine == nil {
		return nil
	}
	there, found, err := c.Held.Of(ctx, run.Row.AlertID, run.Row.Version)
	if err != nil {
		return err
	}
	var steps held.Steps
	for _, step := range there.Wanted() {
		state, _ := run.Row.StepOf(step.Key)
		if found && step.Key != run.Step.Key() && state.Outcome == runs.HeldOutcome {
			steps = append(steps, step)
		}
	}
	held := held.Entry{
		AlertID:     run.Row.AlertID,
		Version:     run.Row.Version,
		MachineID:   run.Machine.ID,
		MachineName: run.Machine.ComputerDNSName,
		Title:       run.Alert.Title,
		Severity:    string(run.Alert.Severity),
		Rule:        run.Plan.Rule,
		Steps: append(steps, held.Step{
			Key:    run.Step.Key(),
			Step:   run.Step.String(),
			Reason: why,
		}),
		At: c.Now().UTC(),
	}
	err = c.Held.Add(ctx, held, *run.Machine)
	if err != nil {
		return err
	}
	// A version that came meanwhile may have looked for what it takes the place of before this was written.
	seen, exists, err := c.Runs.Seen(ctx, run.Row.AlertID)
	if err != nil || !exists || seen.Version <= run.Row.Version {
		return err
	}
	return c.Held.Remove(ctx, run.Row.AlertID, run.Row.Version)
}
