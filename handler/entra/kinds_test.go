package entra_test

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/entra"
	"cordon/local/entrasim"
	"cordon/local/inprocess"
)

const (
	systemID       = "0a6c7f10-42a8-4e57-8f19-0c6de25a7342"
	userID         = "0a6c7f10-42a8-4e57-8f19-0c6de25a7343"
	identityHeader = "header-of-the-instance"
)

// kind is one way to be somebody, against the stand-in.
type kind struct {
	name     string
	appID    string // of the tokens
	acr      string
	lifetime time.Duration
	due      time.Duration // when a token is renewed
	env      map[string]string
	handler  func(*entrasim.Sim) http.Handler
	change   func(*testing.T, *entra.Options)
	fault    func(*entrasim.Sim, entrasim.Fault)
	requests func(entrasim.Counts) int
}

func kinds() []kind {
	appService := map[string]string{
		"IDENTITY_ENDPOINT": "http://127.0.0.1:41741/msi/token",
		"IDENTITY_HEADER":   identityHeader,
	}
	registered := kind{
		appID:    clientID,
		lifetime: time.Hour,
		due:      55 * time.Minute,
		handler:  func(s *entrasim.Sim) http.Handler { return s },
		fault:    (*entrasim.Sim).SetFault,
		requests: func(c entrasim.Counts) int { return c.Token },
	}
	managed := kind{acr: "2", lifetime: 24 * time.Hour, due: 12 * time.Hour, fault: (*entrasim.Sim).SetIdentityFault,
		requests: func(c entrasim.Counts) int { return c.AppService + c.IMDS }}
	as := func(base kind, change func(*kind)) kind { change(&base); return base }
	client := func(id string) func(*testing.T, *entra.Options) {
		return func(_ *testing.T, o *entra.Options) { o.Secret, o.ClientID = "", id }
	}
	return []kind{
		as(registered, func(k *kind) { k.name, k.acr = "client secret", "1" }),
		as(registered, func(k *kind) {
			k.name, k.acr = "certificate", "2"
			k.change = func(t *testing.T, o *entra.Options) { o.Secret, o.Certificate = "", certificate(t) }
		}),
		as(managed, func(k *kind) {
			k.name, k.appID, k.env = "system-assigned, Azure Functions", systemID, appService
			k.handler, k.change = (*entrasim.Sim).AppService, client("")
		}),
		as(managed, func(k *kind) {
			k.name, k.appID, k.env = "user-assigned, Azure Functions", userID, appService
			k.handler, k.change = (*entrasim.Sim).AppService, client(userID)
		}),
		as(managed, func(k *kind) {
			k.name, k.appID = "system-assigned, virtual machine", systemID
			k.handler, k.change = (*entrasim.Sim).IMDS, client("")
		}),
		as(managed, func(k *kind) {
			k.name, k.appID = "user-assigned, virtual machine", userID
			k.handler, k.change = (*entrasim.Sim).IMDS, client(userID)
		}),
	}
}

// each runs a test for every kind.
func each(t *testing.T, test func(t *testing.T, k kind, sim *entrasim.Sim, s *entra.Source),
	change ...func(*entrasim.Options)) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) { k.run(t, test, change...) })
	}
}

// run runs a test for the kind, under a fake clock.
func (k kind) run(t *testing.T, test func(t *testing.T, k kind, sim *entrasim.Sim, s *entra.Source),
	change ...func(*entrasim.Options)) {
	for _, name := range []string{
		"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "MSI_ENDPOINT",
		"MSI_SECRET", "IMDS_ENDPOINT",
	} {
		t.Setenv(name, k.env[name])
	}
	m := mustMaterial(t)
	synctest.Test(t, func(t *testing.T) {
		sim := authority(t, append([]func(*entrasim.Options){func(o *entrasim.Options) {
			o.Apps[0].Certificates = []*x509.Certificate{m.cert}
			o.IdentityHeader = identityHeader
			o.Identities = []entrasim.Identity{
				{TenantID: tenantID, ClientID: systemID, System: true, Roles: o.Apps[0].Roles},
				{TenantID: tenantID, ClientID: userID, Roles: o.Apps[0].Roles},
			}
		}}, change...)...)
		test(t, k, sim, k.source(t, k.handler(sim)))
	})
}

