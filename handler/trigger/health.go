package trigger

import (
	"context"
	"net/http"
)

// Health says whether alerts are being answered.
type Health struct {
	OK   bool
	Body any // JSON for the caller
}

func (h *Handler) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), h.options.BodyTime)
	defer cancel()
	services, err := h.lazy.get(ctx)
	var report Health
	if err == nil {
		report, err = services.Health(ctx)
	}
	if err != nil {
		h.options.Log.ErrorContext(ctx, "health is not known", "error", err.Error())
		problem(w, http.StatusServiceUnavailable, "unknown", "health is not known; see the log")
		return
	}
	status := http.StatusOK
	if !report.OK {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, report.Body)
}
