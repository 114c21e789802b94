package trigger

import (
	"context"
	"net/http"
)

func (h *Handler) respondToAlert(w http.ResponseWriter, r *http.Request) {
	h.delivery(w, r, "RespondToAlert", func(s Services) func(context.Context, Delivery) error { return s.RespondToAlert })
}

// delivery answers a queue trigger's invocation.
func (h *Handler) delivery(w http.ResponseWriter, r *http.Request, function string, service func(Services) func(context.Context, Delivery) error) {
	in, err := h.read(w, r)
	var d Delivery
	if err == nil {
		d, err = in.delivery()
	}
	h.invoke(w, r, function, func(ctx context.Context, s Services) error {
		if err == nil {
			err = service(s)(ctx, d)
		}
		if err != nil && d.DeliveryCount > 1 {
			err = &repeated{error: err, delivery: d.DeliveryCount}
		}
		return err
	})
}
