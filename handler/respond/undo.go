package respond

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// A step that undoes a lasting state, such as a release, has a latch of its own, and marks the latch of the state before it
// asks for anything: from then on no run joins the state. A run that wants it waits until the undoing is over, and begins
// it anew. The mark is cleared only by somebody who first took the undoing's latch from a holder that is gone, so that the
// holder can send nothing afterwards.

// undoWait is how long a run waits for a request that is not over and may take days: the machine can be offline.
const undoWait = 2 * time.Minute

// lasting is the latch of the state that an action undoes.
func (r *Responder) lasting(ctx context.Context, w *work, undoing machine.Spec) (ledger.Latch, error) {
	spec, _ := machine.SpecOf(undoing.Undoes)
	return r.latch(ctx, w.machine.ID, spec.Latch, w.run.ID())
}

// undoesNothing ends a step that is not to be done, held by a rail or only observed, if there is nothing to undo: neither
// would mean anything.
func (r *Responder) undoesNothing(ctx context.Context, w *work) (done bool, err error) {
	spec, _ := machine.SpecOf(w.step.Kind.Action())
	if spec.Undoes == "" || w.machine == nil || w.step.Verdict == playbook.Do {
		return false, nil
	}
	l, err := r.lasting(ctx, w, spec)
	if err != nil {
		return true, err
	}
	if why := whyNotUndone(l); why != "" {
		return true, r.finish(ctx, w, "skipped", why)
	}
	return false, nil
}

// nothingToUndo ends a step that has nothing to undo, or has done so. Only what Cordon asked for itself is undone. It is
// not told: a rule that releases on resolved alerts is asked about machines that nobody ever isolated.
func (r *Responder) nothingToUndo(ctx context.Context, t *turn) (done bool, err error) {
	if own := t.latch.Episode > 0 && t.latch.Episode == t.run.EpisodeOf(t.kind); own && t.latch.ActionStatus == machine.Succeeded {
		return true, r.finish(ctx, t.work, t.spec.Done, fmt.Sprintf("the machine was %s by action %s (episode %d)", t.spec.Done, t.latch.ActionID, t.latch.Episode))
	}
	l, err := r.lasting(ctx, t.work, t.spec)
	if err != nil {
		return true, err
	}
	switch why := whyNotUndone(l); {
	case why != "":
		return true, r.finish(ctx, t.work, "skipped", why)
	case l.State == ledger.Achieved:
		return false, nil
	}
	return true, &comeBack{after: undoWait, patient: true, why: fmt.Sprintf("%s (action %s) is not over, so it cannot be undone yet", episode.Noun(l), l.ActionID)}
}

// whyNotUndone says why there is nothing for Cordon to undo; empty if there is, now or once the request for it is over.
func whyNotUndone(l ledger.Latch) string {
	noun := episode.Noun(l)
	switch {
	case l.State == ledger.Achieved && l.Adopted:
		return fmt.Sprintf("the %s (action %s) was somebody else's, and is his to end", noun, l.ActionID)
	case l.State == ledger.Achieved || l.State == ledger.Acting || l.State == ledger.Intended:
		return ""
	}
	return fmt.Sprintf("no %s by Cordon is in force", noun)
}

// claimUndoing marks the lasting state as about to be undone by the run, unless another alert's run wants it. The turn holds
// its own latch, so a mark that is there is of somebody who can send nothing any more.
func (r *Responder) claimUndoing(ctx context.Context, t *turn) error {
	for range 5 {
		l, err := r.lasting(ctx, t.work, t.spec)
		if err != nil {
			return r.giveBack(ctx, t, err)
		}
		if l.State != ledger.Achieved || l.Adopted {
			why := whyNotUndone(l)
			if why == "" {
				return r.giveBack(ctx, t, &comeBack{after: undoWait, patient: true, why: episode.Noun(l) + " is not over, so it cannot be undone yet"})
			}
			if err := r.end(ctx, t, "", reason{text: why}); err != nil {
				return err
			}
			return r.finish(ctx, t.work, "skipped", why)
		}
		by, err := r.wantedBy(ctx, l, t.run.AlertID)
		if err != nil {
			return r.giveBack(ctx, t, err)
		}
		if by.AlertID != "" {
			return r.endWith(ctx, t, notice.Skipped, "skipped", reason{fmt.Sprintf("run %s, of another alert, wants the machine %s", alert.RunID(by.AlertID, by.Version), episode.DoneWord(l)),
				fmt.Sprintf("alert %s wants the machine %s", by.AlertID, episode.DoneWord(l))})
		}
		// Written also if the mark is our own: somebody who is about to clear it, or to join, is to find it changed.
		l.UndoneBy = t.run.ID()
		if err := r.Ledger.SaveLatch(ctx, &l); !errors.Is(err, ledger.ErrConflict) {
			if err != nil {
				return r.giveBack(ctx, t, err)
			}
			return nil
		}
	}
	return r.giveBack(ctx, t, &comeBack{after: time.Second, why: "others keep writing the latch of what is to be undone"})
}

// wantedBy is the newest run of another alert that wants the lasting state; its zero value if none does. A run that has not been
// decided yet lets the asking one come back.
func (r *Responder) wantedBy(ctx context.Context, l ledger.Latch, alertID string) (by ledger.Joiner, err error) {
	joiners, err := r.Ledger.Joiners(ctx, l)
	if err != nil {
		return by, err
	}
	for _, j := range joiners {
		if j.AlertID == alertID {
			continue
		}
		record, err := r.Ledger.Alert(ctx, j.AlertID)
		if err != nil {
			return by, err
		}
		latest, exists := record.Latest()
		switch {
		case !exists || latest.Book == "" && latest.State.Final():
			return j, nil // nobody decided otherwise, so in doubt it is wanted
		case latest.Book == "" && !latest.State.Final():
			return by, &comeBack{after: joinWait, patient: true, why: "run " + latest.ID() + " is not decided, and may want the machine " + episode.DoneWord(l)}
		case latest.Wants(l):
			return ledger.Joiner{AlertID: j.AlertID, Version: latest.Version}, nil
		}
	}
	return by, nil
}

// waitForUndoing lets a run that wants a lasting state wait while somebody undoes it. A mark whose owner is gone and sent
// nothing is cleared; done is false then, and the run joins.
func (r *Responder) waitForUndoing(ctx context.Context, t *turn) (done bool, err error) {
	undoing, _ := machine.SpecOf(t.spec.Undoing)
	u, err := r.Ledger.Latch(ctx, t.machine.ID, undoing.Latch)
	if err != nil {
		return true, err
	}
	if u.State == ledger.Acting {
		own := machine.Action{ID: u.ActionID, Type: undoing.Type, Requestor: u.Requestor}
		if u.By() == machine.ByCordon {
			own.Comment = episode.Mark(t.latch.UndoneBy, u)
		}
		return true, r.waitForRelease(ctx, t, own, undoWait)
	}
	sent := u.State == ledger.Intended || u.State == ledger.Ended && u.ActionStatus == machine.Succeeded
	if sent || u.Held("", r.Now()) {
		return true, &comeBack{after: undoWait, patient: true, why: fmt.Sprintf("run %s is about to end the %s", t.latch.UndoneBy, episode.Noun(t.latch))}
	}
	u.Holder, u.HeldUntil = "", time.Time{}
	if err := r.Ledger.SaveLatch(ctx, &u); err != nil {
		return true, err
	}
	t.latch.UndoneBy = ""
	return false, r.Ledger.SaveLatch(ctx, &t.latch)
}
