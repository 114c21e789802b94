package entra_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/entra"
	"cordon/local/entrasim"
)

func mustToken(t *testing.T, s *entra.Source) entra.Token {
	t.Helper()
	token, err := s.Token(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenIsTheAppsAndIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := authority(t)
		s := source(t, sim)
		first, second := mustToken(t, s), mustToken(t, s)
		claims, err := sim.Verify(first.Value.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if claims.Audience != entrasim.Defender || claims.AppID != clientID || !claims.HasRole("Machine.Isolate") {
			t.Errorf("claims %+v, want the app's token for the Defender API", claims)
		}
		if first != second || sim.Counts().Token != 1 {
			t.Errorf("two calls made %d requests, want 1", sim.Counts().Token)
		}
		want := time.Now().Add(time.Hour)
		if !first.ExpiresAt.Equal(want) || !first.RefreshAt.Equal(want.Add(-5*time.Minute)) {
			t.Errorf("expires %v, refresh %v, want %v and five minutes before", first.ExpiresAt, first.RefreshAt, want)
		}
	})
}

func TestConcurrentMissesAreOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		get := map[string]func(*entra.Source) (entra.Token, error){
			"token": func(s *entra.Source) (entra.Token, error) { return s.Token(t.Context(), scope) },
			"claims": func(s *entra.Source) (entra.Token, error) {
				return s.TokenForClaims(t.Context(), scope, `{"access_token":{"nbf":{}}}`)
			},
		}
		for name, f := range get {
			sim := authority(t)
			sim.SetFault(entrasim.Fault{Delay: 2 * time.Second})
			s := source(t, sim)
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if _, err := f(s); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := sim.Counts().Token; n != 1 {
				t.Errorf("%s: ten concurrent misses made %d requests, want 1", name, n)
			}
		}
	})
}

func TestScopesAreFetchedIndependently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := authority(t)
		s := source(t, sim)
		mustToken(t, s)
		other, err := s.Token(t.Context(), entrasim.ServiceBus+"//.default")
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := sim.Verify(other.Value.Reveal()); err != nil || claims.Audience != entrasim.ServiceBus+"/" {
			t.Errorf("audience %q (%v), want Service Bus with its slash", claims.Audience, err)
		}
	})
}

func TestCancelledWaiterDoesNotCancelTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := authority(t)
		sim.SetFault(entrasim.Fault{Delay: 10 * time.Second})
		s := source(t, sim)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		impatient := make(chan error, 1)
		go func() {
			_, err := s.Token(ctx, scope)
			impatient <- err
		}()
		synctest.Wait()
		patient := make(chan error, 1)
		go func() {
			_, err := s.Token(t.Context(), scope)
			patient <- err
		}()
		if err := <-impatient; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("first caller: %v, want its own deadline", err)
		}
		if err := <-patient; err != nil || sim.Counts().Token != 1 {
			t.Errorf("second caller: %v after %d requests, want a token from the one request", err, sim.Counts().Token)
		}
	})
}

func TestTokenIsRenewedInTheBackground(t *testing.T) {
	for name, tt := range map[string]struct {
		refreshIn, after time.Duration
	}{
		"from the time the authority names": {20 * time.Minute, 20*time.Minute + 2*time.Second},
		"five minutes before its end":       {0, 55*time.Minute + 2*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := authority(t, refreshIn(tt.refreshIn))
				s := source(t, sim)
				old := mustToken(t, s)
				time.Sleep(tt.after - 4*time.Second)
				mustToken(t, s)
				synctest.Wait()
				if sim.Counts().Token != 1 {
					t.Fatalf("renewed too early")
				}
				time.Sleep(4 * time.Second)
				sim.SetFault(entrasim.Fault{Delay: 5 * time.Second, Times: 1})
				start := time.Now()
				if during := mustToken(t, s); during != old || time.Since(start) != 0 {
					t.Errorf("a due token was not returned at once")
				}
				mustToken(t, s)
				time.Sleep(6 * time.Second)
				if renewed := mustToken(t, s); renewed == old || sim.Counts().Token != 2 {
					t.Errorf("renewed %v after %d requests, want a new token after 2", renewed != old,
						sim.Counts().Token)
				}
			})
		})
	}
}

