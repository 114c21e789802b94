// Package graphsim stands in for Microsoft Graph's sendMail and runHuntingQuery on one machine: permissions and the two
// ways to scope them, the limits of a mailbox, MIME as it is sent, and faults on demand. What it accepts is in an inbox
// that tests and people read. It follows the vendor's pages (https://learn.microsoft.com/graph/api/user-sendmail,
// https://learn.microsoft.com/graph/throttling-limits) and, where those are silent, what was observed of the service.
// Only the MIME form of a request is there, not the JSON one.
package graphsim

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/local/inbox"
	"cordon/local/internal/graphapi"
)

// The limits of one mailbox, as they are documented or, for the first, told of by the vendor's people. What Exchange
// does with more than 30 mails a minute is said in two ways, that it is late and that it is refused; the Sim refuses
// it.
const (
	documentedPerMinute  = 30
	documentedConcurrent = 4
	documentedMaxRequest = 4 << 20

	// Of hunting queries ("Advanced hunting quotas and usage limits"): a minute and tenant, and of one result.
	documentedHuntingPerMinute = 45
	documentedHuntingRows      = 100_000
	documentedHuntingBytes     = 50 << 20
)

// Claims are what a token says about its bearer.
type Claims = graphapi.Claims

// Options are the settings of a Sim. The zero value is usable: every caller may send from every mailbox within the
// limits. Functions in it must not call the Sim.
type Options struct {
	Now   func() time.Time // clock of the limit per minute; nil: time.Now
	Inbox *inbox.Inbox     // where mails are kept; nil: one of its own, with Now
	// Verify reads a bearer token, given without "Bearer "; an error is answered with 401. Nil: every caller may do
	// all.
	Verify   func(token string) (Claims, error)
	Audience string // what a token must be for; empty: anything
	// Mailboxes are those that exist; nil: every address.
	Mailboxes []string
	// AccessPolicy are the mailboxes that an application access policy restricts the app to; nil: there is no policy.
	// It restricts only what Mail.Send, granted in Entra, allows.
	AccessPolicy []string
	// RoleScope are the mailboxes of the scope that the app has the role "Application Mail.Send" in (RBAC for
	// Applications in Exchange). Grants add up: it takes nothing from Mail.Send granted in Entra.
	RoleScope []string
	// PerMinute, Concurrent and MaxRequest (bytes) are the limits of a mailbox; 0: as documented, below 0: none.
	PerMinute, Concurrent, MaxRequest int
	// HuntingPerMinute is the tenant's quota of hunting queries; 0: as documented, below 0: none.
	HuntingPerMinute int
	// HuntingRows and HuntingBytes (of the answer) are the limits of one hunting result; 0: as documented, below 0:
	// none. Rows beyond the first are left out without a word, an answer beyond the second is refused.
	HuntingRows, HuntingBytes int
	// UpperSchema writes the names in a result's schema as Name and Type, as one of the vendor's samples does.
	UpperSchema bool
	// InvalidRecipient names recipients for which a whole mail is refused; nil: none.
	InvalidRecipient func(address string) bool
	// OwnHeaders replaces the Message-ID by one of Exchange's own and drops the headers that Exchange was seen to drop.
	// Neither is documented; a client must live with both.
	OwnHeaders bool
}

// Fault changes what happens to one request.
type Fault = graphapi.Fault

func (o Options) gate() graphapi.Gate { return graphapi.Gate{Verify: o.Verify, Audience: o.Audience} }

// Call is one request.
type Call struct {
	Mailbox string
	Bytes   int // of the body
	Status  int // 0: the answer was lost on purpose
	Code    string
}

// Sim is the stand-in: an http.Handler for Graph's root. It is safe for concurrent use.
type Sim struct {
	*inbox.Inbox
	o   Options
	mux *http.ServeMux

	mu    sync.Mutex
	calls []Call
	boxes map[string]*box
	fault func(*http.Request) *Fault

	tables []cannedTable
	hunts  []HuntingCall
	hunted []time.Time // hunting calls of the last minute
}

// box is what is known of a mailbox's limits.
type box struct {
	seen []time.Time // requests of the last minute
	open int         // requests under way
	most int         // that were ever under way at once
}

// New returns a Sim without any mail.
func New(o Options) *Sim {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Inbox == nil {
		o.Inbox = inbox.New(o.Now)
	}
	for limit, documented := range map[*int]int{
		&o.PerMinute:        documentedPerMinute,
		&o.Concurrent:       documentedConcurrent,
		&o.MaxRequest:       documentedMaxRequest,
		&o.HuntingPerMinute: documentedHuntingPerMinute,
		&o.HuntingRows:      documentedHuntingRows,
		&o.HuntingBytes:     documentedHuntingBytes,
	} {
		if *limit == 0 {
			*limit = documented
		}
	}
	s := &Sim{Inbox: o.Inbox, o: o, mux: http.NewServeMux(), boxes: map[string]*box{}}
	s.mux.HandleFunc("POST /v1.0/users/{mailbox}/sendMail", s.sendMail)
	s.mux.HandleFunc("POST /v1.0/security/runHuntingQuery", s.runHuntingQuery)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		graphapi.Refuse(w, graphapi.No(http.StatusNotFound, "ResourceNotFound", "Resource not found for the segment."),
			0)
	})
	return s
}

// ServeHTTP answers one request.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// SetFault asks for a fault before each request from now on, maybe several at once; nil, as its result, means no fault.
func (s *Sim) SetFault(fault func(*http.Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Calls returns every request so far, in the order of their answers.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// MostAtOnce is how many requests for a mailbox were under way at the same time.
func (s *Sim) MostAtOnce(mailbox string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.box(mailbox).most
}

// box returns what is known of a mailbox. The caller holds the lock.
func (s *Sim) box(mailbox string) *box {
	name := strings.ToLower(mailbox)
	if s.boxes[name] == nil {
		s.boxes[name] = &box{}
	}
	return s.boxes[name]
}

func (s *Sim) faults() func(*http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

func (s *Sim) record(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
}
