package trigger

import (
	"context"
	"net/http"
)

func (h *Handler) pollAlerts(w http.ResponseWriter, r *http.Request) {
	h.tick(w, r, "PollAlerts", func(s Services) func(context.Context, Tick) error { return s.PollAlerts })
}

// tick answers a timer's invocation.
func (h *Handler) tick(w http.ResponseWriter, r *http.Request, function string, service func(Services) func(context.Context, Tick) error) {
	in, err := h.read(w, r)
	h.invoke(w, r, function, func(ctx context.Context, s Services) error {
		if err != nil {
			return err
		}
		return service(s)(ctx, in.tick())
	})
}