func TestFailingRenewalKeepsTheTokenWhileItLasts(t *testing.T) {
	for name, in := range map[string]time.Duration{"with refresh_in": 30 * time.Minute, "without": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := authority(t, refreshIn(in))
				s := source(t, sim)
				old := mustToken(t, s)
				sim.SetFault(entrasim.Fault{Status: http.StatusServiceUnavailable})
				time.Sleep(56 * time.Minute)
				for range 60 { // one minute of calls
					if mustToken(t, s) != old {
						t.Fatal("got another token from an authority that is down")
					}
					time.Sleep(time.Second)
				}
				if n := sim.Counts().Token - 1; n < 1 || n > 2 {
					t.Errorf("%d renewals in a minute of failures, want 1 or 2", n)
				}
				time.Sleep(3 * time.Minute)
				_, err := s.Token(t.Context(), scope)
				var e *entra.Error
				if !errors.As(err, &e) || !e.Retryable || e.Status != 503 {
					t.Errorf("at the end of the token: %v, want a retryable 503", err)
				}
			})
		})
	}
}

func TestAuthorityThatAsksForAWaitIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := authority(t)
		sim.SetFault(entrasim.Fault{Status: http.StatusTooManyRequests, RetryAfter: 20 * time.Second, Times: 1})
		s := source(t, sim)
		for _, want := range []time.Duration{20 * time.Second, 13 * time.Second} {
			_, err := s.Token(t.Context(), scope)
			var e *entra.Error
			if !errors.As(err, &e) || e.Status != 429 || e.RetryAfter != want {
				t.Fatalf("got %v, want a 429 with %v to wait", err, want)
			}
			if wait, ok := e.RetryIn(); !ok || wait != want {
				t.Errorf("RetryIn = %v, %v, want %v, true", wait, ok, want)
			}
			time.Sleep(7 * time.Second)
		}
		if sim.Counts().Token != 1 {
			t.Errorf("%d requests while told to wait, want 1", sim.Counts().Token)
		}
		time.Sleep(7 * time.Second)
		mustToken(t, s)
	})
}

func TestTokenForClaimsReplacesTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := authority(t)
		s := source(t, sim)
		old := mustToken(t, s)
		token, err := s.TokenForClaims(t.Context(), scope,
			`{"access_token":{"nbf":{"essential":true,"value":"1763459000"}}}`)
		if err != nil {
			t.Fatal(err)
		}
		if token == old || mustToken(t, s) != token || sim.Counts().Claims != 1 {
			t.Errorf("claims asked %d times, new %v, kept %v", sim.Counts().Claims, token != old,
				mustToken(t, s) == token)
		}
	})
}

func TestTokenRequestIsHiddenFromTheCallersTrace(t *testing.T) {
	seen := make(chan *httptrace.ClientTrace, 8)
	sim := authority(t)
	s := source(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- httptrace.ContextClientTrace(r.Context())
		sim.ServeHTTP(w, r)
	}))
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{})
	if _, err := s.Token(ctx, scope); err != nil {
		t.Fatal(err)
	}
	close(seen)
	for trace := range seen {
		if trace != nil {
			t.Error("the token request reports to the trace of the request that it is for")
		}
	}
}

func TestMicrosoftsInstanceDiscoveryIsNeverAskedAboutAnotherAuthority(t *testing.T) {
	var hosts []string
	sim := authority(t)
	s := source(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.Host)
		sim.ServeHTTP(w, r)
	}))
	mustToken(t, s)
	if diff := cmp.Diff([]string{"login.example.com", "login.example.com"}, hosts); diff != "" {
		t.Errorf("hosts asked (-want +got):\n%s", diff)
	}
}
