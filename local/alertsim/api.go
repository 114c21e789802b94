// Package alertsim stands in for alerts_v2 of Microsoft Graph on one machine: the alerts of a tenant of Defender for
// Endpoint as Graph shows them, alerts of other products beside them, permissions, the quota, and faults on demand. It
// follows the vendor's pages (https://learn.microsoft.com/graph/api/security-list-alerts_v2 and those it links to) and,
// where those are silent, what was observed of the service. What neither says is marked as an assumption.
package alertsim

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"cordon/local/defendersim"
	"cordon/local/internal/graphapi"
)

const (
	// documentedPerMinute is what an app may ask of a tenant's alerts ("Microsoft Graph service-specific throttling
	// limits").
	documentedPerMinute = 150
	// assumedPage is the size of a page that was asked for without $top. The pages do not say one.
	assumedPage = 100
	// observedPage is what $top is cut to, as seen of the service in 2026-07.
	observedPage = 1000
)

// Claims are what a token says about its bearer.
type Claims = graphapi.Claims

// Fault changes what happens to one request.
type Fault = graphapi.Fault

// Tenant is where the alerts of Defender for Endpoint are: *defendersim.Sim is one.
type Tenant interface {
	AlertsAt(t time.Time) []defendersim.Alert
	Machine(id string) (defendersim.Machine, bool)
	UpdateAlert(id string, change func(*defendersim.Alert)) error
}

// Options are the settings of a Sim. The zero value is usable: no alerts but those that are added, and every caller may
// do all. Functions in it must not call the Sim.
type Options struct {
	Tenant Tenant           // whose alerts are shown too; nil: nobody's
	Now    func() time.Time // nil: time.Now
	// Verify reads a bearer token, given without "Bearer "; an error is answered with 401. Nil: every caller may do
	// all.
	Verify    func(token string) (Claims, error)
	Audience  string        // what a token must be for; empty: anything
	PerMinute int           // quota of an app; 0: as documented, below 0: none
	Lag       time.Duration // how long ago the alerts were as they are shown; SetLag changes it
	PageSize  int           // of pages asked for without $top; 0: assumedPage
	// LargestPage is what a larger $top is cut to without a word; 0: as observed.
	LargestPage int
	// Shuffle lists alerts in an order without meaning, the same for every page, where none is asked for.
	Shuffle bool
	// NoNextLink leaves @odata.nextLink out, as was observed in 2026-07 against the page.
	NoNextLink bool
	// GraphID makes Graph's id of an alert of the tenant; nil: it is the tenant's own.
	GraphID func(id string) string
	// NoProviderID leaves providerAlertId of the tenant's alerts null.
	NoProviderID bool
	// OlderDeterminations spells determinations as the Update alert page does, not as the vendor's types do.
	OlderDeterminations bool
	// Amend changes how Graph shows an alert of the tenant; nil: not at all.
	Amend func(*Alert)
}

// Call is one request.
type Call struct {
	At       time.Time
	AppID    string // empty without a valid token
	Method   string
	Path     string
	Endpoint string // method and template, such as GET /v1.0/security/alerts_v2/{id}; empty if there is none
	Query    url.Values
	Body     string
	Status   int // what was answered, or would have been
	Code     string
	Lost     bool // a fault kept the answer, or the end of it, from the client
}

// Sim is the stand-in: an http.Handler for Graph's root. It is safe for concurrent use.
type Sim struct {
	o     Options
	words words
	mux   *http.ServeMux

	mu     sync.Mutex
	own    []ownAlert
	ownAt  map[string]int
	hidden map[string]bool
	lag    time.Duration
	asked  map[string][]time.Time // calls of the last minute, by app
	calls  []Call
	fault  func(*http.Request) *Fault
}

// New returns a Sim.
func New(o Options) *Sim {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.PerMinute = cmp.Or(o.PerMinute, documentedPerMinute)
	o.PageSize = cmp.Or(o.PageSize, assumedPage)
	o.LargestPage = cmp.Or(o.LargestPage, observedPage)
	s := &Sim{
		o:      o,
		words:  newWords(),
		mux:    http.NewServeMux(),
		ownAt:  map[string]int{},
		hidden: map[string]bool{},
		lag:    o.Lag,
		asked:  map[string][]time.Time{},
	}
	for _, e := range endpoints() {
		s.mux.HandleFunc(e.name, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, e) })
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, endpoint{}) })
	return s
}

// ServeHTTP answers one request.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// SetLag has Graph show every alert as it was so long ago, from the next request on. What is changed through Graph is
// the alert as it is.
func (s *Sim) SetLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = lag
}

// HideAlert loses an alert to Graph, or brings it back. The id is the tenant's, or that of an alert of Graph's own.
func (s *Sim) HideAlert(id string, hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden[id] = hidden
}

// SetFault asks for a fault before each request from now on, maybe several at once; nil, as its result, means no fault.
func (s *Sim) SetFault(fault func(*http.Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Dead is a fault for SetFault that answers everything with one status, until it is replaced.
func Dead(status int) func(*http.Request) *Fault {
	return func(*http.Request) *Fault { return &Fault{Status: status} }
}

// Emptied is a fault for SetFault that answers lists with nothing in them, until it is replaced.
func Emptied(*http.Request) *Fault { return &Fault{Empty: true} }

// Calls returns every request so far, in the order of their answers. A client that has its answer is among them.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
