package respond

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// request writes the intent, sends the request once, and writes the action's id.
func (r *Responder) request(ctx context.Context, t *turn) error {
	l := &t.latch
	if pause, err := r.Ledger.Pause(ctx); err != nil {
		return r.giveBack(ctx, t, err)
	} else if pause.Paused {
		return r.holdHere(ctx, t, reason{text: "acting is paused: " + pause.Why()})
	}
	now := r.Now().UTC()
	l.State, l.IntentAt, l.HeldUntil = ledger.Intended, now, now.Add(r.Hold)
	if l.FirstIntentAt.IsZero() {
		l.FirstIntentAt = now
	}
	joiner := ledger.Joiner{AlertID: t.run.AlertID, Version: t.run.Version, Groups: t.groups()}
	if err := r.Ledger.Intend(ctx, l, joiner); err != nil {
		return r.lost(err)
	}
	if r.Now().Sub(now) > r.SendWithin {
		// Somebody who takes over counts on nothing being sent this late.
		return r.withdraw(ctx, t, &comeBack{why: "too much time passed between intent and request"})
	}
	action, err := r.API.Act(ctx, t.machine.ID, machine.Request{Type: t.spec.Type, Scope: t.step.Scope, Comment: episode.Mark(t.run.ID(), *l) + " " + t.step.Comment,
		SendBy: now.Add(r.SendWithin)})
	if err == nil && (action.Type != t.spec.Type || !strings.EqualFold(action.MachineID, t.machine.ID) && !episode.Marks(action, *l)) {
		// The answer is about something else; what became of the request is not known.
		err = &strangeAnswer{action: action}
	}
	if err != nil {
		return r.requestFailed(ctx, t, err)
	}
	if !strings.EqualFold(action.MachineID, t.machine.ID) {
		r.Log.ErrorContext(ctx, "the request was accepted for another machine than it named; look at both in the portal", "machine", t.machine.ID, "other", action.MachineID, "action", action.ID)
	}
	if !episode.SameScope(action, *l) {
		// The API answers with what is under way instead of making another.
		return r.withdraw(ctx, t, &comeBack{after: undoWait, patient: true, why: fmt.Sprintf("%s is under way (action %s) and keeps ours from being made", episode.Article(t.spec.NounOf(action.Scope)), action.ID)})
	}
	r.Log.InfoContext(ctx, "machine action requested", "type", string(t.spec.Type), "machine", t.machine.ID, "name", t.machine.ComputerDNSName, "action", action.ID, "episode", l.Episode)
	return r.accepted(ctx, t, action)
}

// strangeAnswer is an accepted request that was answered with an action that cannot be its own.
type strangeAnswer struct{ action machine.Action }

func (s *strangeAnswer) Error() string {
	return fmt.Sprintf("the API answered with action %s of type %q on machine %q", s.action.ID, s.action.Type, s.action.MachineID)
}

// Trouble says that the request may have been carried out.
func (s *strangeAnswer) Trouble() machine.Trouble { return machine.UnknownFate }

// RetryAfter is 0: the recheck time decides.
func (s *strangeAnswer) RetryAfter() time.Duration { return 0 }

// requestFailed sorts a request's error by what became of the request.
func (r *Responder) requestFailed(ctx context.Context, t *turn, err error) error {
	trouble, _ := machine.TroubleOf(err)
	switch trouble {
	case machine.UnknownFate:
		t.latch.IntentAt = r.Now().UTC()
		r.Log.WarnContext(ctx, "it is not known whether the request was accepted; its action is looked for before it is asked for again", "type", string(t.spec.Type), "machine", t.machine.ID, "error", err.Error())
		return r.giveBack(ctx, t, &comeBack{after: r.RecheckAfter, why: t.spec.Noun + " of unknown fate: " + err.Error()})
	case machine.AlreadyActive:
		found, lookErr := r.activeAction(ctx, t)
		if lookErr != nil {
			return r.withdraw(ctx, t, lookErr)
		}
		if found != nil {
			return r.adopt(ctx, t, *found)
		}
		wait := joinWait << min(t.run.Copies, 3)
		if !t.spec.Lasting {
			wait = max(wait, undoWait) // it may be one of another scope, which is not ours to follow
		}
		return r.withdraw(ctx, t, &comeBack{after: wait, why: "the API says that " + episode.Article(t.spec.Noun) + " is under way but does not list it yet"})
	case machine.NotFound:
		return r.withdraw(ctx, t, r.missedByStep(ctx, t.work, "machine "+t.machine.ID, err))
	case machine.Unsupported:
		return r.endWith(ctx, t, notice.Skipped, "skipped", failure("not supported by the machine: ", err))
	case machine.Refused:
		return r.endWith(ctx, t, notice.Refused, "refused", failure("", err))
	case machine.Denied:
		if tellErr := r.tellOnce(ctx, t.work, notice.Denied, failure("", err)); tellErr != nil {
			err = errors.Join(err, tellErr)
		}
	}
	return r.withdraw(ctx, t, err)
}

// withdraw takes the intent back after a request that certainly was not carried out. Requests of unknown fate before it
// in the same episode keep it standing.
func (r *Responder) withdraw(ctx context.Context, t *turn, cause error) error {
	if t.latch.FirstIntentAt.Equal(t.latch.IntentAt) {
		t.latch.State, t.latch.IntentAt, t.latch.FirstIntentAt = ledger.Preparing, time.Time{}, time.Time{}
	}
	return r.giveBack(ctx, t, cause)
}

