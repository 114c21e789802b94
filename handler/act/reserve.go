package act

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/budget"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// takeSlot gets a slot to send the episode's request. Without one the run ends or comes back, and the latch is let go
// of.
func (r *Actor) takeSlot(ctx context.Context, t *turn) (o answer.Outcome, err error) {
	slot, err := r.reserve(ctx, t)
	switch {
	case err != nil:
		r.letGo(ctx, t)
		return o, err
	case slot.CapReached != "":
		return r.hitCap(ctx, t, slot)
	case !slot.FreeAt.IsZero():
		o := answer.Later(answer.Pause{
			After: slot.FreeAt.Sub(r.sharedNow(ctx)),
			Turn:  true,
			Why: fmt.Sprintf("the API's quota of %s is used up; the run's turn comes at %s",
				t.spec.Plural, slot.FreeAt.Format(time.RFC3339)),
		})
		r.letGo(ctx, t)
		return o, nil
	}
	return o, nil
}

// reserve gets the episode's request a slot: the playbook's caps count the episode once, the API's quota counts every
// time that it is sent. A request of unknown fate has an intent, and what follows it is another request. Facts
// that are too old are read again once the run has its slot, so that those who wait for one read nothing.
func (r *Actor) reserve(ctx context.Context, t *turn) (budget.Slot, error) {
	caps := r.Book.Limits().Of(t.Step.Kind)
	if t.HasGoAhead(t.Step) {
		caps = playbook.Cap{} // a person has seen that the cap is reached; the action is counted all the same
	}
	request := "first"
	if !t.latch.IntentAt.IsZero() {
		request = fmt.Sprintf("after %d", t.latch.IntentAt.UnixMilli())
	}
	action, key := episode.CapOf(t.latch)
	reservation := budget.Reservation{
		Action:      action,
		Key:         key,
		Request:     request,
		Severity:    t.Alert.Severity,
		At:          r.sharedNow(ctx),
		Provisional: r.stale(t.Run),
		Cap:         budget.Rate(caps.Rate),
		Machine:     t.Machine.ID,
		MachineCap:  budget.Rate(caps.PerMachine),
		Rule:        cmp.Or(t.Step.Rule, t.Plan.Rule),
		RuleCap:     budget.Rate(caps.PerRule),
		Group:       cmp.Or(t.Machine.RBACGroupName, noGroup),
		GroupCap:    budget.Rate(caps.PerGroup),
		Quota:       r.Quota,
	}
	slot, err := r.Budget.Reserve(ctx, reservation)
	t.counted = err == nil && slot == budget.Slot{} && !reservation.Provisional
	return slot, err
}

// noGroup stands for the device group of machines that are in none.
const noGroup = "(none)"

// hitCap ends the episode before anything was sent: the cap holds the step for a person. The operator hears of a cap
// once, as long as it goes on to hold.
func (r *Actor) hitCap(ctx context.Context, t *turn, slot budget.Slot) (o answer.Outcome, err error) {
	if err := r.alarm(ctx, t.spec, slot); err != nil {
		r.letGo(ctx, t)
		return o, err
	}
	return r.holdHere(ctx, t, answer.Reason{
		Text:  "the cap on " + t.spec.Plural + " is reached, " + slot.CapReached,
		Cause: "cap " + slot.Cap,
	})
}

// alarm tells the operator and then notes it. A repeat is dropped, because the event's key is the cap and since when it
// holds.
func (r *Actor) alarm(ctx context.Context, spec machine.Spec, slot budget.Slot) error {
	trip, told, err := r.Budget.Trip(ctx, slot.Cap, slot.CapReached, r.sharedNow(ctx), slot.CapWindow)
	if err != nil || told {
		return err
	}
	r.Log.ErrorContext(ctx, "a cap holds "+spec.Plural+" for a person; look at cordon held list",
		"cap", slot.Cap,
		"why", slot.CapReached)
	e := notice.Event{
		Kind:   notice.CapReached,
		Action: spec.Type,
		At:     r.Now().UTC(),
		RunID:  slot.Cap + " " + trip.Since.Format(time.RFC3339Nano),
		To:     r.Operator,
		Detail: fmt.Sprintf("%s: %s. Further ones are held: cordon held list shows them, cordon held run "+
			"continues with them.",
			strings.ToUpper(spec.Plural[:1])+spec.Plural[1:], slot.CapReached),
	}
	err = r.Clerk.Teller.Tell(ctx, notice.OperatorGroup, e)
	if err != nil {
		return err
	}
	return r.Budget.TripTold(ctx, trip)
}
