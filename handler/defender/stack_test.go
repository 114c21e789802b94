package defender_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/defender"
	"cordon/handler/entra"
	"cordon/handler/httpretry"
	"cordon/handler/machine"
	"cordon/local/entrasim"
)

const (
	tenant = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"
	secret = "s3cret~Value.of_the-app"
)

// stack is the client as the program builds it: over httpretry, over entra, over TCP.
type stack struct {
	client *defender.Client
	entra  *entrasim.Sim

	mu     sync.Mutex
	tokens map[string]bool // that the API was shown
	calls  map[string]int  // by Budget's key
}

// newStack builds a stack whose app has appSecret, in front of an API that answers by answer.
func newStack(t *testing.T, appSecret string, answer http.HandlerFunc) *stack {
	t.Helper()
	sim, err := entrasim.New(entrasim.Options{Apps: []entrasim.App{{
		TenantID: tenant,
		ClientID: appID,
		Secret:   secret,
		Roles:    map[string][]string{entrasim.Defender: {"Machine.Isolate"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{entra: sim, tokens: map[string]bool{}, calls: map[string]int{}}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := sim.Verify(token); err != nil {
			t.Errorf("%s came with a token that is none: %v", r.URL.Path, err)
		}
		key, _ := defender.Budget(r)
		s.mu.Lock()
		s.tokens[token] = true
		s.calls[key]++
		s.mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	authority := httptest.NewUnstartedServer(sim)
	authority.TLS = sim.TLSConfig()
	authority.Config.ErrorLog = log.New(io.Discard, "", 0)
	authority.StartTLS()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(sim.CertPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		api.Close()
		authority.Close()
	})
	source, err := entra.New(entra.Options{
		TenantID:     tenant,
		ClientID:     appID,
		Secret:       entra.Secret(appSecret),
		AuthorityURL: "https://" + authority.Listener.Addr().String(),
		HTTPClient:   &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	lacks := func(ctx context.Context, permission string) bool {
		return entra.Lacks(ctx, source, entrasim.Defender+"/.default", permission)
	}
	s.client = defender.New(defender.Options{
		Base:   base,
		SendBy: httpretry.SendBy,
		Lacks:  lacks,
		HTTP: &http.Client{Transport: httpretry.New(httpretry.Options{
			Base: &entra.Transport{
				Base:        transport,
				Source:      source,
				Scope:       entrasim.Defender + "/.default",
				AllowedHost: base.Host,
			},
			Budget:  defender.Budget,
			MaxWait: time.Nanosecond, // no test waits for a repeat
		})},
	})
	return s
}

func drop(w http.ResponseWriter, _ *http.Request) {
	if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = connection.(*net.TCPConn).SetLinger(0)
		connection.Close()
	}
}

func TestFateAndSecretsSurviveTheWholeStack(t *testing.T) {
	t.Parallel()
	refuse := func(status int, file string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			// What a careless gateway would echo.
			w.WriteHeader(status)
			_, _ = io.WriteString(w,
				strings.Replace(fixture(t, file), `"message": "`, `"message": "`+r.Header.Get("Authorization")+" ", 1))
		}
	}
	for name, tt := range map[string]struct {
		secret    string
		fault     entrasim.Fault
		answer    http.HandlerFunc
		read, act machine.Trouble
		after     time.Duration // at least; 0: none
	}{
		"token refused": {
			secret, entrasim.Fault{}, refuse(401, "error_401_unauthorized.json", "WWW-Authenticate", "Bearer"),
			machine.Denied, machine.Denied, 0,
		},
		"permission missing": {
			secret, entrasim.Fault{}, refuse(403, "error_403_forbidden.json"), machine.Denied, machine.Denied, 0,
		},
		"quota used up": {
			secret, entrasim.Fault{}, refuse(429, "error_429_per_hour.json", "Retry-After", "1804"), machine.Transient,
			machine.Transient, 1700 * time.Second,
		},
		"API down": {
			secret, entrasim.Fault{}, refuse(500, "error_500.json"), machine.Transient, machine.UnknownFate, 0,
		},
		"connection reset": {secret, entrasim.Fault{}, drop, machine.Transient, machine.UnknownFate, 0},
		"answer is no JSON": {secret, entrasim.Fault{}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>")
		}, machine.Transient, machine.UnknownFate, 0},
		"client secret wrong": {"wrong-" + secret, entrasim.Fault{}, drop, machine.Denied, machine.Denied, 0},
		"authority asks to be spared": {
			secret, entrasim.Fault{Status: 429, RetryAfter: 90 * time.Second}, drop, machine.Transient,
			machine.Transient, 60 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, tt.secret, tt.answer)
			s.entra.SetFault(tt.fault)
			reads, acts := every(t.Context(), s.client)
			for want, errs := range map[*machine.Trouble]map[string]error{&tt.read: reads, &tt.act: acts} {
				for method, err := range errs {
					trouble, after := machine.TroubleOf(err)
					if trouble != *want || after < tt.after || tt.after == 0 && after != 0 {
						t.Errorf("%s: %s after %v, want %s after %v or more (%v)", method, trouble, after, *want,
							tt.after, err)
					}
					s.checkSecrets(t, err)
				}
			}
			for key, n := range s.calls {
				if strings.HasPrefix(key, "POST") && n != 1 {
					t.Errorf("%s was sent %d times", key, n)
				}
			}
		})
	}
}

// checkSecrets holds that an error shows no token, client secret or query.
func (s *stack) checkSecrets(t *testing.T, err error) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	hidden := append(slices.Collect(maps.Keys(s.tokens)), secret, url.QueryEscape(secret), "eyJ", "filter", "%20",
		"lastUpdateTime", "$top", "IsolationType")
	for _, h := range hidden {
		if strings.Contains(err.Error(), h) {
			t.Errorf("%.20q is in the error %q", h, err)
		}
	}
}

// TestWhatTheTokenLacksIsAPermissionWhateverTheAPISays has the API word every refusal alike; the app holds
// Machine.Isolate alone.
func TestWhatTheTokenLacksIsAPermissionWhateverTheAPISays(t *testing.T) {
	t.Parallel()
	s := newStack(t, secret, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":{"code":"Forbidden","message":"No."}}`)
	})
	for kind, want := range map[machine.ActionType]machine.Trouble{
		machine.Isolate:   machine.Refused,
		machine.Unisolate: machine.Refused,
		machine.Scan:      machine.Denied,
	} {
		_, err := s.client.Act(t.Context(), machineID, wanted(kind))
		if trouble, _ := machine.TroubleOf(err); trouble != want ||
			strings.Contains(err.Error(), "grant the application permission Machine.Scan") != (want == machine.Denied) {
			t.Errorf("%s: %s, want %s: %v", kind, trouble, want, err)
		}
		s.checkSecrets(t, err)
	}
}

