package respond

import (
	"context"

	"cordon/handler/ledger"
)

// DeathsToPark is what tests count with.
const DeathsToPark = deathsToPark

// Uncount gives back the place of a latch's episode, as somebody does who counted it and sent nothing.
func (r *Responder) Uncount(ctx context.Context, l ledger.Latch) {
	r.uncount(ctx, &turn{work: &work{}, kind: l.Kind, latch: l, counted: true})
}