// source is a Source of the kind.
func (k kind) source(t *testing.T, handler http.Handler, change ...func(*entra.Options)) *entra.Source {
	t.Helper()
	return source(t, handler, append([]func(*entra.Options){func(o *entra.Options) {
		if k.change != nil {
			k.change(t, o)
		}
	}}, change...)...)
}

func TestEveryKindIsItselfAndAsksOnce(t *testing.T) {
	each(t, func(t *testing.T, k kind, sim *entrasim.Sim, s *entra.Source) {
		k.fault(sim, entrasim.Fault{Delay: 2 * time.Second})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { mustToken(t, s) })
		}
		wg.Wait()
		token := mustToken(t, s)
		claims, err := sim.Verify(token.Value.Reveal())
		if err != nil || claims.AppID != k.appID || claims.Audience != entrasim.Defender || claims.AppIDACR != k.acr ||
			!claims.HasRole("Machine.Isolate") {
			t.Errorf("claims %+v (%v), want a token of %s for the Defender API", claims, err, k.appID)
		}
		start := time.Now().Add(-2 * time.Second)
		if d := token.ExpiresAt.Sub(start) - k.lifetime; d < 0 || d > 3*time.Second {
			t.Errorf("expires in %v, want %v", token.ExpiresAt.Sub(start), k.lifetime)
		}
		if n := k.requests(sim.Counts()); n != 1 {
			t.Errorf("eleven calls made %d requests, want 1", n)
		}
		other, err := s.Token(t.Context(), entrasim.ServiceBus+"//.default")
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := sim.Verify(other.Value.Reveal()); err != nil || claims.Audience != entrasim.ServiceBus+"/" ||
			k.requests(sim.Counts()) != 2 {
			t.Errorf("audience %q (%v) after %d requests, want Service Bus with its slash after 2", claims.Audience,
				err, k.requests(sim.Counts()))
		}
	})
}

func TestEveryKindRenewsInTheBackgroundAheadOfTheEnd(t *testing.T) {
	each(t, func(t *testing.T, k kind, sim *entrasim.Sim, s *entra.Source) {
		old := mustToken(t, s)
		time.Sleep(k.due - 2*time.Second)
		mustToken(t, s)
		synctest.Wait()
		if n := k.requests(sim.Counts()); n != 1 {
			t.Fatalf("%d requests ahead of time, want 1", n)
		}
		time.Sleep(4 * time.Second)
		k.fault(sim, entrasim.Fault{Delay: 5 * time.Second, Times: 1})
		start := time.Now()
		if during := mustToken(t, s); during != old || time.Since(start) != 0 {
			t.Error("a due token was not returned at once")
		}
		mustToken(t, s)
		time.Sleep(6 * time.Second)
		if renewed := mustToken(t, s); renewed == old || k.requests(sim.Counts()) != 2 {
			t.Errorf("renewed %v after %d requests, want a new token after 2", renewed != old, k.requests(sim.Counts()))
		}
	})
}

func TestEveryKindKeepsItsTokenWhileRenewalFails(t *testing.T) {
	each(t, func(t *testing.T, k kind, sim *entrasim.Sim, s *entra.Source) {
		old := mustToken(t, s)
		k.fault(sim, entrasim.Fault{Status: http.StatusServiceUnavailable})
		time.Sleep(k.due + time.Minute)
		for range 60 { // one minute of calls
			if mustToken(t, s) != old {
				t.Fatal("got another token from an authority that is down")
			}
			time.Sleep(time.Second)
		}
		if n := k.requests(sim.Counts()) - 1; n < 1 || n > 2 {
			t.Errorf("%d renewals in a minute of failures, want 1 or 2", n)
		}
		time.Sleep(k.lifetime)
		_, err := s.Token(t.Context(), scope)
		var e *entra.Error
		if !errors.As(err, &e) || !e.Retryable || e.Status != 503 {
			t.Errorf("at the end of the token: %v, want a retryable 503", err)
		}
	})
}

