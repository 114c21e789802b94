// Package trigger is HTTP in from the Functions host: it decodes an invocation, calls one service and encodes the
// answer. It takes no decisions. Its neighbours are the host before it and the services behind it, which it knows as
// functions only.
package trigger

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
)

// Services are what the functions call. An error means that the host must count the invocation as failed; what can go on
// later is no error. All of them are safe for concurrent use.
type Services struct {
	PollAlerts     func(ctx context.Context, t Tick) error
	FollowActions  func(ctx context.Context, t Tick) error
	RespondToAlert func(ctx context.Context, d Delivery) error
	SendNotice     func(ctx context.Context, d Delivery) error
	Health         func(ctx context.Context) (Health, error)
}

// Options are the settings of the handler. Log is required; zero times and sizes mean the defaults.
type Options struct {
	Log      *slog.Logger
	Deadline time.Duration // of one invocation, 9 min: below the host's functionTimeout, on which it kills the process
	BodyTime time.Duration // for reading a request's body, 30 s
	MaxBody  int64         // bytes of an envelope, 4 MiB
	Retry    time.Duration // pause before services that could not be built are built again, 1 s
}

// The defaults of Options.
const (
	Deadline        = 9 * time.Minute
	defaultBodyTime = 30 * time.Second
	defaultMaxBody  = 4 << 20
	defaultRetry    = time.Second
)

// New makes the whole HTTP surface. The services are built once, by the first request that needs them or by Warm; those
// that come meanwhile wait. A build that fails is told to whoever waited and tried again after a pause.
func New(o Options, build func(ctx context.Context) (Services, error)) *Handler {
	if o.Deadline == 0 {
		o.Deadline = Deadline
	}
	if o.BodyTime == 0 {
		o.BodyTime = defaultBodyTime
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Retry == 0 {
		o.Retry = defaultRetry
	}
	h := &Handler{options: o, lazy: lazy{build: build, retry: o.Retry}}
	r := chi.NewRouter()
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "not_found", "there is no such function")
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusMethodNotAllowed, "method_not_allowed", fmt.Sprintf("%s is not answered here", r.Method))
	})

	// The host asks every 25 ms until anything answers; nothing may be waited for here. A repeat changes nothing.
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, struct{}{}) })
	// The host's timer, every minute. A repeat reads the overlap again and enqueues nothing twice.
	r.Post("/PollAlerts", h.pollAlerts)
	// The host's queue trigger, one call for each delivery of an alert message. A repeat resumes the run or does nothing.
	r.Post("/RespondToAlert", h.respondToAlert)
	// The host's timer, every minute. A repeat changes nothing.
	r.Post("/FollowActions", h.followActions)
	// The host's queue trigger, one call for each delivery of a notice message. A notice that is sent is not sent again.
	r.Post("/SendNotice", h.sendNotice)
	// Callers from outside with a function key, forwarded by the host. Reads only.
	r.Get("/api/health", h.health)

	h.router = r
	return h
}
