package entra_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/entra"
	"cordon/local/entrasim"
)

func TestErrorsNameTheCodeAndTheWayOut(t *testing.T) {
	status := func(code int) func(*entrasim.Sim) {
		return func(s *entrasim.Sim) { s.SetFault(entrasim.Fault{Status: code}) }
	}
	tests := []struct {
		name      string
		app       func(*entra.Options)
		sim       func(*entrasim.Options)
		fault     func(*entrasim.Sim)
		scope     string
		status    int
		code      string
		retryable bool
		says      string
	}{
		{
			name:   "wrong secret",
			app:    func(o *entra.Options) { o.Secret = "wrong-secret" },
			status: 401,
			code:   "AADSTS7000215",
			says:   "set CORDON_CLIENT_SECRET",
		},
		{
			name:   "expired secret",
			sim:    func(o *entrasim.Options) { o.Apps[0].SecretExpires = time.Now() },
			status: 401,
			code:   "AADSTS7000222",
			says:   "set CORDON_CLIENT_SECRET",
		},
		{
			name:   "unknown app",
			app:    func(o *entra.Options) { o.ClientID = "ffffffff-42a8-4e57-8f19-0c6de25a7341" },
			status: 400,
			code:   "AADSTS700016",
			says:   "CORDON_CLIENT_ID",
		},
		{
			name:   "unknown tenant",
			app:    func(o *entra.Options) { o.TenantID = "ffffffff-8d0e-4b7b-9a64-5c2d71e0b9f4" },
			status: 400,
			code:   "AADSTS90002",
			says:   "CORDON_TENANT_ID",
		},
		{
			name:   "unknown API",
			scope:  "https://api.example.com/.default",
			status: 400,
			code:   "AADSTS500011",
			says:   "CORDON_DEFENDER_AUDIENCE",
		},
		{
			name:   "bad scope",
			scope:  "https://graph.microsoft.com/Mail.Send",
			status: 400,
			code:   "AADSTS1002012",
			says:   "audience",
		},
		{
			name:      "throttled",
			fault:     status(429),
			status:    429,
			code:      "AADSTS90033",
			retryable: true,
			says:      "try again later",
		},
		{
			name:      "broken",
			fault:     status(500),
			status:    500,
			code:      "AADSTS90033",
			retryable: true,
			says:      "try again later",
		},
		{name: "down", fault: status(503), status: 503, code: "AADSTS90033", retryable: true, says: "try again later"},
		{
			name:      "silent",
			fault:     func(s *entrasim.Sim) { s.SetFault(entrasim.Fault{Delay: time.Hour}) },
			code:      "network",
			retryable: true,
			says:      "cannot be reached",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var simChanges []func(*entrasim.Options)
				var appChanges []func(*entra.Options)
				if tt.sim != nil {
					simChanges = append(simChanges, tt.sim)
				}
				if tt.app != nil {
					appChanges = append(appChanges, tt.app)
				}
				sim := authority(t, simChanges...)
				if tt.fault != nil {
					tt.fault(sim)
				}
				asked := tt.scope
				if asked == "" {
					asked = scope
				}
				_, err := source(t, sim, appChanges...).Token(t.Context(), asked)
				var e *entra.Error
				if !errors.As(err, &e) {
					t.Fatalf("got %v, want an *entra.Error", err)
				}
				if e.Status != tt.status || e.Code != tt.code || e.Retryable != tt.retryable ||
					!strings.Contains(e.Error(), tt.says) || e.Scope != asked {
					t.Errorf("got %+v (%v), want status %d, code %s, retryable %v, saying %q", e, e, tt.status, tt.code,
						tt.retryable, tt.says)
				}
				if sim.Counts().Token > 1 {
					t.Errorf("%d token requests, want no repeat", sim.Counts().Token)
				}
			})
		})
	}
}

