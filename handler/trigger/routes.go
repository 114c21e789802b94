// Package trigger is HTTP in from the Functions host: it decodes an invocation, calls one service and encodes the
// answer. It takes no decisions. Its neighbours are the host before it and the services behind it, which it knows as
// functions only.
package trigger

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

// Services are what the functions call. An error means that the host must count the invocation as
// failed; what can go on later is no error. An error with a method Undecodable that says true is told at the first
// delivery only. Whoever returns an error leaves the logging to this package. All are safe for concurrent use.
type Services struct {
	PollAlerts     func(ctx context.Context, t Tick) error
	FollowActions  func(ctx context.Context, t Tick) error
	RunHunts       func(ctx context.Context, t Tick) error
	RespondToAlert func(ctx context.Context, d Delivery) error
	SendNotice     func(ctx context.Context, d Delivery) error
	ReceiveAlert   func(ctx context.Context, p Pushed) (Receipt, error) // an error that is Refused says how to answer
	Health         func(ctx context.Context) (Health, error)
	HealthSummary  func(ctx context.Context) (Health, error)

	Operate http.Handler // the operator API; nil, as SignIn: it is off
	SignIn  http.Handler // by which people sign in with a browser
	Console http.Handler // the pages that they look at
}

// Options are the settings of the handler. Log is required; zero times and sizes mean the defaults.
type Options struct {
	Log      *slog.Logger
	Deadline time.Duration // of one invocation, from its arrival; default Deadline
	BodyTime time.Duration // for a whole request to arrive, kept by Serve; default 30 s
	MaxBody  int64         // bytes of an envelope; default 4 MiB
	Retry    time.Duration // pause before services that could not be built are built again; default 1 s
}

// Deadline is when the context of an invocation ends. It is below the functionTimeout in host.json: the host answers
// that one by killing the process, with every other invocation in it.
const Deadline = 9 * time.Minute

const (
	defaultBodyTime = 30 * time.Second
	defaultMaxBody  = 4 << 20
	defaultRetry    = time.Second
)

// New makes the whole HTTP surface. The services are built once, by the first request that needs them or by Warm; those
// that come meanwhile wait. A build that fails is told to whoever waited and tried again after a pause. The context of
// build ends when build returns, or after a minute.
func New(o Options, build func(ctx context.Context) (Services, error)) *Handler {
	h := &Handler{options: o.withDefaults()}
	h.lazy = lazy{build: build, pause: h.options.Retry}
	r := chi.NewRouter()
	r.NotFound(notFound)
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusMethodNotAllowed, "method_not_allowed",
			fmt.Sprintf("%.20q is not answered here", r.Method))
	})

	// The host asks every 25 ms until anything answers; nothing may be waited for here. A repeat changes nothing.
	r.Get("/", ready)
	// The host's timer, every minute. A repeat reads the overlap again and enqueues nothing twice.
	r.Post("/PollAlerts", h.pollAlerts)
	// The host's queue trigger, one call for each delivery of an alert message. A repeat resumes the run or does
	// nothing.
	r.Post("/RespondToAlert", h.respondToAlert)
	// The host's timer, every minute. A repeat changes nothing.
	r.Post("/FollowActions", h.followActions)
	// The host's timer, every five minutes. A repeat reports no row twice.
	r.Post("/RunHunts", h.runHunts)
	// The host's queue trigger, one call for each delivery of a notice message. A notice that is sent is not sent
	// again.
	r.Post("/SendNotice", h.sendNotice)
	// Other systems with a function key, forwarded by the host. A repeat enqueues the same alerts again.
	r.Post("/api/alerts", h.receiveAlert)
	// Callers from outside with a function key, forwarded by the host. Reads, and notes when it first looked for a
	// function.
	r.Get("/api/health", h.health)
	// Anybody, forwarded by the host without a key: says only whether all is well. Reads one row, which it begins where
	// there is none.
	r.Get("/api/health/summary", h.healthSummary)
	for path, answer := range map[string]http.HandlerFunc{
		// People and their programs with a token, forwarded by the host without a key. A repeat of a command changes
		// nothing.
		"/api/operator": h.operate,
		// Browsers, forwarded by the host without a key. A repeat signs nobody in twice.
		"/api/signin": h.signIn,
		// The same, once somebody signed in. An order is done once, however often its form is sent.
		"/api/console": h.console,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r.MethodFunc(method, path, answer)
			r.MethodFunc(method, path+"/*", answer)
		}
	}

	h.router = r
	return h
}

func (o Options) withDefaults() Options {
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
	return o
}

// exact says whether the path of a request is written as it is meant. What comes from outside begins with /api/ and is
// forwarded as it was written: no dot, encoding or host name in it may make it another path. A query comes from outside
// too; the host sends none with an envelope.
func exact(r *http.Request) bool {
	path, _, query := strings.Cut(r.RequestURI, "?")
	return path == r.URL.Path && (!query || fromOutside(path))
}

// outside begins the path of every function that is called from outside.
const outside = "/api/"

// fromOutside says whether a path is one of those, in any letter case: the host takes each and forwards it as it was
// written.
func fromOutside(path string) bool {
	return len(path) >= len(outside) && lower(path[:len(outside)]) == outside
}

// routed is the path that a request is meant for. Of a function that is called from outside letter case and one slash
// at the end make no other path, as for the host; the host itself writes the paths of envelopes exactly.
func routed(path string) string {
	if !fromOutside(path) {
		return path
	}
	return strings.TrimSuffix(lower(path), "/")
}

// lower turns the letters A to Z into small ones, and no others: no foreign letter becomes one of a route.
func lower(path string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, path)
}

// ready tells the host that it may send invocations. It says nothing about what they need.
func ready(w http.ResponseWriter, _ *http.Request) {
	writeBody(w, http.StatusOK, plainJSON, []byte(`{"ready":true}`))
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusNotFound, "not_found", "there is no such function")
}
