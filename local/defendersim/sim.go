// Package defendersim stands in for the Microsoft Defender for Endpoint API on one machine: alerts, machines and
// machine actions that change over time, permissions, quotas and faults. What it accepted is the truth that a run is
// judged by. It follows the vendor's pages (https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list) and,
// where those are silent, what was observed of the service. In process it is controlled and inspected by the methods of
// Sim.
package defendersim

import (
	"compress/gzip"
	"io"
	"net/http"
	"sync"
	"time"
)

// Options are the settings of a Sim. The zero value is a usable API without permissions, with the documented quotas.
// Functions in it must not call the Sim.
type Options struct {
	// Now is the clock of everything but waiting; nil means time.Now.
	Now func() time.Time
	// Verify reads a bearer token, given without "Bearer "; an error is answered with 401. Nil: every caller may do
	// all.
	Verify func(token string) (Claims, error)
	// Audience is what a token must be for; empty means that any will do.
	Audience string
	// Quotas are the limits on calls; nil means DocumentedQuotas, &Quotas{} means none.
	Quotas *Quotas
	// QuotaError picks the body of 429.
	QuotaError QuotaError
	// ListLag is how much later than by id a new alert or machine action appears in lists.
	ListLag time.Duration
	// ActionDelay says how a machine carries an action out, both times counted from the creation: it is in progress
	// after toInProgress and ends after toFinal as final, empty for Succeeded. A final of Pending or InProgress is
	// where the action stays. Nil: in progress after 1 s, Succeeded after 3 s. A machine that is offline does not get
	// this far; when it comes back, this is asked again and the times count from then.
	ActionDelay func(machineID, actionType string) (toInProgress, toFinal time.Duration, final Status)
	// Lift is how long an isolation stands before the service lifts it by itself; no action says so. 0: it stands for
	// ever.
	Lift time.Duration
	// Duplicates is what becomes of a request while the machine has an open action of the same type.
	Duplicates DuplicateRule
	// NotFoundWhenEmpty answers an empty list of machines with 404, as the List machines API page says.
	NotFoundWhenEmpty bool
	// ShuffleAlerts lists alerts in an order without meaning, the same for every page, instead of newest first.
	ShuffleAlerts bool
	// BrokenNextLink adds a nextLink to every list without $top; following it never ends.
	BrokenNextLink bool
	// Seed determines ids and the shuffled order.
	Seed uint64
	// ResponseDelay is real time between the handling of a request and its answer.
	ResponseDelay time.Duration
	// Fault is asked before each request, and may be called by several at once; nil, as its result, means no fault. It
	// must not read the body. SetFault replaces it.
	Fault func(*http.Request) *Fault
}

// Fault changes what happens to one request. The zero value is no fault.
type Fault struct {
	// Status is answered instead of handling the request, which spends no quota; 0 handles it.
	Status int
	// RetryAfter is sent with Status as whole seconds, rounded up; 0 leaves the header out.
	RetryAfter time.Duration
	// Body is sent with Status; empty means the API's error of that status.
	Body string
	// ResetAfterHandling handles the request and resets the connection instead of answering.
	ResetAfterHandling bool
	// CutBodyAfter is how many bytes of the answer's body, as sent, come before the connection breaks; 0 means all.
	CutBodyAfter int
	// Delay is real time between the handling and the answer, or until the client goes away.
	Delay time.Duration
}

// Sim is the stand-in. It is safe for concurrent use.
type Sim struct {
	o         Options
	endpoints []endpoint
	ids       *idSource
	quotas    *quotas
	gzips     sync.Pool

	mu         sync.Mutex
	machines   []*Machine // replaced, never changed, so that lists can be written without the lock
	machineAt  map[string]int
	alerts     []alertStates // of each alert; what is in it is like machines
	alertAt    map[string]int
	hidden     map[string]bool // ids of alerts that are lost to this API
	lag        time.Duration   // how long ago the alerts were as they are shown
	actions    []*action
	actionAt   map[string]int
	onMachine  map[string][]*action
	failNext   map[string]int
	duplicates map[string]int // requests that met an open action of their type, by type
	calls      []Call
	fault      func(*http.Request) *Fault
}

// New returns a Sim of an empty tenant.
func New(o Options) *Sim {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Quotas == nil {
		documented := DocumentedQuotas()
		o.Quotas = &documented
	}
	if o.ActionDelay == nil {
		o.ActionDelay = func(string, string) (time.Duration, time.Duration, Status) {
			return time.Second, 3 * time.Second, Succeeded
		}
	}
	return &Sim{
		o:         o,
		endpoints: endpoints(),
		ids:       newIDSource(o.Seed),
		quotas:    newQuotas(*o.Quotas),
		fault:     o.Fault,
		gzips: sync.Pool{New: func() any {
			z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
			if err != nil {
				panic(err) // the level is one of gzip's own
			}
			return z
		}},
		machineAt:  map[string]int{},
		alertAt:    map[string]int{},
		hidden:     map[string]bool{},
		actionAt:   map[string]int{},
		onMachine:  map[string][]*action{},
		failNext:   map[string]int{},
		duplicates: map[string]int{},
	}
}

// tick is the resolution of the API's clock.
const tick = 100 * time.Nanosecond

// now is the time as the API could tell it.
func (s *Sim) now() time.Time { return s.o.Now().UTC().Truncate(tick) }

// Handler serves the API under /api and /api/v1.0.
func (s *Sim) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// serve handles a request, records it, and only then answers: a client that has an answer finds the call in Calls.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request) {
	fault := s.nextFault(r)
	q, refused := s.read(r)
	var a answer
	switch {
	case fault.Status != 0:
		a = s.faulty(fault)
	case refused != nil:
		a = *refused
	default:
		a = s.handle(q)
	}
	lost := fault.ResetAfterHandling || fault.CutBodyAfter > 0
	s.record(Call{
		At:       q.at,
		AppID:    q.claims.AppID,
		Method:   r.Method,
		Path:     r.URL.Path,
		Endpoint: q.endpoint.name,
		Query:    q.query,
		Comment:  commentOf(q.body),
		Status:   a.status,
		Lost:     lost,
	})
	if !wait(r.Context().Done(), s.o.ResponseDelay+fault.Delay) {
		return
	}
	if fault.ResetAfterHandling {
		reset(w)
		return
	}
	s.write(w, r, q.at, a, fault.CutBodyAfter)
}

// handle checks what every endpoint checks, and then asks the endpoint.
func (s *Sim) handle(q *request) answer {
	switch {
	case q.endpoint.serve == nil:
		return s.fail(http.StatusNotFound, "NotFound",
			"No HTTP resource was found that matches the request "+q.method+" "+q.path)
	case !q.known:
		a := s.fail(http.StatusUnauthorized, "Unauthorized", "Unauthorized (invalid or expired authorization header).")
		a.challenge = true
		return a
	}
	if over, limit := s.quotas.take(q.claims.AppID, q.endpoint.name, q.at); over > 0 {
		return s.overQuota(over, limit)
	}
	if s.o.Verify != nil && !q.claims.hasAny(q.endpoint.roles) {
		return s.forbidden(q.endpoint.roles)
	}
	return q.endpoint.serve(s, q)
}

func (s *Sim) nextFault(r *http.Request) Fault {
	s.mu.Lock()
	next := s.fault
	s.mu.Unlock()
	if next == nil {
		return Fault{}
	}
	if f := next(r); f != nil {
		return *f
	}
	return Fault{}
}

// wait lets real time pass and reports false if the client goes away first.
func wait(gone <-chan struct{}, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-gone:
		return false
	case <-timer.C:
		return true
	}
}
