// Package pages has people sign in with a browser, and says who sits in front of one: authorization code with PKCE at
// Microsoft Entra, then a cookie that means nothing by itself. Sessions.Who is what every page asks.
//
// What begins a sign-in (state, nonce, verifier) lies in a cookie of ten minutes. The session is a row of the ledger,
// which holds the digest of what the browser has. Both cookies are sealed with a key of the ledger that each process
// reads once: so a made-up one costs no call to anybody, and one of another deployment is as good as none.
//
// Neighbours: handler/trigger passes requests on, handler/signin proves id tokens, handler/ledger/sessions keeps rows.
package pages

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"cordon/handler/ledger/sessions"
	"cordon/handler/logging"
	"cordon/handler/operate/wire"
	"cordon/handler/signin"
)

// Ledger keeps who signed in.
type Ledger interface {
	// Key is what cookies are sealed with.
	Key(ctx context.Context) (string, error)
	Begin(ctx context.Context, id string, s sessions.Session) (fresh bool, err error)
	Find(ctx context.Context, id string) (sessions.Session, bool, error)
	Use(ctx context.Context, id string, now time.Time) error
	End(ctx context.Context, id string, now time.Time, why string) (first bool, err error)
}

// Authority signs people in.
type Authority interface {
	// Authorize is where a browser is sent.
	Authorize(more url.Values) string
	// Redeem turns the code that it comes back with into an id token. An error that may pass has a method RetryIn.
	Redeem(ctx context.Context, code, redirect, verifier string) (idToken string, err error)
}

// Proof says whose an id token is.
type Proof interface {
	IDToken(ctx context.Context, token, nonce string) (signin.Person, error)
}

// Options are the parts and settings of Sessions, all of them set.
type Options struct {
	AppURL    *url.URL // where people reach the app; the Host header is never used
	Tenant    string
	ClientID  string // of the registration that people sign in to
	Version   string // of Cordon
	Authority Authority
	Proof     Proof
	Ledger    Ledger
	Log       *slog.Logger
	Now       func() time.Time
}

// Sessions signs people in and out, and says who they are. It is safe for concurrent use.
type Sessions struct {
	o       Options
	seals   seals
	slots   chan struct{} // holds an entry for each code that is being redeemed
	refused logging.Seldom
}

// The paths of the pages. Home is where people land who came from nowhere.
const (
	under    = "/api/signin/"
	callback = under + "callback"
	self     = under + "me"
	home     = "/api/console"
)

// atOnce is how many codes are redeemed at the same time: whoever begins a sign-in may send any code.
const atOnce = 8

// New makes Sessions. It makes no request.
func New(o Options) *Sessions {
	return &Sessions{
		o: o,
		seals: seals{
			read:    o.Ledger.Key,
			now:     o.Now,
			context: o.AppURL.String(),
		},
		slots: make(chan struct{}, atOnce),
	}
}

// ServeHTTP answers the pages of sign-in.
func (s *Sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET " + under + "start":
		s.start(w, r)
	case "GET " + callback:
		s.callback(w, r)
	case "POST " + under + "out":
		s.signOut(w, r)
	case "GET " + under + "out":
		page(w, http.StatusOK, "Signed out", "You have signed out of Cordon.")
	case "GET " + self:
		s.me(w, r)
	default:
		s.refuse(w, r, wire.NewProblem(http.StatusNotFound, "not_found", "there is no such page"))
	}
}

// me says who is signed in.
func (s *Sessions) me(w http.ResponseWriter, r *http.Request) {
	who, err := s.Who(r.Context(), r, signin.Looking)
	if err != nil {
		s.refuse(w, r, problem(err))
		return
	}
	answer(w, wire.Me{
		Name:     who.Name,
		ObjectID: who.ObjectID,
		Tenant:   who.Tenant,
		Roles:    who.Roles,
		Until:    who.Until,
		Version:  s.o.Version,
	})
}
