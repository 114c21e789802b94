package follow

import (
	"context"
	"errors"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// found gives an episode the action that an interrupted request of it made.
func (f *Follower) found(ctx context.Context, l latches.Latch, a machine.Action) error {
	l.State = latches.Acting
	l.ActionID = a.ID
	l.ActionStatus = a.Status
	l.ActionAt = a.Created
	if a.Created.IsZero() {
		l.ActionAt = l.IntentAt
	}
	l.Holder, l.HeldUntil = "", time.Time{}
	f.Log.InfoContext(ctx, "the action of an interrupted request was found",
		"machine", l.MachineID,
		"action", a.ID)
	return f.Latches.Save(ctx, &l)
}

// giveUp ends an episode whose request made no action.
func (f *Follower) giveUp(ctx context.Context, e following, reason string) error {
	l := e.latch
	l.State = latches.Ended
	l.EndedAt = f.Now().UTC()
	l.EndReason = reason
	l.Holder, l.HeldUntil = "", time.Time{}
	if err := f.Latches.Save(ctx, &l); err != nil {
		return err
	}
	if err := f.endings.GiveBack(ctx, l); err != nil {
		return err
	}
	return f.Latches.RemoveOpen(ctx, e.entry)
}

// pending tells of an action that is not confirmed for long, and records its status.
func (f *Follower) pending(ctx context.Context, l latches.Latch, is episode.Pending) error {
	if is.Detail != "" {
		waiting := episode.Event(l, notice.StillPending, f.Now())
		waiting.Detail = is.Detail
		err := f.endings.TellJoiners(ctx, l, waiting)
		if err != nil {
			return err
		}
	}
	if is.Status == l.ActionStatus {
		return nil
	}
	l.ActionStatus = is.Status
	return f.Latches.Save(ctx, &l)
}

// settle records a final status: notice entries first; then for a success the runs and the latch, for anything else the
// latch and the runs, so that no run that asks again finds its old episode open; then the index.
func (f *Follower) settle(
	ctx context.Context,
	e following,
	a machine.Action,
	detail string,
	actions []machine.Action,
) error {
	l := e.latch
	l.ActionStatus = a.Status
	conclude := f.failed
	if a.Status == machine.Succeeded {
		conclude = f.succeeded
	}
	if err := conclude(ctx, &l, a, detail); err != nil {
		return err
	}
	if err := f.Latches.Save(ctx, &l); err != nil {
		return err
	}
	f.Log.InfoContext(ctx, "machine action is final",
		"type", string(l.Desired),
		"machine", l.MachineID,
		"name", l.MachineName,
		"action", a.ID,
		"status", string(a.Status),
		"episode", l.Episode)
	e.latch = l
	if l.State != latches.Ended {
		return f.watchState(ctx, e, actions)
	}
	if err := f.finishEnd(ctx, l); err != nil {
		return err
	}
	return f.Latches.RemoveOpen(ctx, e.entry)
}

// succeeded tells of an action that Succeeded and closes the runs that wait for it. The caller writes the latch.
func (f *Follower) succeeded(
	ctx context.Context,
	l *latches.Latch,
	a machine.Action,
	detail string,
) error {
	spec, _ := machine.SpecOfLatch(l.Kind)
	what := episode.Event(*l, episode.DoneKind(l.Desired), f.Now())
	what.At = a.Updated
	what.ActionID = a.ID
	what.Detail = detail
	undone, undoes := machine.SpecOf(spec.Undoes)
	if undoes {
		state := latches.Latch{
			MachineID:   l.MachineID,
			MachineName: l.MachineName,
			Kind:        undone.Latch,
			Desired:     undone.Type,
		}
		what = episode.ReleaseEvent(state, a, f.Now())
	}
	l.State, l.AchievedAt = latches.Achieved, a.Completed()
	if l.Adopted {
		what.Detail += " " + episode.Whose(*l)
	}
	what.Detail += episode.LiftSentence(*l, f.Lift)
	if !spec.Lasting {
		l.State = latches.Ended
		l.EndedAt = f.Now().UTC()
		l.EndReason = what.Detail
		l.EndKind = ""
	}
	return errors.Join(
		f.endings.TellJoiners(ctx, *l, what),
		f.closeRuns(ctx, *l, spec.Done, what.Detail),
	)
}

// failed tells of an action that came to nothing, and whether it is asked for again. The caller writes the latch.
func (f *Follower) failed(
	ctx context.Context,
	l *latches.Latch,
	a machine.Action,
	detail string,
) error {
	what := episode.Event(*l, episode.FailedKind(a.Status), f.Now())
	what.At = a.Updated
	what.ActionID = a.ID
	what.Detail = detail
	l.State = latches.Ended
	l.EndedAt = f.Now().UTC()
	l.EndReason = what.Detail
	l.EndKind = string(what.Kind)
	again, err := f.againDetail(ctx, *l)
	if err != nil {
		return err
	}
	what.Detail, what.Again = what.Detail+again, again != ""
	return f.endings.TellJoiners(ctx, *l, what)
}
