package act

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// request writes the intent, sends the request once, and writes the action's id.
func (r *Actor) request(ctx context.Context, t *turn) (answer.Outcome, error) {
	pause, err := r.Switches.Pause(ctx)
	if err != nil {
		r.letGo(ctx, t)
		return answer.Outcome{}, err
	} else if pause.Paused {
		return r.holdHere(ctx, t, paused(pause))
	}
	now := r.Now().UTC()
	l := &t.latch
	l.State = latches.Intended
	l.IntentAt = now
	l.HeldUntil = now.Add(r.Hold)
	if l.FirstIntentAt.IsZero() {
		l.FirstIntentAt = now
	}
	joiner := latches.Joiner{
		AlertID: t.Row.AlertID,
		Version: t.Row.Version,
		Groups:  t.Groups(),
	}
	err = r.Latches.Intend(ctx, l, joiner)
	if err != nil {
		return lost(err)
	}
	if r.Now().Sub(now) > r.SendWithin {
		// Whoever takes the latch over assumes that nothing is sent this late.
		r.withdraw(ctx, t)
		return after(0, "too much time passed between intent and request"), nil
	}
	action, err := r.API.Act(ctx, t.Machine.ID, machine.Request{
		Type:    t.spec.Type,
		Scope:   t.Step.Scope,
		Comment: episode.Mark(t.ID(), *l) + " " + t.Step.Comment,
		SendBy:  now.Add(r.SendWithin),
	})
	sameMachine := strings.EqualFold(action.MachineID, t.Machine.ID)
	if err == nil && (action.Type != t.spec.Type || !sameMachine && !episode.Marks(action, *l)) {
		// The answer is about something else; what became of the request is not known.
		err = &strangeAnswer{action: action}
	}
	if err != nil {
		return r.requestFailed(ctx, t, err)
	}
	if !sameMachine {
		r.Log.ErrorContext(ctx,
			"the request was accepted for another machine than it named; look at both in the portal",
			"machine", t.Machine.ID,
			"other", action.MachineID,
			"action", action.ID)
	}
	return r.answered(ctx, t, action)
}

// answered goes on after the request was answered with an action.
func (r *Actor) answered(ctx context.Context, t *turn, action machine.Action) (answer.Outcome, error) {
	if !episode.SameScope(action, t.latch) {
		// The API answers with what is under way instead of making another.
		r.withdraw(ctx, t)
		noun := episode.Article(t.spec.NounOf(action.Scope))
		why := fmt.Sprintf("%s is under way (action %s), so Defender made no action for ours", noun, action.ID)
		return patiently(episode.UndoWait, why), nil
	}
	r.Log.InfoContext(ctx, "machine action requested", "type", string(t.spec.Type),
		"machine", t.Machine.ID,
		"name", t.Machine.ComputerDNSName,
		"action", action.ID,
		"episode", t.latch.Episode)
	return r.accepted(ctx, t, action)
}

// strangeAnswer is an accepted request that was answered with an action that cannot be its own.
type strangeAnswer struct{ action machine.Action }

func (s *strangeAnswer) Error() string {
	return fmt.Sprintf("the API answered with action %s of type %q on machine %q",
		s.action.ID, s.action.Type, s.action.MachineID)
}

// Trouble says that the request may have been carried out.
func (s *strangeAnswer) Trouble() machine.Trouble { return machine.UnknownFate }

// RetryAfter is 0: the recheck time decides.
func (s *strangeAnswer) RetryAfter() time.Duration { return 0 }

// requestFailed sorts a request's error by what became of the request.
func (r *Actor) requestFailed(ctx context.Context, t *turn, err error) (o answer.Outcome, _ error) {
	switch trouble, _ := machine.TroubleOf(err); trouble {
	case machine.UnknownFate:
		t.latch.IntentAt = r.Now().UTC()
		r.Log.WarnContext(ctx,
			"it is not known whether the request was accepted; Cordon looks for its action before it asks again",
			"type", string(t.spec.Type),
			"machine", t.Machine.ID,
			"error", err.Error())
		r.letGo(ctx, t)
		return after(r.RecheckAfter, t.spec.Noun+" of unknown fate: "+err.Error()), nil
	case machine.AlreadyActive:
		return r.alreadyActive(ctx, t)
	case machine.NotFound:
		o, err = r.Clerk.Missed(ctx, t.Run, t.Machine.ID, err, r.Clerk.Finish)
	case machine.Unsupported:
		return r.endWith(ctx, t, notice.Skipped, "skipped", answer.Failure("not supported by the machine: ", err))
	case machine.Refused:
		return r.endWith(ctx, t, notice.Refused, "refused", answer.Failure("", err))
	case machine.Denied:
		tellErr := r.Clerk.TellOnce(ctx, t.Run, notice.Denied, answer.Failure("", err))
		if tellErr != nil {
			err = errors.Join(err, tellErr)
		}
	}
	r.withdraw(ctx, t)
	return o, err
}

// alreadyActive adopts the action that stands in the way of a request, as soon as it is listed.
func (r *Actor) alreadyActive(ctx context.Context, t *turn) (answer.Outcome, error) {
	current, err := r.API.CurrentActions(ctx, r.Now())
	if err != nil {
		r.withdraw(ctx, t)
		return answer.Outcome{}, err
	}
	found := episode.InTheWay(t.latch, current)
	if found != nil {
		return r.adopt(ctx, t, *found)
	}
	wait := episode.JoinWait << min(t.Row.Copies, 3)
	if !t.spec.Lasting {
		wait = max(wait, episode.UndoWait) // it may be one of another scope, which is not ours to follow
	}
	r.withdraw(ctx, t)
	noun := episode.Article(t.spec.Noun)
	return after(wait, "the API says that "+noun+" is under way but does not list it yet"), nil
}

// withdraw takes the intent back after a request that certainly was not carried out, and lets go of the latch.
// Requests of unknown fate before it in the same episode keep it standing.
func (r *Actor) withdraw(ctx context.Context, t *turn) {
	if t.latch.FirstIntentAt.Equal(t.latch.IntentAt) {
		t.latch.State = latches.Preparing
		t.latch.IntentAt = time.Time{}
		t.latch.FirstIntentAt = time.Time{}
	}
	r.letGo(ctx, t)
}
