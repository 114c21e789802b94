// Package entrasim stands in for Microsoft Entra ID on one machine: the two endpoints that a client credentials grant
// needs, with a secret or a certificate, over TLS with a CA of its own; the two that managed identities are had from;
// signed tokens that an API stand-in can check; and faults on demand. It keeps the answers, error codes and token
// claims of the real one (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
package entrasim

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The resources that every tenant knows, as their tokens name them in aud.
const (
	Defender   = "https://api.securitycenter.microsoft.com"
	Graph      = "https://graph.microsoft.com"
	ServiceBus = "https://servicebus.azure.net"
	Storage    = "https://storage.azure.com"
	Exchange   = "https://outlook.office365.com"
)

// Options are the settings of a Sim.
type Options struct {
	// Now is the clock of tokens and secrets; nil means time.Now. Certificates go by the real clock.
	Now func() time.Time
	// Apps are the app registrations; a tenant exists when an app names it.
	Apps []App
	// TokenLifetime is how long tokens are valid; 0 means an hour. MSAL serves none with less than 5 minutes left from
	// its cache.
	TokenLifetime time.Duration
	// RefreshIn is sent as refresh_in; 0 leaves it out.
	RefreshIn time.Duration

	// Identities are the managed identities of the app that AppService and IMDS serve; nil means none.
	Identities []Identity
	// IdentityHeader is the secret that AppService asks for; empty means that it lets nobody in.
	IdentityHeader string
	// IdentityLifetime is how long their tokens are valid; 0 means 24 hours.
	IdentityLifetime time.Duration
	// KeepIdentityTokens hands the same token out again for half of its life, as the platform does; false issues a new
	// one for every request, so that requests can be told apart.
	KeepIdentityTokens bool
}

// App is one app registration.
type App struct {
	TenantID string
	ClientID string
	Secret   string
	// SecretExpires is when the secret ends; zero means never.
	SecretExpires time.Time
	// Certificates are those that were uploaded to the registration; client assertions are signed with the key of one
	// of them.
	Certificates []*x509.Certificate
	// Issuers and SubjectName let in every certificate of that common name whose chain, sent along as x5c, leads to one
	// of them; nil means that only Certificates count.
	Issuers     *x509.CertPool
	SubjectName string
	// Roles are the application permissions that were granted, by resource. A resource named here is known to the
	// tenant.
	Roles map[string][]string
}

// Fault changes what the token endpoint does. The zero value is no fault.
type Fault struct {
	Status     int           // answered instead of a token: 429, 503, ...; 0 answers as usual
	RetryAfter time.Duration // sent as whole seconds; 0 leaves the header out
	Delay      time.Duration // real time before the answer, or until the client goes away
	Times      int           // how many requests are hit; 0 means all until the next SetFault
}

// Counts say what was asked of a Sim.
type Counts struct {
	Discovery int // openid-configuration
	Token     int // token requests, faults included
	Issued    int // tokens issued
	Claims    int // tokens issued for a claims challenge

	AppService, IMDS int // requests to the identity endpoints, faults included
}

// Sim is the stand-in. It is an http.Handler, to be served over TLS with TLSConfig, and safe for concurrent use.
type Sim struct {
	options Options
	mux     *http.ServeMux
	key     []byte // signs tokens
	server  tls.Certificate
	caPEM   []byte

	mu            sync.Mutex
	counts        Counts
	fault         Fault
	identityFault Fault
	platform      map[string]kept // by client id and resource
}

// New returns a Sim with fresh keys. Neither apps nor identities, and an app without tenant, client id or credential,
// are errors.
func New(o Options) (*Sim, error) {
	for i, a := range o.Apps {
		if a.TenantID == "" || a.ClientID == "" || a.Secret == "" && a.Certificates == nil && a.Issuers == nil {
			return nil, fmt.Errorf("entrasim: app %d needs a tenant id, a client id and a secret or certificate", i)
		}
	}
	for i, id := range o.Identities {
		if id.TenantID == "" || id.ClientID == "" {
			return nil, fmt.Errorf("entrasim: identity %d needs a tenant id and a client id", i)
		}
	}
	if len(o.Apps)+len(o.Identities) == 0 {
		return nil, errors.New("entrasim: no app registration and no identity given")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = time.Hour
	}
	if o.IdentityLifetime == 0 {
		o.IdentityLifetime = identityLifetime
	}
	s := &Sim{options: o, key: make([]byte, 32), mux: http.NewServeMux(), platform: map[string]kept{}}
	if _, err := rand.Read(s.key); err != nil {
		return nil, fmt.Errorf("entrasim: signing key: %w", err)
	}
	var err error
	if s.server, s.caPEM, err = newCertificates(); err != nil {
		return nil, fmt.Errorf("entrasim: certificates: %w", err)
	}
	s.mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.discovery)
	s.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.token)
	return s, nil
}

// ServeHTTP answers the two endpoints, and 404 everywhere else.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// CertPEM returns the certificate of the Sim's own CA, to be written to the file that CORDON_CA_FILE names.
func (s *Sim) CertPEM() []byte { return s.caPEM }

// TLSConfig returns what an http.Server needs to serve the Sim on 127.0.0.1, ::1 or localhost.
func (s *Sim) TLSConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{s.server}, MinVersion: tls.VersionTLS12}
}

// SetFault makes the token endpoint misbehave from now on; Fault{} ends it.
func (s *Sim) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Counts returns what was asked so far.
func (s *Sim) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

func (s *Sim) count(add func(*Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.counts)
}

// nextFault counts a token request and returns the fault that hits it.
func (s *Sim) nextFault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Token++
	return s.fault.take()
}

// take returns the fault for one request and counts it down.
func (f *Fault) take() Fault {
	now := *f
	if f.Times == 1 {
		*f = Fault{}
	} else if f.Times > 1 {
		f.Times--
	}
	return now
}

func (s *Sim) hasTenant(id string) bool {
	for _, a := range s.options.Apps {
		if strings.EqualFold(a.TenantID, id) {
			return true
		}
	}
	return false
}

func (s *Sim) app(tenant, client string) (App, bool) {
	for _, a := range s.options.Apps {
		if strings.EqualFold(a.TenantID, tenant) && strings.EqualFold(a.ClientID, client) {
			return a, true
		}
	}
	return App{}, false
}
