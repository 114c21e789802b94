package response

import (
	"cmp"
	"context"
	"fmt"
	"strings"
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
		case a.Type == t.latch.Desired && sameScope(a, t.latch):
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
	actions, err := r.API.ActionsOn(ctx, t.machine.ID, t.latch.FirstIntentAt.Add(-lookBack))
	if err != nil {
		return nil, err
	}
	return pick(actions, t.latch), nil
}

// pick chooses the action of a latch's episode among a machine's actions; nil if there is none. The mark of the episode
// decides wherever it is found; without one it is one of the same kind since about the first intent that no release which
// completed later has undone.
func pick(actions []machine.Action, l ledger.Latch) *machine.Action {
	var other *machine.Action
	for _, a := range actions {
		if a.Type != l.Desired || a.ID == l.LastActionID || (a.MachineID != "" && a.MachineID != l.MachineID) {
			continue
		}
		if marks(a, l) {
			return &a
		}
		if !sameScope(a, l) {
			continue
		}
		recent := !a.Created.Before(l.FirstIntentAt.Add(-clockSkew))
		undone := a.Status == machine.Succeeded && a.UndoneBy(actions) != nil
		if recent && !a.Marked() && !undone && (other == nil || prefer(a, *other)) {
			other = &a
		}
	}
	return other
}

// sameScope reports whether an action is of the scope that a latch owns. Lasting states have one latch for all scopes.
func sameScope(a machine.Action, l ledger.Latch) bool {
	_, scope, scoped := strings.Cut(l.Kind, ":")
	return !scoped || a.Scope == "" || strings.EqualFold(string(a.Scope), scope)
}

// prefer says which of two actions of a kind tells what becomes of the machine: one that Succeeded before one that is open,
// that before one that came to nothing; of two alike the newer one.
func prefer(a, b machine.Action) bool {
	rank := func(a machine.Action) int {
		switch {
		case a.Status == machine.Succeeded:
			return 2
		case !a.Status.Final():
			return 1
		}
		return 0
	}
	return cmp.Or(rank(a)-rank(b), a.Created.Compare(b.Created)) > 0
}
