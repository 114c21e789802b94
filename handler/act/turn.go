package act

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// turn is one hold of one of a machine's latches by one invocation.
type turn struct {
	*answer.Run
	spec  machine.Spec
	kind  string // of the latch
	latch latches.Latch
	token string

	counted bool // the episode has its place under the caps, for a request that has not been sent
}

// view is what a decision about the turn's episode looks at.
func (r *Actor) view(t *turn) episode.View {
	return episode.View{
		Spec:   t.spec,
		Latch:  t.latch,
		Run:    t.Row,
		Token:  t.token,
		Now:    r.Now().UTC(),
		Limits: episode.Limits{Lift: r.Lift, RecheckAfter: r.RecheckAfter},
	}
}

// after lets a run come back after a while.
func after(d time.Duration, why string) answer.Outcome {
	return answer.Later(answer.Pause{After: d, Why: why})
}

// patiently lets a run come back that waits for what ends by itself.
func patiently(d time.Duration, why string) answer.Outcome {
	return answer.Later(answer.Pause{After: d, Patient: true, Why: why})
}

func waitOf(w episode.Wait) answer.Outcome {
	return answer.Later(answer.Pause{
		After:   w.For,
		Patient: w.Patient,
		Why:     w.Why,
	})
}

// waitForRelease lets a run come back for a step whose opposite is under way: it ends by itself, but that may take
// days, and the machine stays as it is meanwhile. So people are told once.
func (r *Actor) waitForRelease(ctx context.Context, t *turn, w episode.WaitForRelease) (o answer.Outcome, err error) {
	a := w.Action
	by := cmp.Or(episode.Requestor(a), "somebody whom the API does not name")
	if a.Marked() {
		by = "Cordon"
	}
	why := fmt.Sprintf("%s asked for the opposite (%s, action %s), which is still under way", by, a.Type, a.ID)
	e := r.Clerk.Event(t.Run, notice.Waits)
	e.ActionID = a.ID
	e.Detail = why +
		fmt.Sprintf(". The %s that rule %s asks for is decided again when it is.", t.spec.Noun, t.Plan.Rule)
	if err := r.Clerk.TellNews(ctx, t.Run, e); err != nil {
		return o, err
	}
	return patiently(w.For, why), nil
}

// noteEpisode writes which episode is the run's.
func (r *Actor) noteEpisode(ctx context.Context, t *turn, number int) (answer.Outcome, error) {
	return r.Clerk.Write(ctx, t.Run, func(row *runs.Run) (bool, error) {
		if row.EpisodeOf(t.kind) == number {
			return false, nil
		}
		row.SetEpisode(t.kind, number)
		if t.latch.Episode == number && (t.latch.State == latches.Acting || t.latch.State == latches.Achieved) {
			row.Asked(t.kind, r.Now().UTC())
			row.SetAction(t.kind, t.latch.ActionID)
		}
		return true, nil
	})
}

// lasting is the latch of the state that an action undoes.
func (r *Actor) lasting(
	ctx context.Context, run *answer.Run, undoing machine.Spec,
) (latches.Latch, answer.Outcome, error) {
	spec, _ := machine.SpecOf(undoing.Undoes)
	return r.latch(ctx, run.Machine.ID, spec.Latch, run.ID())
}

// latch reads a latch of a machine. An episode whose isolation Defender should have lifted is brought up to what the
// machine's actions say first, because FollowActions may not have run for days.
func (r *Actor) latch(
	ctx context.Context, machineID, kind, asking string,
) (l latches.Latch, o answer.Outcome, err error) {
	for range 5 {
		l, err := r.Latches.Of(ctx, machineID, kind)
		if err != nil || !episode.LiftDue(l, r.Now(), r.Lift) {
			return l, o, err
		}
		actions, err := r.API.ActionsOn(ctx, machineID, l.ActionAt.Add(-time.Second))
		if err != nil {
			return l, o, err
		}
		release, err := r.Endings.Conclude(ctx, l, actions, asking)
		if err != nil && !errors.Is(err, rows.ErrConflict) {
			return l, o, err
		}
		if release.ID != "" {
			why := fmt.Sprintf("%s asked for the release of what Defender has lifted (action %s), which is not over",
				release.Requestor, release.ID)
			return l, patiently(episode.JoinWait, why), nil
		}
	}
	return l, after(time.Second, "others keep writing the latch of an isolation that Defender has lifted"), nil
}

// endWith ends the episode without an action, and the step with it: told, then the latch, then the run.
func (r *Actor) endWith(
	ctx context.Context, t *turn, kind notice.Kind, outcome string, why answer.Reason,
) (o answer.Outcome, err error) {
	if err := r.Clerk.TellOnce(ctx, t.Run, kind, why); err != nil {
		r.letGo(ctx, t)
		return o, err
	}
	if o, err := r.end(ctx, t, kind, why); err != nil || o.Ends() {
		return o, err
	}
	return r.Clerk.Finish(ctx, t.Run, outcome, why.Text)
}

// holdHere ends an episode before anything was sent, because a rail holds the step.
func (r *Actor) holdHere(ctx context.Context, t *turn, why answer.Reason) (o answer.Outcome, err error) {
	why = t.HeldAgain(why)
	if err := r.Clerk.KeepHeld(ctx, t.Run, why.Text); err != nil {
		r.letGo(ctx, t)
		return o, err
	}
	return r.endWith(ctx, t, notice.Held, "held", why)
}

// end closes the episode without an action.
func (r *Actor) end(ctx context.Context, t *turn, kind notice.Kind, why answer.Reason) (answer.Outcome, error) {
	t.latch.EndKind, t.latch.EndCause, t.latch.EndRun = string(kind), why.Cause, t.ID()
	t.latch.State = latches.Ended
	t.latch.EndedAt = r.Now().UTC()
	t.latch.EndReason = why.Text
	r.uncount(ctx, t)
	t.latch.Holder, t.latch.HeldUntil = "", time.Time{}
	return lost(r.Latches.Save(ctx, &t.latch))
}

// letGo lets go of the latch before its time.
func (r *Actor) letGo(ctx context.Context, t *turn) {
	if t.latch.State == latches.Preparing {
		r.uncount(ctx, t)
	}
	t.latch.Holder, t.latch.HeldUntil = "", time.Time{}
	err := r.Latches.Save(ctx, &t.latch)
	if err != nil {
		r.Log.WarnContext(ctx, "the latch could not be given back; it lapses by itself",
			"machine", t.latch.MachineID,
			"error", err.Error())
	}
}

// lost turns the loss of the latch to somebody else into a later try.
func lost(err error) (answer.Outcome, error) {
	if errors.Is(err, rows.ErrConflict) {
		return after(time.Second, "the machine's latch was taken over"), nil
	}
	return answer.Outcome{}, err
}

// A machine keeps its place under the caps while a request for it is out, under way or did what it was to do. Whoever
// ends an episode without that, or lets go of a latch before anything was sent, gives the place back.

// uncount gives back the place that this turn counted, if it still owns the episode: a later holder may have counted
// on it. If that fails the place stays taken for as long as the caps look back.
func (r *Actor) uncount(ctx context.Context, t *turn) {
	if !t.counted || !r.Now().Before(t.latch.HeldUntil) {
		return
	}
	t.counted = false
	action, key := episode.CapOf(t.latch)
	err := r.Budget.GiveBack(ctx, action, key)
	if err != nil {
		r.Log.WarnContext(ctx, "a place under the caps could not be given back; it is free in a day",
			"machine", t.latch.MachineID,
			"error", err.Error())
	}
}