func TestPausedEndpointTellsTheCallerHowLong(t *testing.T) {
	t.Parallel()
	s := newStack(t, secret, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1804")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	for call := range 3 {
		_, err := s.client.Act(t.Context(), machineID, machine.Request{
			Type:    machine.Isolate,
			Scope:   machine.Full,
			Comment: "why",
			SendBy:  time.Now().Add(time.Minute),
		})
		if trouble, after := machine.TroubleOf(err); trouble != machine.Transient || after < 30*time.Minute ||
			after > 1804*time.Second {
			t.Errorf("call %d: %s after %v, want transient after half an hour (%v)", call, trouble, after, err)
		}
	}
	if n := s.calls["POST /api/machines/{id}/isolate"]; n != 1 {
		t.Errorf("%d requests reached the paused endpoint, want the first one alone", n)
	}
}

func TestNothingIsSentAfterTheTimeGiven(t *testing.T) {
	t.Parallel()
	s := newStack(t, secret, drop)
	_, err := s.client.Act(t.Context(), machineID, machine.Request{
		Type:    machine.Isolate,
		Scope:   machine.Full,
		Comment: "why",
		SendBy:  time.Now().Add(-time.Second),
	})
	if trouble, _ := machine.TroubleOf(err); trouble != machine.Transient || len(s.calls) != 0 {
		t.Errorf("%v (%s) after %v", err, trouble, s.calls)
	}
}

func TestWholeSurfaceWorksOverTheWholeStack(t *testing.T) {
	t.Parallel()
	s := newStack(t, secret, func(w http.ResponseWriter, r *http.Request) {
		file := map[string]string{
			"/api/alerts":                "alert_list_page.json",
			"/api/alerts/" + alertID:     "alert.json",
			"/api/machines":              "machine_list_page.json",
			"/api/machines/" + machineID: "machine.json",
			"/api/machineactions":        "machineaction_list.json",
		}[r.URL.Path]
		if file == "" {
			file = "machineaction_pending.json"
		}
		_, _ = io.WriteString(w, fixture(t, file))
	})
	reads, acts := every(t.Context(), s.client)
	maps.Copy(reads, acts)
	for method, err := range reads {
		if err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	if issued := s.entra.Counts().Issued; issued != 1 {
		t.Errorf("%d tokens for %d calls, want one", issued, len(reads))
	}
}
