package trigger

import (
	"context"
	"net/http"
)

func (h *Handler) sendNotice(w http.ResponseWriter, r *http.Request) {
	h.delivery(w, r, "SendNotice", func(s Services) func(context.Context, Delivery) error { return s.SendNotice })
}
