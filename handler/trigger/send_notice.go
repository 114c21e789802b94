package trigger

import (
	"context"
	"net/http"
)

func (h *Handler) sendNotice(w http.ResponseWriter, r *http.Request) {
	h.invokeQueue(w, r, "SendNotice", func(ctx context.Context, s Services, d Delivery) error {
		return s.SendNotice(ctx, d)
	})
}
