package entra_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/entra"
	"cordon/handler/httpretry"
	"cordon/local/entrasim"
	"cordon/local/inprocess"
)

const apiHost = "api.example.com"

// api is an API that takes the authority's tokens.
type api struct {
	sim       *entrasim.Sim
	challenge func() string // WWW-Authenticate of a refusal, "" for none
	executed  atomic.Int32
	refused   atomic.Int32
	lastBody  string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, err := a.sim.Verify(token)
	challenge := ""
	if a.challenge != nil {
		challenge = a.challenge()
	}
	if err != nil || challenge != "" {
		a.refused.Add(1)
		w.Header().Set("WWW-Authenticate", challenge)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a.lastBody = string(body)
	a.executed.Add(1)
	w.WriteHeader(http.StatusCreated)
}

func newTransport(t *testing.T, a *api) *entra.Transport {
	t.Helper()
	return &entra.Transport{
		Base:        inprocess.Transport{To: a},
		Source:      source(t, a.sim),
		Scope:       scope,
		AllowedHost: apiHost,
	}
}

func isolate(t *testing.T, to string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(`{"Comment":"c"}`))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func bearer(claims string) string {
	return `Bearer realm="", authorization_uri="https://login.example.com/common/oauth2/authorize", ` +
		`error="insufficient_claims", claims="` +
		base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
}

// refuseUntilClaims challenges until a token for claims has been issued.
func refuseUntilClaims(sim *entrasim.Sim) func() string {
	return func() string {
		if sim.Counts().Claims > 0 {
			return ""
		}
		return bearer(`{"access_token":{"nbf":{"essential":true,"value":"1763459000"}}}`)
	}
}

func TestClaimsChallengeIsAnsweredAndTheRequestReplayedOnce(t *testing.T) {
	sim := authority(t)
	a := &api{sim: sim, challenge: refuseUntilClaims(sim)}
	req := isolate(t, "https://"+apiHost+"/api/machines/1/isolate")
	resp, err := newTransport(t, a).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 201 || a.executed.Load() != 1 || a.refused.Load() != 1 || a.lastBody != `{"Comment":"c"}` {
		t.Errorf("status %d, executed %d, refused %d, body %q", resp.StatusCode, a.executed.Load(), a.refused.Load(),
			a.lastBody)
	}
	if len(req.Header) != 0 {
		t.Errorf("the caller's request was changed: %v", req.Header)
	}
}

func TestRefusalsThatAreNotAnsweredComeBackAsTheyAre(t *testing.T) {
	always := func(challenge string) func() string { return func() string { return challenge } }
	tests := []struct {
		name      string
		challenge string
		noRewind  bool
		requests  int32
	}{
		{"challenged again", bearer(`{"access_token":{"nbf":{}}}`), false, 2},
		{"no challenge", " ", false, 1},
		{"another error", `Bearer error="invalid_token", claims="e30="`, false, 1},
		{"claims that are no base64", `Bearer error="insufficient_claims", claims="%%%"`, false, 1},
		{"claims that are no JSON", bearer(`{"access_token"`), false, 1},
		{"body that cannot be sent again", bearer(`{"access_token":{"nbf":{}}}`), true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &api{sim: authority(t), challenge: always(tt.challenge)}
			req := isolate(t, "https://"+apiHost+"/")
			if tt.noRewind {
				req.GetBody = nil
			}
			resp, err := newTransport(t, a).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 401 || a.refused.Load() != tt.requests {
				t.Errorf("status %d after %d requests, want 401 after %d", resp.StatusCode, a.refused.Load(),
					tt.requests)
			}
		})
	}
}

