package act

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// A step that undoes a lasting state, such as a release, has a latch of its own, and marks the latch of the state
// before it asks for anything: from then on no run joins the state. A run that wants it waits until the undoing is
// over, and begins it anew. The mark is cleared only by somebody who first took the undoing's latch from a holder that
// is gone, so that the holder can send nothing afterwards.

// undoesNothing ends a step that a rail holds, or that is only observed, if there is nothing to undo.
func (r *Actor) undoesNothing(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	spec, _ := machine.SpecOf(run.Step.Kind.Action())
	if spec.Undoes == "" || run.Machine == nil || run.Step.Verdict == playbook.Do {
		return o, nil
	}
	l, o, err := r.lasting(ctx, run, spec)
	if err != nil || o.Ends() {
		return o, err
	}
	if why := episode.WhyNotUndone(l); why != "" {
		return r.Clerk.Finish(ctx, run, "skipped", why)
	}
	return o, nil
}

// claimUndoing marks the lasting state as about to be undone by the run, unless another alert's run wants it. The turn
// holds its own latch, so a mark that is there is of somebody who can send nothing any more.
func (r *Actor) claimUndoing(ctx context.Context, t *turn) (answer.Outcome, error) {
	for range 5 {
		l, o, err := r.lasting(ctx, t.Run, t.spec)
		if err != nil || o.Ends() {
			r.letGo(ctx, t)
			return o, err
		}
		switch next := episode.Undo(l).(type) {
		case episode.Wait:
			r.letGo(ctx, t)
			return waitOf(next), nil
		case episode.End:
			o, err := r.end(ctx, t, "", answer.Reason{Text: next.Why})
			if err != nil || o.Ends() {
				return o, err
			}
			return r.Clerk.Finish(ctx, t.Run, next.Outcome, next.Why)
		}
		by, o, err := r.wantedBy(ctx, l, t.Row.AlertID)
		switch {
		case err != nil || o.Ends():
			r.letGo(ctx, t)
			return o, err
		case by.AlertID != "":
			return r.endWith(ctx, t, notice.Skipped, "skipped", wanted(by, l))
		}
		// Written even if the mark is our own: whoever is about to clear it, or to join, then meets a conflict.
		l.UndoneBy = t.ID()
		err = r.Latches.Save(ctx, &l)
		if errors.Is(err, rows.ErrConflict) {
			continue
		}
		if err != nil {
			r.letGo(ctx, t)
		}
		return answer.Outcome{}, err
	}
	r.letGo(ctx, t)
	return after(time.Second, "others keep writing the latch of what is to be undone"), nil
}

func wanted(by latches.Joiner, l latches.Latch) answer.Reason {
	run := alert.RunID(by.AlertID, by.Version)
	state := episode.DoneWord(l)
	return answer.Reason{
		Text:  fmt.Sprintf("run %s, of another alert, wants the machine %s", run, state),
		Cause: fmt.Sprintf("alert %s wants the machine %s", by.AlertID, state),
	}
}

// wantedBy is the newest run of another alert that wants the lasting state; its zero value if none does. A run that
// has not been decided yet lets the asking one come back.
func (r *Actor) wantedBy(
	ctx context.Context, l latches.Latch, alertID string,
) (by latches.Joiner, o answer.Outcome, err error) {
	joiners, err := r.Latches.Joiners(ctx, l)
	if err != nil {
		return by, o, err
	}
	for _, j := range joiners {
		if j.AlertID == alertID {
			continue
		}
		record, err := r.Runs.Alert(ctx, j.AlertID)
		if err != nil {
			return by, o, err
		}
		wish := episode.WishOf(record, l)
		switch {
		case wish.Undecided:
			why := "run " + wish.Run.ID() + " is not decided, and may want the machine " + episode.DoneWord(l)
			return by, patiently(episode.JoinWait, why), nil
		case wish.Wanted && wish.Run.AlertID == "":
			return j, o, nil
		case wish.Wanted:
			return latches.Joiner{AlertID: j.AlertID, Version: wish.Run.Version}, o, nil
		}
	}
	return by, o, nil
}

// clearMark takes the mark of an undoing off the latch whose owner is gone and sent nothing. Then the run joins.
func (r *Actor) clearMark(ctx context.Context, t *turn, undoing latches.Latch) (o answer.Outcome, err error) {
	undoing.Holder, undoing.HeldUntil = "", time.Time{}
	if err := r.Latches.Save(ctx, &undoing); err != nil {
		return o, err
	}
	t.latch.UndoneBy = ""
	if err := r.Latches.Save(ctx, &t.latch); err != nil {
		return o, err
	}
	return r.join(ctx, t)
}
