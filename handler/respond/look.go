package respond

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// firstLook is before the first request of an episode: what stands already and what is under way is adopted, whoever asked
// for it; what undoes it must end first.
func (r *Responder) firstLook(ctx context.Context, t *turn) (*machine.Action, error) {
	current, err := r.currentActions(ctx)
	if err != nil {
		return nil, err
	}
	var open *machine.Action
	for _, a := range current {
		switch {
		case a.MachineID != t.machine.ID || a.ID == t.latch.LastActionID || a.Status.Final():
		case a.Type == t.latch.Desired && episode.SameScope(a, t.latch):
			open = cmp.Or(open, &a)
		case a.Type == t.latch.Desired.Opposite():
			return nil, r.waitForRelease(ctx, t, a, joinWait)
		}
	}
	if standing := r.standing(t, current); standing != nil {
		return standing, nil
	}
	return open, nil
}

// waitForRelease lets a run come back for a step whose opposite is under way: it ends by itself, but that may take days, and the
// machine stays as it is meanwhile. So people are told once.
func (r *Responder) waitForRelease(ctx context.Context, t *turn, a machine.Action, after time.Duration) error {
	by := cmp.Or(episode.Requestor(a), "somebody whom the API does not name")
	if a.Marked() {
		by = "Cordon"
	}
	why := fmt.Sprintf("%s asked for what undoes it (%s, action %s), which is not over", by, a.Type, a.ID)
	e := r.event(t.work, notice.Waits)
	e.ActionID, e.Detail = a.ID, why+fmt.Sprintf(". The %s that rule %s asks for is decided again when it is.", t.spec.Noun, t.plan.Rule)
	if err := r.tellNews(ctx, t.work, e); err != nil {
		return err
	}
	return &comeBack{after: after, patient: true, why: why}
}

// currentActions is the list of the actions of all machines that tell their state, shared by the runs of this process for
// half a minute. It is empty rather than nil.
func (r *Responder) currentActions(ctx context.Context) ([]machine.Action, error) {
	select {
	case r.listing <- struct{}{}:
		defer func() { <-r.listing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if r.listed != nil && r.Now().Sub(r.listedAt) < joinWait {
		return r.listed, nil
	}
	at := r.Now()
	listed, err := r.API.CurrentActions(ctx, at.Add(-r.Lift-openAtMost))
	if err != nil {
		return nil, err
	}
	r.listed, r.listedAt = append([]machine.Action{}, listed...), at
	return r.listed, nil
}

// afterIntent resumes an episode in which a request may have been sent: nothing is sent again before a look-up, made
// late enough for lists to show the action, has found none.
func (r *Responder) afterIntent(ctx context.Context, t *turn) (*machine.Action, error) {
	asked := r.Now()
	found, err := r.lookUp(ctx, t)
	if err != nil || found != nil {
		return found, err
	}
	if due := t.latch.IntentAt.Add(r.RecheckAfter); asked.Before(due) {
		return nil, &comeBack{after: due.Sub(asked), why: "a request may have been sent; its action is looked for again before it is repeated"}
	}
	return nil, nil
}

// lookUp asks the API afresh for an action of this episode, in any state. One that carries the episode's mark comes
// first; any other of the same kind since the episode's first intent does as well.
func (r *Responder) lookUp(ctx context.Context, t *turn) (*machine.Action, error) {
	actions, err := r.API.ActionsOn(ctx, t.machine.ID, t.latch.FirstIntentAt.Add(-episode.LookBack))
	if err != nil {
		return nil, err
	}
	return episode.Pick(actions, t.latch), nil
}

// latch reads a latch of a machine. An episode whose isolation Defender should have lifted is brought up to what the machine's
// actions say first, for a run that asks: nobody may have followed them for days.
func (r *Responder) latch(ctx context.Context, machineID, kind, asking string) (ledger.Latch, error) {
	for range 5 {
		l, err := r.Ledger.Latch(ctx, machineID, kind)
		if err != nil || !episode.LiftDue(l, r.Now(), r.Lift) {
			return l, err
		}
		actions, err := r.API.ActionsOn(ctx, machineID, l.ActionAt.Add(-time.Second))
		if err != nil {
			return l, err
		}
		release, err := r.endings.Conclude(ctx, l, actions, asking)
		if err != nil && !errors.Is(err, ledger.ErrConflict) {
			return l, err
		}
		if release.ID != "" {
			why := fmt.Sprintf("%s asked for the release of what Defender has lifted (action %s), which is not over", release.Requestor, release.ID)
			return l, &comeBack{after: joinWait, patient: true, why: why}
		}
	}
	return ledger.Latch{}, &comeBack{after: time.Second, why: "others keep writing the latch of an isolation that Defender has lifted"}
}