func TestTokenGoesToItsHostOnly(t *testing.T) {
	tests := []struct {
		url     string
		allowed string
		sent    bool
	}{
		{"https://api.example.com/x", apiHost, true},
		{"https://API.example.com:443/x", apiHost, true},
		{"http://127.0.0.1:8080/x", "127.0.0.1:8080", true},
		{"http://localhost:8080/x", "localhost:8080", true},
		{"http://api.example.com/x", apiHost, false},
		{"https://api.example.com:8443/x", apiHost, false},
		{"https://api.example.com.evil.net/x", apiHost, false},
		{"https://evil.net/api.example.com", apiHost, false},
		{"https://api.example.com@evil.net/", apiHost, false},
		{"ftp://api.example.com/x", apiHost, false},
		{"https://api.example.com/x", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			a := &api{sim: authority(t)}
			tr := newTransport(t, a)
			tr.AllowedHost = tt.allowed
			resp, err := tr.RoundTrip(isolate(t, tt.url))
			if tt.sent {
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if a.executed.Load() != 1 {
					t.Errorf("the API saw no valid token")
				}
				return
			}
			if err == nil || !httpretry.NotExecuted(err) || a.refused.Load()+a.executed.Load() != 0 ||
				a.sim.Counts().Token != 0 {
				t.Errorf("got %v, want a refusal before anything is sent", err)
			}
		})
	}
}

func TestRedirectElsewhereCarriesNoToken(t *testing.T) {
	for name, location := range map[string]string{
		"other host": "https://files.example.net/x",
		"no TLS":     "http://" + apiHost + "/x",
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = append(got, r.Header.Get("Authorization"))
				if len(got) == 1 {
					http.Redirect(w, r, location, http.StatusFound)
				}
			})
			tr := newTransport(t, &api{sim: authority(t)})
			tr.Base = inprocess.Transport{To: handler}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+apiHost+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer of-the-caller")
			resp, err := (&http.Client{Transport: tr}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if len(got) != 2 || !strings.HasPrefix(got[0], "Bearer ey") || got[1] != "" {
				t.Errorf("%d requests, the first with a token %v, the second with %q", len(got),
					strings.HasPrefix(got[0], "Bearer ey"), got[len(got)-1])
			}
		})
	}
}

// retried is how the program puts the two transports together.
func retried(t *testing.T, a *api) *httpretry.Transport {
	t.Helper()
	return httpretry.New(httpretry.Options{Base: newTransport(t, a)})
}

func TestPOSTSurvivesPassingTokenTroubleAndIsExecutedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{sim: authority(t)}
		a.sim.SetFault(entrasim.Fault{Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second, Times: 2})
		start := time.Now()
		resp, err := retried(t, a).RoundTrip(isolate(t, "https://"+apiHost+"/"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if a.executed.Load() != 1 || a.sim.Counts().Token != 3 || time.Since(start) != 10*time.Second {
			t.Errorf("executed %d after %d token requests and %v, want 1, 3 and 10s", a.executed.Load(),
				a.sim.Counts().Token, time.Since(start))
		}
	})
}

func TestTokenTroubleAfterAChallengeIsNoUnknownFate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{sim: authority(t)}
		a.challenge = func() string {
			a.sim.SetFault(entrasim.Fault{Status: http.StatusUnauthorized})
			return bearer(`{"access_token":{"nbf":{}}}`)
		}
		_, err := retried(t, a).RoundTrip(isolate(t, "https://"+apiHost+"/"))
		var e *entra.Error
		if !errors.As(err, &e) || e.Retryable || !httpretry.NotExecuted(err) || a.refused.Load() != 1 {
			t.Errorf("got %v after %d requests, want the token's own error, not executed, after 1", err,
				a.refused.Load())
		}
	})
}

func TestSlowTokenNeverMakesAPOSTLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{sim: authority(t)}
		a.sim.SetFault(entrasim.Fault{Delay: 25 * time.Second})
		start := time.Now()
		req := isolate(t, "https://"+apiHost+"/")
		_, err := retried(t, a).RoundTrip(req.WithContext(httpretry.SendBy(req.Context(), start.Add(20*time.Second))))
		if !errors.Is(err, httpretry.ErrTooLate) || !httpretry.NotExecuted(err) || time.Since(start) != 20*time.Second {
			t.Errorf("got %v after %v, want ErrTooLate, not executed, after 20s", err, time.Since(start))
		}
		time.Sleep(time.Minute)
		if a.executed.Load() != 0 {
			t.Error("the POST was sent late")
		}
	})
}
