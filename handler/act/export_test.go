package act

import (
	"context"

	"cordon/handler/answer"
	"cordon/handler/ledger/latches"
)

// Uncount gives back the place of a latch's episode, as somebody does who counted it and sent nothing.
func (r *Actor) Uncount(ctx context.Context, l latches.Latch) {
	r.uncount(ctx, &turn{Run: &answer.Run{}, kind: l.Kind, latch: l, counted: true})
}

// LookAgain reads the facts again, as somebody does who holds a latch and is about to ask.
func (r *Actor) LookAgain(ctx context.Context, run *answer.Run, l latches.Latch) (answer.Outcome, error) {
	return r.lookAgain(ctx, &turn{Run: run, kind: l.Kind, latch: l})
}
