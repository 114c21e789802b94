package response

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// A machine keeps its place under the caps while a request for it is out, under way or did what it was to do. Whoever ends
// an episode without that, or lets go of a latch before anything was sent, gives the place back.

// capOf says as what a latch's episode is counted under the caps: the action, and the key of the episode. The machine
// stands for the latch of isolations.
func capOf(l ledger.Latch) (action, key string) {
	for _, kind := range playbook.StepKinds() {
		if kind.Action() == l.Desired {
			action = string(kind)
		}
	}
	owner := l.MachineID
	if l.Kind != ledger.Isolation {
		owner += ":" + l.Kind
	}
	return action, fmt.Sprintf("%s:e%d", owner, l.Episode)
}

// uncount gives back the place that this turn counted, if it still owns the episode: a later holder may have counted on it.
// If that fails the place stays taken for as long as the caps look back.
func (r *Responder) uncount(ctx context.Context, t *turn) {
	if !t.counted || !r.Now().Before(t.latch.HeldUntil) {
		return
	}
	t.counted = false
	action, key := capOf(t.latch)
	if err := r.Ledger.GiveBack(ctx, action, key); err != nil {
		r.Log.WarnContext(ctx, "a place under the caps could not be given back; it is free in a day",
			"machine", t.latch.MachineID, "error", err.Error())
	}
}

// giveBack gives back the place of an episode that ended and reached nothing. A repeat is harmless.
func (f *Follower) giveBack(ctx context.Context, l ledger.Latch) error {
	if l.FirstIntentAt.IsZero() || l.ActionStatus == machine.Succeeded || !l.ReleasedAt.IsZero() {
		return nil
	}
	action, key := capOf(l)
	return f.Ledger.GiveBack(ctx, action, key)
}

// sharedNow is the time for what all instances share: by the clock of the table service, so that one instance's wrong clock
// neither opens nor shuts a cap.
func (r *Responder) sharedNow(ctx context.Context) time.Time {
	return sharedNow(ctx, r.Ledger, r.Log, r.Now)
}

func sharedNow(ctx context.Context, store *ledger.Store, log *slog.Logger, own func() time.Time) time.Time {
	now, known := store.ServiceTime()
	if !known {
		log.WarnContext(ctx, "no answer of the tables had a Date header; what all instances share goes by this one's own clock")
		now = own()
	}
	return now.UTC()
}
