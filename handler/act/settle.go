package act

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// accepted writes the id of the action that our request created. If the latch is no longer ours, the action is either
// the one that was adopted meanwhile, or a duplicate that is told and taken back.
func (r *Actor) accepted(ctx context.Context, t *turn, a machine.Action) (o answer.Outcome, err error) {
	err = r.record(ctx, t, a, false)
	if !errors.Is(err, rows.ErrConflict) {
		return r.confirm(ctx, t, err)
	}
	now, err := r.Latches.Of(ctx, t.Machine.ID, t.kind)
	if err != nil {
		return o, err
	}
	if now.ActionID == "" || now.ActionID == a.ID {
		return after(time.Second, "the latch was taken over; the action just created is found there"), nil
	}
	e := r.Clerk.Event(t.Run, notice.Duplicate)
	e.ActionID = a.ID
	e.Detail = fmt.Sprintf("Action %s was created although action %s exists for the machine.", a.ID, now.ActionID)
	r.Log.ErrorContext(ctx, "a second action of the same kind slipped through and is cancelled",
		"type", string(t.spec.Type),
		"machine", t.Machine.ID,
		"action", a.ID,
		"first", now.ActionID)
	if err := r.Clerk.Tell(ctx, t.Run, e); err != nil {
		return o, err
	}
	if !a.Status.Final() {
		comment := episode.Mark(t.ID(), t.latch) + " duplicate of " + now.ActionID
		_, err := r.API.CancelAction(ctx, a.ID, t.spec.Type, comment)
		if err != nil {
			r.Log.ErrorContext(ctx, "the second action could not be cancelled; look at it in the portal",
				"action", a.ID,
				"error", err.Error())
		}
	}
	return after(time.Second, "the episode's other action is followed"), nil
}

// adopt makes an action that exists the episode's own.
func (r *Actor) adopt(ctx context.Context, t *turn, a machine.Action) (answer.Outcome, error) {
	r.Log.InfoContext(ctx, "an action that is there already is adopted",
		"type", string(a.Type),
		"machine", t.Machine.ID,
		"action", a.ID,
		"status", string(a.Status),
		"requestor", a.Requestor)
	return r.confirm(ctx, t, r.record(ctx, t, a, !episode.Marks(a, t.latch)))
}

func (r *Actor) record(ctx context.Context, t *turn, a machine.Action, adopted bool) error {
	l := t.latch
	if a.Created.IsZero() {
		a.Created = r.Now().UTC()
	}
	if l.State == latches.Preparing && a.Status == machine.Succeeded {
		l.State, l.AchievedAt = latches.Achieved, a.Completed() // nobody waits for it yet
	} else {
		l.State = latches.Acting
	}
	episode.Own(&l, a, adopted)
	l.Holder, l.HeldUntil = "", time.Time{}
	if err := r.Latches.Save(ctx, &l); err != nil {
		return err
	}
	t.latch = l
	return nil
}

// confirm goes on after the action's id was written: the run joins its own episode.
func (r *Actor) confirm(ctx context.Context, t *turn, err error) (answer.Outcome, error) {
	if err != nil {
		return lost(err)
	}
	o, err := r.join(ctx, t)
	if errors.Is(err, rows.ErrConflict) {
		return after(time.Second, "the episode moved on"), nil
	}
	return o, err
}

// join lets the step end with the latch's episode. People are told first, then the step waits, or is over at once if
// the machine is in the wanted state already.
func (r *Actor) join(ctx context.Context, t *turn) (o answer.Outcome, err error) {
	l := t.latch
	joiner := latches.Joiner{
		AlertID: t.Row.AlertID,
		Version: t.Row.Version,
		Groups:  t.Groups(),
	}
	if l.State == latches.Achieved {
		joiner.JoinedAt = r.Now().UTC()
	}
	if err := r.Clerk.Tell(ctx, t.Run, r.joinEvent(t)); err != nil {
		return o, err
	}
	if o, err := r.noteEpisode(ctx, t, l.Episode); err != nil || o.Ends() {
		return o, err
	}
	if err := r.Latches.Join(ctx, l, joiner); err != nil {
		return o, err
	}
	if l.State != latches.Achieved {
		return answer.StepOver(), r.Clerk.Wait(ctx, t.Run, l)
	}
	why := fmt.Sprintf("the machine is %s by action %s (episode %d)", t.spec.Done, l.ActionID, l.Episode)
	if l.Adopted {
		why += ". " + episode.Whose(l)
	}
	return r.Clerk.FinishWith(ctx, t.Run, l, t.spec.Done, why)
}

// joinEvent tells that the step ends with the latch's episode.
func (r *Actor) joinEvent(t *turn) notice.Event {
	l := t.latch
	e := r.Clerk.Event(t.Run, notice.Requested)
	e.Episode, e.ActionID = l.Episode, l.ActionID
	e.Detail = fmt.Sprintf("Rule %s, run %s.", t.Plan.Rule, t.ID())
	if l.RunID != "" && l.RunID != t.ID() {
		e.Detail += " The request was made for run " + l.RunID + "."
	}
	if l.Adopted {
		e.Detail += " " + episode.Whose(l) + " It is followed; nothing else was asked for."
	}
	if l.State == latches.Achieved {
		e.Kind = episode.DoneKind(l.Desired)
		e.Detail += episode.LiftSentence(l, r.Lift)
	} else if t.Step.Why != "" {
		e.Detail += " Mind: " + t.Step.Why + "."
	}
	return e
}
