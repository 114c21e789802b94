package response

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

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
		return r.holdHere(ctx, t, "held: acting is paused: "+pause.Why())
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
	action, err := r.API.Act(ctx, t.machine.ID, machine.Request{
		Type: machine.Isolate, Scope: t.step.Scope, Comment: mark(t.run.ID(), l.Episode) + " " + t.step.Comment, SendBy: now.Add(r.SendWithin),
	})
	if err == nil && (action.Type != machine.Isolate || action.MachineID != t.machine.ID) {
		// The answer is about something else; what became of the request is not known.
		err = &strangeAnswer{action: action}
	}
	if err != nil {
		return r.requestFailed(ctx, t, err)
	}
	r.Log.InfoContext(ctx, "isolation requested", "machine", t.machine.ID, "name", t.machine.ComputerDNSName, "action", action.ID, "episode", l.Episode)
	return r.accepted(ctx, t, action)
}

// strangeAnswer is an accepted request that was answered with an action that can not be its own.
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
		r.Log.WarnContext(ctx, "it is not known whether the isolation was accepted; it is looked for before it is asked for again", "machine", t.machine.ID, "error", err.Error())
		return r.giveBack(ctx, t, &comeBack{after: r.RecheckAfter, why: "isolation of unknown fate: " + err.Error()})
	case machine.AlreadyActive:
		found, lookErr := r.activeAction(ctx, t)
		if lookErr != nil {
			return r.withdraw(ctx, t, lookErr)
		}
		if found != nil {
			return r.adopt(ctx, t, *found)
		}
		return r.withdraw(ctx, t, &comeBack{after: joinWait, why: "the API says that an isolation is under way but does not list it yet"})
	case machine.NotFound:
		return r.withdraw(ctx, t, r.missed(ctx, t.work, "machine "+t.machine.ID, err))
	case machine.Refused, machine.Unsupported:
		return r.endWith(ctx, t, notice.Refused, "refused", err.Error())
	case machine.Denied:
		e := r.event(t.work, notice.Denied)
		e.Detail = err.Error()
		if tellErr := r.tell(ctx, t.work, e); tellErr != nil {
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
	open, err := r.API.OpenActions(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range open {
		if a.MachineID == t.machine.ID && a.Type == t.latch.Desired && a.ID != t.latch.LastActionID {
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
	now, err := r.Ledger.Latch(ctx, t.machine.ID, ledger.Isolation)
	if err != nil {
		return err
	}
	if now.ActionID == "" || now.ActionID == a.ID {
		return &comeBack{after: time.Second, why: "the latch was taken over; the action just created is found there"}
	}
	e := r.event(t.work, notice.Duplicate)
	e.ActionID, e.Detail = a.ID, fmt.Sprintf("Action %s was created although action %s exists for the machine.", a.ID, now.ActionID)
	r.Log.ErrorContext(ctx, "a second isolation slipped through and is cancelled", "machine", t.machine.ID, "action", a.ID, "first", now.ActionID)
	if err := r.tell(ctx, t.work, e); err != nil {
		return err
	}
	if !a.Status.Final() {
		if _, err := r.API.CancelAction(ctx, a.ID, a.Type, mark(t.run.ID(), t.latch.Episode)+" duplicate of "+now.ActionID); err != nil {
			r.Log.ErrorContext(ctx, "the second isolation could not be cancelled; look at it in the portal", "action", a.ID, "error", err.Error())
		}
	}
	return &comeBack{after: time.Second, why: "the episode's other action is followed"}
}

// adopt makes an action that exists the episode's own.
func (r *Responder) adopt(ctx context.Context, t *turn, a machine.Action) error {
	r.Log.InfoContext(ctx, "an isolation that is there already is adopted", "machine", t.machine.ID, "action", a.ID, "status", string(a.Status), "requestor", a.Requestor)
	return r.confirm(ctx, t, r.record(ctx, t, a, !marksEpisode(a.Comment, t.latch.Episode)))
}

func (r *Responder) record(ctx context.Context, t *turn, a machine.Action, adopted bool) error {
	l := t.latch
	if a.Created.IsZero() {
		a.Created = r.Now().UTC()
	}
	l.State, l.ActionID, l.ActionStatus, l.ActionAt, l.Adopted = ledger.Acting, a.ID, a.Status, a.Created, adopted
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

// join lets the run end with the latch's episode. People are told first, then the run waits, or closes at once if the
// machine is isolated already.
func (r *Responder) join(ctx context.Context, t *turn) error {
	l := t.latch
	e := r.event(t.work, notice.Requested)
	e.Episode, e.ActionID = l.Episode, l.ActionID
	e.Detail = fmt.Sprintf("Rule %s, run %s.", t.plan.Rule, t.run.ID())
	if l.RunID != "" && l.RunID != t.run.ID() {
		e.Detail += " The request was made for run " + l.RunID + "."
	}
	if l.Adopted {
		e.Detail += " The request was somebody else's and is followed."
	}
	if l.State == ledger.Achieved {
		e.Kind = notice.Isolated
	} else if t.step.Why != "" {
		e.Detail += " Mind: " + t.step.Why + "."
	}
	if err := r.tell(ctx, t.work, e); err != nil {
		return err
	}
	if err := r.noteEpisode(ctx, t.work, l.Episode); err != nil {
		return err
	}
	if err := r.Ledger.Join(ctx, l, ledger.Joiner{AlertID: t.run.AlertID, Version: t.run.Version, Groups: t.groups()}); err != nil {
		return err
	}
	if l.State == ledger.Achieved {
		return r.close(ctx, t.work, "isolated", fmt.Sprintf("the machine is isolated by action %s (episode %d)", l.ActionID, l.Episode))
	}
	_, err := r.Ledger.UpdateRun(ctx, t.run.AlertID, t.run.Version, func(run *ledger.Run) error {
		if run.State.Final() {
			return ledger.ErrUnchanged
		}
		run.State, run.Episode, run.Starts, run.Trouble, run.DueAt = ledger.Waiting, l.Episode, 0, "", r.Now().UTC()
		run.Reason = "waiting for action " + l.ActionID
		return nil
	})
	return err
}

// mark begins the comment of every machine action, so that it can be found again whatever became of the answer.
func mark(runID string, episode int) string { return fmt.Sprintf("[cordon %s e%d]", runID, episode) }

var markPattern = regexp.MustCompile(`^\[cordon (\S+) e(\d+)\]`)

func isMarked(comment string) bool { return strings.HasPrefix(comment, "[cordon ") }

// marksEpisode reports whether a comment names an episode. The machine is known from the action.
func marksEpisode(comment string, episode int) bool {
	match := markPattern.FindStringSubmatch(comment)
	return match != nil && match[2] == strconv.Itoa(episode)
}
