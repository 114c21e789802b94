package trigger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"cordon/handler/logging"
)

// Handler answers the Functions host. It is safe for concurrent use.
type Handler struct {
	options Options
	router  http.Handler
	lazy    lazy
}

// Warm builds the services in the background of whoever calls it, so that the first invocation need not.
func (h *Handler) Warm(ctx context.Context) {
	if _, err := h.lazy.get(ctx); err != nil {
		h.options.Log.ErrorContext(ctx, "the services could not be built; every invocation tries again", "error", err.Error())
	}
}

// ServeHTTP answers one request. A path that is not exactly one of the routes is refused, whatever it would be after
// cleaning: requests from outside come in under /api/ and must never reach another route by the way they are written.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawPath != "" || r.URL.Opaque != "" || strings.Contains(r.URL.Path, "//") || strings.Contains(r.URL.Path, "..") || r.URL.IsAbs() {
		problem(w, http.StatusNotFound, "not_found", "there is no such function")
		return
	}
	ctx := logging.WithInvocation(r.Context(), invocationID(r.Header))
	defer func() {
		if p := recover(); p != nil {
			h.options.Log.ErrorContext(ctx, "panic", "function", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			problem(w, http.StatusInternalServerError, "panic", "the invocation ended in a fault of the program; see the log")
		}
	}()
	h.router.ServeHTTP(w, r.WithContext(ctx))
}

// invocationID is the host's id. A caller of an HTTP function may send one of its own, which the host keeps in front of
// its own, so the last one counts.
func invocationID(header http.Header) string {
	values := header.Values("X-Azure-Functions-InvocationId")
	if len(values) == 0 {
		return ""
	}
	parts := strings.Split(values[len(values)-1], ",")
	id := strings.TrimSpace(parts[len(parts)-1])
	if len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return id
}

// lazy builds the services once.
type lazy struct {
	build func(ctx context.Context) (Services, error)
	retry time.Duration

	mu     sync.Mutex
	built  bool
	all    Services
	failed error
	again  time.Time
}

func (l *lazy) get(ctx context.Context) (Services, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.built {
		return l.all, nil
	}
	if l.failed != nil && time.Now().Before(l.again) {
		return Services{}, l.failed
	}
	all, err := l.build(context.WithoutCancel(ctx))
	if err != nil {
		l.failed, l.again = fmt.Errorf("the services are not ready: %w", err), time.Now().Add(l.retry)
		return Services{}, l.failed
	}
	l.all, l.built, l.failed = all, true, nil
	return all, nil
}

// invoke runs one service under the invocation's deadline.
func (h *Handler) invoke(w http.ResponseWriter, r *http.Request, function string, call func(ctx context.Context, s Services) error) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), h.options.Deadline)
	defer cancel()
	services, err := h.lazy.get(ctx)
	if err == nil {
		err = call(ctx, services)
	}
	h.answer(ctx, w, function, time.Since(begun), err)
}

// undecodable is an error of input that can never be read.
type undecodable interface{ Undecodable() bool }

// answer is the one place that turns an error into an answer. A failed invocation is logged here, once.
func (h *Handler) answer(ctx context.Context, w http.ResponseWriter, function string, took time.Duration, err error) {
	if err == nil {
		h.options.Log.DebugContext(ctx, "invocation done", "function", function, "took", took.String())
		writeBody(w, http.StatusOK, success)
		return
	}
	code := "failed"
	var input undecodable
	if errors.As(err, &input) && input.Undecodable() {
		code = "undecodable"
	}
	var repeat *repeated
	if code == "undecodable" && errors.As(err, &repeat) {
		h.options.Log.DebugContext(ctx, "invocation failed again", "function", function, "delivery", repeat.delivery)
	} else {
		h.options.Log.ErrorContext(ctx, "invocation failed", "function", function, "took", took.String(), "error", err.Error())
	}
	problem(w, http.StatusInternalServerError, code, function+" failed; see the log")
}

// repeated marks the error of a delivery that has failed before, for the same reason.
type repeated struct {
	error
	delivery int
}

func (r *repeated) Unwrap() error { return r.error }