// activeAction finds the action that stands in the way of a request, open on the machine and of the same kind.
func (r *Responder) activeAction(ctx context.Context, t *turn) (*machine.Action, error) {
	current, err := r.API.CurrentActions(ctx, r.Now())
	if err != nil {
		return nil, err
	}
	for _, a := range current {
		if a.MachineID == t.machine.ID && !a.Status.Final() && a.Type == t.latch.Desired && a.ID != t.latch.LastActionID && episode.SameScope(a, t.latch) {
			return &a, nil
		}
	}
	return nil, nil
}

// accepted writes the id of the action that our request created. If the latch is no longer ours, the action is either
// the one that was adopted meanwhile, or a duplicate that is told and taken back.
func (r *Responder) accepted(ctx context.Context, t *turn, a machine.Action) error {
	err := r.record(ctx, t, a, false)
	if !errors.Is(err, ledger.ErrConflict) {
		return r.confirm(ctx, t, err)
	}
	now, err := r.Ledger.Latch(ctx, t.machine.ID, t.kind)
	if err != nil {
		return err
	}
	if now.ActionID == "" || now.ActionID == a.ID {
		return &comeBack{after: time.Second, why: "the latch was taken over; the action just created is found there"}
	}
	e := r.event(t.work, notice.Duplicate)
	e.ActionID, e.Detail = a.ID, fmt.Sprintf("Action %s was created although action %s exists for the machine.", a.ID, now.ActionID)
	r.Log.ErrorContext(ctx, "a second action of the same kind slipped through and is cancelled", "type", string(t.spec.Type), "machine", t.machine.ID, "action", a.ID, "first", now.ActionID)
	if err := r.tell(ctx, t.work, e); err != nil {
		return err
	}
	if !a.Status.Final() {
		if _, err := r.API.CancelAction(ctx, a.ID, t.spec.Type, episode.Mark(t.run.ID(), t.latch)+" duplicate of "+now.ActionID); err != nil {
			r.Log.ErrorContext(ctx, "the second action could not be cancelled; look at it in the portal", "action", a.ID, "error", err.Error())
		}
	}
	return &comeBack{after: time.Second, why: "the episode's other action is followed"}
}

// adopt makes an action that exists the episode's own.
func (r *Responder) adopt(ctx context.Context, t *turn, a machine.Action) error {
	r.Log.InfoContext(ctx, "an action that is there already is adopted", "type", string(a.Type), "machine", t.machine.ID, "action", a.ID, "status", string(a.Status), "requestor", a.Requestor)
	return r.confirm(ctx, t, r.record(ctx, t, a, !episode.Marks(a, t.latch)))
}

func (r *Responder) record(ctx context.Context, t *turn, a machine.Action, adopted bool) error {
	l := t.latch
	if a.Created.IsZero() {
		a.Created = r.Now().UTC()
	}
	if l.State == ledger.Preparing && a.Status == machine.Succeeded {
		l.State, l.AchievedAt = ledger.Achieved, a.Completed() // nobody waits for it yet
	} else {
		l.State = ledger.Acting
	}
	episode.Own(&l, a, adopted)
	l.Holder, l.HeldUntil = "", time.Time{}
	if err := r.Ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	t.latch = l
	return nil
}

// confirm goes on after the action's id was written: the run joins its own episode.
func (r *Responder) confirm(ctx context.Context, t *turn, err error) error {
	if err != nil {
		return r.lost(err)
	}
	if err := r.join(ctx, t); errors.Is(err, ledger.ErrConflict) {
		return &comeBack{after: time.Second, why: "the episode moved on"}
	} else {
		return err
	}
}

// join lets the step end with the latch's episode. People are told first, then the step waits, or is over at once if the
// machine is in the wanted state already.
func (r *Responder) join(ctx context.Context, t *turn) error {
	l := t.latch
	e := r.event(t.work, notice.Requested)
	e.Episode, e.ActionID = l.Episode, l.ActionID
	e.Detail = fmt.Sprintf("Rule %s, run %s.", t.plan.Rule, t.run.ID())
	if l.RunID != "" && l.RunID != t.run.ID() {
		e.Detail += " The request was made for run " + l.RunID + "."
	}
	if l.Adopted {
		e.Detail += " " + episode.Whose(l) + " It is followed; nothing else was asked for."
	}
	joined := time.Time{}
	if l.State == ledger.Achieved {
		e.Kind, joined = episode.DoneKind(l.Desired), r.Now().UTC()
		e.Detail += episode.LiftSentence(l, r.Lift)
	} else if t.step.Why != "" {
		e.Detail += " Mind: " + t.step.Why + "."
	}
	if err := r.tell(ctx, t.work, e); err != nil {
		return err
	}
	if err := r.noteEpisode(ctx, t, l.Episode); err != nil {
		return err
	}
	if err := r.Ledger.Join(ctx, l, ledger.Joiner{AlertID: t.run.AlertID, Version: t.run.Version, Groups: t.groups(), JoinedAt: joined}); err != nil {
		return err
	}
	if l.State == ledger.Achieved {
		why := fmt.Sprintf("the machine is %s by action %s (episode %d)", t.spec.Done, l.ActionID, l.Episode)
		if l.Adopted {
			why += ". " + episode.Whose(l)
		}
		return r.finish(ctx, t.work, t.spec.Done, why)
	}
	run, err := r.Ledger.UpdateRun(ctx, t.run.AlertID, t.run.Version, func(run *ledger.Run) error {
		if run.IsOver(t.kind) {
			return ledger.ErrUnchanged
		}
		run.Tell(t.told...)
		run.Wait(t.kind, l.Episode, "waiting for action "+l.ActionID, r.Now().UTC())
		return nil
	})
	if err == nil {
		t.run, t.told = run, nil
	}
	return err
}
