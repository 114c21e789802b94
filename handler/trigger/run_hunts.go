package trigger

import (
	"context"
	"net/http"
)

func (h *Handler) runHunts(w http.ResponseWriter, r *http.Request) {
	h.invokeTimer(w, r, "RunHunts", func(ctx context.Context, s Services, t Tick) error {
		return s.RunHunts(ctx, t)
	})
}
