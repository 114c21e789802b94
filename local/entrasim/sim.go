// Package entrasim stands in for Microsoft Entra ID on one machine: what apps need to get tokens for themselves, with a
// secret, a certificate or a managed identity; what people need to sign in at apps, by authorization code or device
// code, except that they are chosen and not asked for a password; over TLS with a CA of its own. Tokens are signed by
// keys that rotate and are published; API stand-ins can check them, and tests can have ones that are wrong in one way.
// There are faults on demand. It keeps the answers, error codes and token claims of the real one
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
package entrasim

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"cordon/local/entrasim/keys"
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

	// People are those who can sign in.
	People []Person
	// DeviceInterval is how long a client with a device code is told to wait between questions; 0 means 5 seconds.
	DeviceInterval time.Duration

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
	Keys      int // the keys that tokens are signed by
	Token     int // token requests, faults included
	Issued    int // tokens issued
	Claims    int // tokens issued for a claims challenge

	AppService, IMDS int // requests to the identity endpoints, faults included
}

// Sim is the stand-in. It is an http.Handler, to be served over TLS with TLSConfig, and safe for concurrent use.
type Sim struct {
	options Options
	mux     *http.ServeMux
	keys    *keys.Ring
	people  *directory
	server  tls.Certificate
	caPEM   []byte

	codes    pending[authorization]
	refresh  pending[grant]
	devices  pending[*device]
	sessions pending[session]

	mu            sync.Mutex
	at            string
	counts        Counts
	fault         Fault
	identityFault Fault
	platform      map[string]kept // by client id and resource
}

// New returns a Sim with a fresh key. Neither apps nor identities, and an app without tenant, client id or credential,
// are errors.
func New(o Options) (*Sim, error) {
	if err := checkOptions(o); err != nil {
		return nil, err
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
	if o.DeviceInterval == 0 {
		o.DeviceInterval = 5 * time.Second
	}
	s := &Sim{
		options:  o,
		mux:      http.NewServeMux(),
		keys:     keys.New(),
		people:   newDirectory(o.People),
		platform: map[string]kept{},
	}
	var err error
	if s.server, s.caPEM, err = newCertificates(); err != nil {
		return nil, fmt.Errorf("entrasim: certificates: %w", err)
	}
	s.mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.discovery)
	s.mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", s.publish)
	s.mux.HandleFunc("GET /{tenant}/oauth2/v2.0/authorize", s.authorize)
	s.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/authorize", s.authorize)
	s.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/devicecode", s.deviceCode)
	s.mux.HandleFunc("GET /{tenant}"+devicePath, s.approveDevice)
	s.mux.HandleFunc("POST /{tenant}"+devicePath, s.approveDevice)
	s.mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.token)
	return s, nil
}

// At says where the Sim is reached, scheme, host and port: tokens of version 2.0 name it as their issuer. Without it a
// request's Host counts, and tokens that nobody requests there are the public cloud's.
func (s *Sim) At(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = strings.TrimSuffix(url, "/")
}

// Rotate has tokens signed by a new key from now on; the old ones stay published until RetireKeys.
func (s *Sim) Rotate() { s.keys.Rotate() }

// RetireKeys ends every key but the one that signs: tokens by the others are believed no more.
func (s *Sim) RetireKeys() { s.keys.Retire() }

// ServeHTTP answers the endpoints, and 404 everywhere else.
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