func TestEveryKindAnswersAClaimsChallengeWithANewToken(t *testing.T) {
	each(t, func(t *testing.T, k kind, sim *entrasim.Sim, s *entra.Source) {
		a := &api{sim: sim}
		before := 0
		a.challenge = func() string {
			if before++; before > 1 {
				return ""
			}
			return bearer(`{"access_token":{"nbf":{"essential":true,"value":"1763459000"}}}`)
		}
		tr := &entra.Transport{Base: inprocess.Transport{To: a}, Source: s, Scope: scope, AllowedHost: apiHost}
		resp, err := tr.RoundTrip(isolate(t, "https://"+apiHost+"/api/machines/1/isolate"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 201 || a.executed.Load() != 1 || a.refused.Load() != 1 ||
			k.requests(sim.Counts()) != 2 || a.lastBody != `{"Comment":"c"}` {
			t.Errorf("status %d, executed %d, refused %d, %d token requests; want 201, 1, 1 and 2", resp.StatusCode,
				a.executed.Load(), a.refused.Load(), k.requests(sim.Counts()))
		}
	})
}

// TestATokenThatThePlatformKeepsComesBackRefused: the platform knows no claims and hands out the token that it has, so
// that the API refuses it again. The refusal is the answer; nothing loops.
func TestATokenThatThePlatformKeepsComesBackRefused(t *testing.T) {
	each(t, func(t *testing.T, k kind, sim *entrasim.Sim, s *entra.Source) {
		old := mustToken(t, s)
		a := &api{sim: sim}
		a.challenge = func() string {
			if token, err := s.Token(t.Context(), scope); err != nil || token != old {
				return ""
			}
			return bearer(`{"access_token":{"nbf":{"essential":true,"value":"1763459000"}}}`)
		}
		tr := &entra.Transport{Base: inprocess.Transport{To: a}, Source: s, Scope: scope, AllowedHost: apiHost}
		resp, err := tr.RoundTrip(isolate(t, "https://"+apiHost+"/"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want := http.StatusCreated
		if k.lifetime > time.Hour {
			want = http.StatusUnauthorized
		}
		if resp.StatusCode != want || k.requests(sim.Counts()) != 2 {
			t.Errorf("status %d after %d token requests, want %d after 2", resp.StatusCode, k.requests(sim.Counts()),
				want)
		}
	}, func(o *entrasim.Options) { o.KeepIdentityTokens = true })
}

func TestNoErrorOfAnyKindShowsWhatIsSecret(t *testing.T) {
	each(t, func(t *testing.T, k kind, sim *entrasim.Sim, _ *entra.Source) {
		var seen []string
		echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "openid-configuration") {
				sim.ServeHTTP(w, r)
				return
			}
			_ = r.ParseForm()
			secrets := []string{
				r.PostForm.Get("client_assertion"), r.Header.Get("X-IDENTITY-HEADER"), r.PostForm.Get("client_secret"),
				"eyJ0eXAi.eyJhdWQi.c2ln",
			}
			seen = append(seen, secrets...)
			switch len(seen) / len(secrets) {
			case 1:
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"error":%q,"message":%q,"error_description":%q}`, secrets, secrets, secrets)
			case 2:
				fmt.Fprint(w, secrets)
			case 3:
				fmt.Fprintf(w, `{"access_token":%q,"token_type":%q}`, secrets[3], secrets)
			default:
				w.WriteHeader(http.StatusTeapot)
				fmt.Fprint(w, secrets)
			}
		})
		s := k.source(t, echo)
		for range 4 {
			_, err := s.Token(t.Context(), scope)
			if err == nil {
				t.Fatal("got a token")
			}
			for ; err != nil; err = errors.Unwrap(err) {
				for _, text := range []string{fmt.Sprintf("%v", err), fmt.Sprintf("%#v", err)} {
					for _, secret := range seen {
						if secret != "" && strings.Contains(text, secret) {
							t.Errorf("%q is in %s", secret, text)
						}
					}
				}
			}
			time.Sleep(time.Hour)
		}
		if len(seen) != 16 {
			t.Errorf("%d answers were given, want 4", len(seen)/4)
		}
	})
}

func TestErrorsOfCertificatesAndIdentitiesNameTheWayOut(t *testing.T) {
	unassigned := func(o *entra.Options) { o.ClientID = clientID }
	status := func(code int) func(*entrasim.Sim, kind) {
		return func(s *entrasim.Sim, k kind) { k.fault(s, entrasim.Fault{Status: code}) }
	}
	for _, tt := range []struct {
		kind, name string
		app        func(*entra.Options)
		sim        func(*entrasim.Options)
		fault      func(*entrasim.Sim, kind)
		header     string
		scope      string
		status     int
		code       string
		retryable  bool
		says       string
	}{
		{
			kind:   "certificate",
			name:   "not registered",
			sim:    func(o *entrasim.Options) { o.Apps[0].Certificates = nil },
			status: 401,
			code:   "AADSTS700027",
			says:   "upload the certificate",
		},
		{
			kind:   "certificate",
			name:   "clock is wrong",
			sim:    func(o *entrasim.Options) { o.Now = func() time.Time { return time.Now().Add(time.Hour) } },
			status: 401,
			code:   "AADSTS700024",
			says:   "time on this machine",
		},
		{
			kind:   "certificate",
			name:   "unknown app",
			app:    func(o *entra.Options) { o.ClientID = userID },
			status: 400,
			code:   "AADSTS700016",
			says:   "CORDON_CLIENT_ID",
		},
		{
			kind:   "user-assigned, Azure Functions",
			name:   "not assigned",
			app:    unassigned,
			status: 400,
			says:   "set CORDON_CLIENT_ID to the client id",
		},
		{
			kind:   "user-assigned, Azure Functions",
			name:   "not assigned, of a connection",
			app:    func(o *entra.Options) { o.ClientID, o.ClientIDSetting = clientID, "ServiceBus__clientId" },
			status: 400,
			says:   "set ServiceBus__clientId",
		},
		{
			kind:   "system-assigned, Azure Functions",
			name:   "there is none",
			sim:    func(o *entrasim.Options) { o.Identities = o.Identities[1:] },
			status: 400,
			says:   "assign it to the app",
		},
		{
			kind:   "system-assigned, Azure Functions",
			name:   "header of another instance",
			header: "another",
			status: 401,
			says:   "IDENTITY_HEADER",
		},
		{
			kind:      "system-assigned, Azure Functions",
			name:      "unknown API",
			scope:     "https://api.example.com/.default",
			status:    500,
			retryable: true,
			says:      "CORDON_DEFENDER_AUDIENCE",
		},
		{
			kind:   "system-assigned, Azure Functions",
			name:   "not found",
			fault:  status(404),
			status: 404,
			says:   "IDENTITY_ENDPOINT",
		},
		{
			kind:   "system-assigned, virtual machine",
			name:   "there is none",
			sim:    func(o *entrasim.Options) { o.Identities = nil },
			status: 400,
			code:   "invalid_request",
			says:   "assign it to the app",
		},
		{
			kind:   "user-assigned, virtual machine",
			name:   "not assigned",
			app:    unassigned,
			status: 400,
			code:   "invalid_request",
			says:   "set CORDON_CLIENT_ID to the client id",
		},
		{
			kind:   "system-assigned, virtual machine",
			name:   "unknown API",
			scope:  "https://api.example.com/.default",
			status: 400,
			code:   "AADSTS500011",
			says:   "CORDON_DEFENDER_AUDIENCE",
		},
		{
			kind:      "system-assigned, virtual machine",
			name:      "being updated",
			fault:     status(410),
			status:    410,
			code:      "unknown",
			retryable: true,
			says:      "try again later",
		},
		{
			kind:      "system-assigned, virtual machine",
			name:      "starting",
			fault:     status(404),
			status:    404,
			code:      "unknown",
			retryable: true,
			says:      "try again later",
		},
		{
			kind:      "system-assigned, virtual machine",
			name:      "throttled",
			fault:     status(429),
			status:    429,
			code:      "unknown",
			retryable: true,
			says:      "try again later",
		},
		{
			kind:      "system-assigned, virtual machine",
			name:      "silent",
			fault:     func(s *entrasim.Sim, k kind) { k.fault(s, entrasim.Fault{Delay: time.Hour}) },
			code:      "network",
			retryable: true,
			says:      "CORDON_CLIENT_SECRET",
		},
	} {
		t.Run(tt.kind+": "+tt.name, func(t *testing.T) {
			changeSim := func(o *entrasim.Options) {
				if tt.sim != nil {
					tt.sim(o)
				}
			}
			all := kinds()
			k := all[slices.IndexFunc(all, func(k kind) bool { return k.name == tt.kind })]
			if tt.header != "" {
				k.env["IDENTITY_HEADER"] = tt.header
			}
			k.run(t, func(t *testing.T, k kind, sim *entrasim.Sim, _ *entra.Source) {
				if tt.fault != nil {
					tt.fault(sim, k)
				}
				s := k.source(t, k.handler(sim), func(o *entra.Options) {
					if tt.app != nil {
						tt.app(o)
					}
				})
				asked := cmp.Or(tt.scope, scope)
				_, err := s.Token(t.Context(), asked)
				var e *entra.Error
				if !errors.As(err, &e) || e.Status != tt.status || e.Code != tt.code || e.Retryable != tt.retryable ||
					e.Scope != asked || !strings.Contains(e.Error(), tt.says) {
					t.Errorf("got %v, want status %d, code %q, retryable %v, saying %q", err, tt.status, tt.code,
						tt.retryable, tt.says)
				}
				if n := k.requests(sim.Counts()); n > 1 {
					t.Errorf("%d token requests, want no repeat", n)
				}
			}, changeSim)
		})
	}
}

func TestIdentitiesOfOtherPlatformsAreRefusedAtStart(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"Service Fabric": {
			"IDENTITY_ENDPOINT":          "https://127.0.0.1:2377/",
			"IDENTITY_HEADER":            "x",
			"IDENTITY_SERVER_THUMBPRINT": "AA",
		},
		"Cloud Shell": {"MSI_ENDPOINT": "http://127.0.0.1:50342/"},
		"Azure ML":    {"MSI_ENDPOINT": "http://127.0.0.1:50342/", "MSI_SECRET": "x"},
		"Azure Arc":   {"IDENTITY_ENDPOINT": "http://127.0.0.1:40342/", "IMDS_ENDPOINT": "http://127.0.0.1:40342/"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{
				"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "MSI_ENDPOINT",
				"MSI_SECRET", "IMDS_ENDPOINT",
			} {
				t.Setenv(variable, env[variable])
			}
			if _, err := entra.New(entra.Options{TenantID: tenantID}); err == nil ||
				!strings.Contains(err.Error(), "CORDON_CLIENT_CERTIFICATE") {
				t.Errorf("got %v, want a refusal that names the other ways", err)
			}
		})
	}
}

// TestNoProxyIsAskedForAnIdentity: the endpoint is on this machine, and what it hands out is for nobody in between.
func TestNoProxyIsAskedForAnIdentity(t *testing.T) {
	t.Setenv("IDENTITY_ENDPOINT", "http://identity.invalid/msi/token")
	t.Setenv("IDENTITY_HEADER", identityHeader)
	asked := make(chan string, 4)
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Host }))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address)}
	s, err := entra.New(entra.Options{TenantID: tenantID, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Token(t.Context(), scope); err == nil {
		t.Error("got a token")
	}
	select {
	case host := <-asked:
		t.Errorf("a proxy was asked for %s", host)
	default:
	}
	if transport.Proxy == nil {
		t.Error("the caller's transport was changed")
	}
}
