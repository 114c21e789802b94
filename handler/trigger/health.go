package trigger

import (
	"context"
	"net/http"
	"time"
)

// Health says whether alerts are being answered.
type Health struct {
	OK   bool
	Body any // written as JSON for the caller; not nil
}

// healthTime bounds one report. The front end gives up after 230 s, monitors long before.
const healthTime = 25 * time.Second

// health answers 200 if all is well and 503 if not, or if that cannot be found out. Any status counts as a success of
// the invocation: the host passes it on.
func (h *Handler) health(w http.ResponseWriter, r *http.Request) {
	h.tellHealth(w, r, "Health", func(ctx context.Context, s Services) (Health, error) {
		return s.Health(ctx)
	})
}

// healthSummary answers like health, to callers who may be anybody.
func (h *Handler) healthSummary(w http.ResponseWriter, r *http.Request) {
	h.tellHealth(w, r, "HealthSummary", func(ctx context.Context, s Services) (Health, error) {
		return s.HealthSummary(ctx)
	})
}

func (h *Handler) tellHealth(
	w http.ResponseWriter,
	r *http.Request,
	function string,
	ask func(ctx context.Context, s Services) (Health, error),
) {
	ctx, cancel := context.WithTimeout(
		r.Context(),
		min(healthTime, h.options.Deadline),
	)
	defer cancel()
	var report Health
	err := guard(func() error {
		services, err := h.lazy.get(ctx)
		if err != nil {
			return err
		}
		report, err = ask(ctx, services)
		return err
	})
	if err != nil {
		h.logFailure(ctx, function, 0, err)
		problem(w, http.StatusServiceUnavailable, "unknown", "health is not known; the log has the reason")
		return
	}
	status := http.StatusOK
	if !report.OK {
		status = http.StatusServiceUnavailable
	}
	h.write(ctx, w, function, status, report.Body)
}
