package respond

import (
	"context"
	"time"

	"cordon/handler/episode"
)

// A machine keeps its place under the caps while a request for it is out, under way or did what it was to do. Whoever ends
// an episode without that, or lets go of a latch before anything was sent, gives the place back.

// uncount gives back the place that this turn counted, if it still owns the episode: a later holder may have counted on it.
// If that fails the place stays taken for as long as the caps look back.
func (r *Responder) uncount(ctx context.Context, t *turn) {
	if !t.counted || !r.Now().Before(t.latch.HeldUntil) {
		return
	}
	t.counted = false
	action, key := episode.CapOf(t.latch)
	if err := r.Ledger.GiveBack(ctx, action, key); err != nil {
		r.Log.WarnContext(ctx, "a place under the caps could not be given back; it is free in a day",
			"machine", t.latch.MachineID, "error", err.Error())
	}
}

// sharedNow is the time for what all instances share.
func (r *Responder) sharedNow(ctx context.Context) time.Time {
	return r.Ledger.SharedNow(ctx, r.Log, r.Now)
}