func TestErrorsNeverShowTheSecretOrTheAnswer(t *testing.T) {
	form := "client_secret=" + secret + "&access_token=eyJ.TOKEN.sig"
	answers := map[string]http.HandlerFunc{
		"echo in error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":%q,"error_description":%q}`, form, form)
		},
		"no JSON":       func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, form) },
		"JSON, no URLs": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"issuer":%q}`, form) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example.com/?"+form, http.StatusTemporaryRedirect)
		},
	}
	sim := authority(t)
	for name, answer := range answers {
		for where, path := range map[string]string{"discovery": "openid-configuration", "token": "oauth2"} {
			t.Run(name+" at "+where, func(t *testing.T) {
				s := source(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasPrefix(r.Host, "elsewhere") {
						t.Error("followed a redirect with the secret")
					}
					if strings.Contains(r.URL.Path, path) {
						answer(w, r)
						return
					}
					sim.ServeHTTP(w, r)
				}))
				_, err := s.Token(t.Context(), scope)
				if err == nil {
					t.Fatal("got a token")
				}
				for ; err != nil; err = errors.Unwrap(err) {
					for _, format := range []string{"%v", "%+v", "%#v"} {
						text := fmt.Sprintf(format, err)
						if strings.Contains(text, secret) || strings.Contains(text, "TOKEN") {
							t.Errorf("%s shows a secret: %s", format, text)
						}
					}
				}
			})
		}
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	s := source(t, authority(t))
	mustToken(t, s)
	token := mustToken(t, s) // returns only after the first request has let go of the lock
	options := entra.Options{TenantID: tenantID, ClientID: clientID, Secret: secret}
	values := map[string]any{
		"source":     s,
		"credential": s.Credential(),
		"options":    options,
		"token":      token,
		"pointer":    &token,
		"value":      token.Value,
		"holder":     &struct{ source *entra.Source }{s},
		"transport":  &entra.Transport{Source: s, Scope: scope},
	}
	for name, v := range values {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		if encoded, err := json.Marshal(v); err == nil {
			out.Write(encoded)
		}
		for _, hidden := range []string{
			secret, fmt.Sprintf("%x", secret), token.Value.Reveal(), fmt.Sprintf("%x", token.Value.Reveal()),
		} {
			if strings.Contains(out.String(), hidden) {
				t.Errorf("%s shows %s", name, hidden)
			}
		}
	}
}

func TestNewNamesTheSettingThatIsWrong(t *testing.T) {
	good := entra.Options{TenantID: tenantID, ClientID: clientID, Secret: secret}
	tests := []struct {
		name   string
		change func(*entra.Options)
		says   string
	}{
		{"secret and certificate", func(o *entra.Options) {
			o.Certificate = certificate(t)
		}, "leave one of CORDON_CLIENT_SECRET and CORDON_CLIENT_CERTIFICATE out"},
		{"no client", func(o *entra.Options) { o.ClientID = "" }, "CORDON_CLIENT_ID"},
		{"certificate, no client", func(o *entra.Options) {
			o.Secret, o.Certificate, o.ClientID = "", certificate(t), ""
		}, "CORDON_CLIENT_ID"},
		{"no tenant", func(o *entra.Options) { o.TenantID = "" }, "CORDON_TENANT_ID"},
		{"tenant with a path", func(o *entra.Options) { o.TenantID = "a/../b" }, "CORDON_TENANT_ID"},
		{"no single tenant", func(o *entra.Options) { o.TenantID = "Common" }, "CORDON_TENANT_ID"},
		{"plain http", func(o *entra.Options) { o.AuthorityURL = "http://127.0.0.1:8080" }, "not https"},
		{"no host", func(o *entra.Options) { o.AuthorityURL = "login.example.com" }, "CORDON_AUTHORITY_URL"},
		{"with a path", func(o *entra.Options) {
			o.AuthorityURL = "https://login.example.com/x"
		}, "CORDON_AUTHORITY_URL"},
		{"with a password", func(o *entra.Options) {
			o.AuthorityURL = "https://u:hunter2@login.example.com"
		}, "CORDON_AUTHORITY_URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.change(&o)
			_, err := entra.New(o)
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") ||
				strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want an error naming %s", err, tt.says)
			}
		})
	}
	for _, authority := range []string{"", "https://login.microsoftonline.us/", "https://127.0.0.1:8443"} {
		o := good
		o.AuthorityURL = authority
		if _, err := entra.New(o); err != nil {
			t.Errorf("authority %q: %v", authority, err)
		}
	}
}
