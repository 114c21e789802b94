package trigger

import (
	"context"
	"net/http"
)

func (h *Handler) followActions(w http.ResponseWriter, r *http.Request) {
	h.invokeTimer(w, r, "FollowActions", func(ctx context.Context, s Services, t Tick) error {
		return s.FollowActions(ctx, t)
	})
}
