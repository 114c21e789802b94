package trigger

import (
	"context"
	"net/http"
)

func (h *Handler) followActions(w http.ResponseWriter, r *http.Request) {
	h.tick(w, r, "FollowActions", func(s Services) func(context.Context, Tick) error { return s.FollowActions })
}
