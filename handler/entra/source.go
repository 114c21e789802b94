// Package entra gets tokens from Microsoft Entra ID on MSAL for Go, puts them on requests, and answers claims
// challenges. Whose tokens: an app registration's, by secret or certificate (client credentials grant), or a managed
// identity's. It repeats nothing: whether an error may be tried again stands in the *Error.
package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// requestTimeout bounds one token request, which outlives the calls that wait for it.
	requestTimeout = 30 * time.Second
	// refreshEarly is how long before its end a token is renewed when the authority names no time. MSAL serves no token
	// from its cache that has less left than this.
	refreshEarly = 5 * time.Minute
	// minLeft is how long a token must still be valid to be handed out.
	minLeft = 30 * time.Second
	// refreshPause is the least time between two renewals of a token that is still valid.
	refreshPause = 30 * time.Second
)

// Options are the settings of a Source. With a Secret or a Certificate it is an app registration; without both it is a
// managed identity of the machine that the program runs on, which has a tenant of its own and knows its authority.
type Options struct {
	TenantID    string // id or domain name; not common, organizations or consumers
	ClientID    string // of the app registration, or of the user-assigned identity; empty: the system-assigned identity
	Secret      Secret
	Certificate *Certificate // of ReadCertificate
	// ClientIDSetting names the setting that ClientID comes from, for errors; empty means CORDON_CLIENT_ID.
	ClientIDSetting string
	// AuthorityURL is scheme and host of the authority; empty means https://login.microsoftonline.com. It must be
	// https, for MSAL takes nothing else.
	AuthorityURL string
	// HTTPClient sends the token requests; nil means a plain client. It is copied and follows no redirects: they would
	// carry the secret elsewhere.
	HTTPClient *http.Client
}

// Token is an access token.
type Token struct {
	Value     Secret
	ExpiresAt time.Time
	RefreshAt time.Time // from here on a Source renews it in the background; never zero
}

// TokenSource hands out tokens; Source is the one that talks to Entra.
type TokenSource interface {
	// Token returns a token for scope ("https://host/.default").
	Token(ctx context.Context, scope string) (Token, error)
	// TokenForClaims returns a new token that has claims, the JSON of a claims challenge.
	TokenForClaims(ctx context.Context, scope, claims string) (Token, error)
}

// Source gets tokens and keeps them in memory until they end. It is safe for concurrent use and needs no closing; a
// token request under way ends by itself within 30 s.
type Source struct {
	tenant string
	// identity holds what is secret in functions only, so that nothing that prints a Source by reflection can show it.
	identity identity

	mu      sync.Mutex
	scopes  map[string]*held
	flights map[request]*flight
}

// held is what is known of one scope.
type held struct {
	token   Token
	notTill time.Time // no renewal of a valid token before
	err     *Error    // the authority asked to be left alone until errTill
	errTill time.Time
}

// request is what a token request asks for; equal requests at the same time are one.
type request struct{ scope, claims string }

// flight is one token request under way. Its result may be read once done is closed.
type flight struct {
	done  chan struct{}
	token Token
	err   error
}

// New returns a Source. It makes no request; the error names the setting that is wrong.
func New(o Options) (*Source, error) {
	who, err := identityOf(o)
	if err != nil {
		return nil, err
	}
	return &Source{
		tenant:   o.TenantID,
		identity: who,
		scopes:   map[string]*held{},
		flights:  map[request]*flight{},
	}, nil
}

func (o Options) clientIDSetting() string {
	if o.ClientIDSetting == "" {
		return "CORDON_CLIENT_ID"
	}
	return o.ClientIDSetting
}

// Identity says whose tokens these are, for people.
func (s *Source) Identity() string { return s.identity.name }

// Format prints tenant and identity and nothing secret for every verb.
func (s *Source) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "entra.Source(tenant %s, %s)", s.tenant, s.identity.name)
}

// Token returns a token for scope that is valid for at least 30 s. One that is due for renewal is returned all the same
// while a renewal starts in the background. Callers that find no token share one request, which goes on when one of
// them gives up. Errors are an *Error, or the context's when it ends first; calling again is always safe.
func (s *Source) Token(ctx context.Context, scope string) (Token, error) {
	if scope == "" {
		return Token{}, errors.New("entra: no scope given: want the API's audience with /.default at its end")
	}
	s.mu.Lock()
	h, now := s.held(scope), time.Now()
	if h.token.Value != "" && now.Add(minLeft).Before(h.token.ExpiresAt) {
		if now.After(h.token.RefreshAt) && !now.Before(h.notTill) {
			s.fly(request{scope: scope})
		}
		token := h.token
		s.mu.Unlock()
		return token, nil
	}
	if h.err != nil && now.Before(h.errTill) {
		err := *h.err
		err.RetryAfter = h.errTill.Sub(now)
		s.mu.Unlock()
		return Token{}, &err
	}
	f := s.fly(request{scope: scope})
	s.mu.Unlock()
	return f.wait(ctx, scope)
}

// TokenForClaims returns a new token for scope that satisfies claims, the decoded JSON of a claims challenge. From then
// on Token returns it too. Equal requests at the same time are one. Errors are those of Token.
func (s *Source) TokenForClaims(ctx context.Context, scope, claims string) (Token, error) {
	if scope == "" || claims == "" {
		return Token{}, errors.New("entra: a token for claims needs both scope and claims")
	}
	s.mu.Lock()
	f := s.fly(request{scope: scope, claims: claims})
	s.mu.Unlock()
	return f.wait(ctx, scope)
}

// held returns the entry of scope. The caller holds the lock.
func (s *Source) held(scope string) *held {
	h := s.scopes[scope]
	if h == nil {
		h = &held{}
		s.scopes[scope] = h
	}
	return h
}

// fly starts the request, or finds it under way. The caller holds the lock.
func (s *Source) fly(r request) *flight {
	if f := s.flights[r]; f != nil {
		return f
	}
	f := &flight{done: make(chan struct{})}
	s.flights[r] = f
	go s.land(r, f)
	return f
}

// land makes the request and keeps its result. Its context is nobody's: neither the end of the call that started it nor
// the httptrace hooks of that call's own request may reach it.
func (s *Source) land(r request, f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	result, err := s.identity.ask(ctx, r.scope, r.claims)

	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flights, r)
	defer close(f.done)
	h, now := s.held(r.scope), time.Now()
	h.notTill = now.Add(refreshPause)
	if err != nil {
		e := s.identity.describe(err, r.scope)
		if e.RetryAfter > 0 {
			h.err = e
			h.errTill = now.Add(e.RetryAfter)
			h.notTill = now.Add(max(refreshPause, e.RetryAfter))
		}
		f.err = e
		return
	}
	f.token = Token{
		Value:     Secret(result.AccessToken),
		ExpiresAt: result.ExpiresOn,
		RefreshAt: result.Metadata.RefreshOn,
	}
	if f.token.RefreshAt.IsZero() {
		f.token.RefreshAt = f.token.ExpiresAt.Add(-refreshEarly)
	}
	h.token = f.token
}

func (f *flight) wait(ctx context.Context, scope string) (Token, error) {
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return Token{}, fmt.Errorf("entra: waiting for a token for %s: %w", scope, context.Cause(ctx))
	}
}
