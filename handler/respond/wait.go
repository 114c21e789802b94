package respond

import (
	"context"
	"time"
)

// A message that is given back comes again at once. While the queue takes no copies, ten deliveries would be gone
// within a minute and the message set aside, so it is kept under its lock instead and answered again by the same
// invocation, until that must end.

// waitHere waits in place of a copy that could not be sent, and reports whether there is time left to try again. An
// invocation that has no end waits for nothing.
func (r *Responder) waitHere(ctx context.Context, after time.Duration, cause error) bool {
	if _, ends := ctx.Deadline(); !ends {
		return false
	}
	r.Log.WarnContext(ctx, "no copy of the message could be sent, so it is kept and tried again",
		"after", after.String(),
		"error", cause.Error())
	pause := time.NewTimer(max(after, r.RetryAfter))
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-ctx.Done():
		return false
	}
}
