package httpretry_test

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"cordon/handler/httpretry"
)

func budget(perMinute int) func(*http.Request) (string, int) {
	return func(req *http.Request) (string, int) { return req.Method, perMinute }
}

func TestNoMinuteHoldsMoreThanTheBudget(t *testing.T) {
	const perMinute = 10
	synctest.Test(t, func(t *testing.T) {
		s := play(status(200))
		tr := httpretry.New(httpretry.Options{Base: s, Budget: budget(perMinute), MaxWait: time.Hour})
		start := time.Now()
		var wg sync.WaitGroup
		for range 45 {
			wg.Go(func() {
				resp, err := tr.RoundTrip(request(t, "GET"))
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
			})
			time.Sleep(700 * time.Millisecond)
		}
		wg.Wait()
		for i := perMinute; i < len(s.times); i++ {
			if d := s.times[i].Sub(s.times[i-perMinute]); d < time.Minute {
				t.Errorf("requests %d and %d are %v apart, want at least a minute", i-perMinute, i, d)
			}
		}
		if took, floor := time.Since(start), 4*time.Minute; took > floor+floor/10 {
			t.Errorf("45 requests took %v, want at most a tenth over the quota's own %v", took, floor)
		}
	})
}

func TestBudgetsAreKeptPerEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(status(200))
		tr := httpretry.New(httpretry.Options{Base: s, Budget: budget(1)})
		for _, method := range []string{"GET", "POST", "HEAD"} {
			resp, err := tr.RoundTrip(request(t, method))
			if err != nil {
				t.Fatalf("%s: %v", method, err)
			}
			resp.Body.Close()
		}
	})
}

func TestPauseLearnedFromA429HoldsForLaterCalls(t *testing.T) {
	tests := []struct {
		name       string
		retryAfter int
		wantWait   time.Duration // of the second call
		wantPaused bool
	}{
		{"short: the later call waits", 15, 15 * time.Second, false},
		{"long: the later call fails fast", 40, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(status(429, "Retry-After", strconv.Itoa(tt.retryAfter)), status(201))
				tr := httpretry.New(httpretry.Options{Base: s, Budget: budget(100), MaxAttempts: 1})
				start := time.Now()
				first, err := tr.RoundTrip(request(t, "POST"))
				if err != nil {
					t.Fatal(err)
				}
				first.Body.Close()

				second, err := tr.RoundTrip(request(t, "POST"))
				if waited := time.Since(start); waited != tt.wantWait {
					t.Errorf("second call returned after %v, want %v", waited, tt.wantWait)
				}
				var paused *httpretry.PausedError
				if errors.As(err, &paused) != tt.wantPaused {
					t.Fatalf("second call: %v, want paused %v", err, tt.wantPaused)
				}
				if !tt.wantPaused {
					second.Body.Close()
					return
				}
				until := start.Add(time.Duration(tt.retryAfter) * time.Second)
				if !paused.Until.Equal(until) || paused.Key != "POST" || !httpretry.NotExecuted(err) ||
					s.attempts() != 1 {
					t.Errorf("got %v (%d attempts), want POST paused until %v and nothing sent", err, s.attempts(),
						until)
				}
				if other, err := tr.RoundTrip(request(t, "GET")); err != nil {
					t.Errorf("another endpoint: %v, want it unpaused", err)
				} else {
					other.Body.Close()
				}
			})
		})
	}
}

func TestUsedUpBudgetFailsFastWhenTheTurnIsTooFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(status(200))
		tr := httpretry.New(httpretry.Options{Base: s, Budget: budget(1)})
		resp, err := tr.RoundTrip(request(t, "GET"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		start := time.Now()
		_, err = tr.RoundTrip(request(t, "GET"))
		var paused *httpretry.PausedError
		if !errors.As(err, &paused) || time.Since(start) != 0 {
			t.Fatalf("err %v after %v, want a PausedError at once", err, time.Since(start))
		}
		if wait, again := paused.RetryIn(); wait != time.Until(paused.Until) || wait <= 0 || !again {
			t.Errorf("RetryIn() = %v, %v, want the time until %v", wait, again, paused.Until)
		}
		time.Sleep(time.Until(paused.Until))
		if wait, again := paused.RetryIn(); wait != 0 || !again {
			t.Errorf("RetryIn() at that time = %v, %v, want 0", wait, again)
		}
		if resp, err = tr.RoundTrip(request(t, "GET")); err != nil {
			t.Fatalf("at the time named: %v", err)
		}
		resp.Body.Close()
	})
}

func TestPOSTOfUnknownFateIsSentAtMostOncePerCall(t *testing.T) {
	kinds := []struct {
		step     step
		executed bool // possibly
	}{
		{status(429), false}, {status(429, "Retry-After", "3"), false}, {status(429, "Retry-After", "-1"), false},
		{dialFails, false}, {handshakeFails, false}, {noToken(true), false}, {noToken(false), false},
		{status(201), true}, {status(400), true}, {status(500), true}, {status(503, "Retry-After", "1"), true},
		{resets, true}, {endsEarly, true}, {failsSilently, true},
	}
	rapid.Check(t, func(rt *rapid.T) {
		method := rapid.SampledFrom([]string{"POST", "PATCH", "PUT", "DELETE"}).Draw(rt, "method")
		picks := rapid.SliceOfN(rapid.IntRange(0, len(kinds)-1), 1, 8).Draw(rt, "faults")
		perMinute := rapid.IntRange(0, 3).Draw(rt, "perMinute")
		synctest.Test(t, func(t *testing.T) {
			var executed int
			steps := make([]step, len(picks))
			for i, p := range picks {
				steps[i] = func(req *http.Request) (*http.Response, error) {
					if kinds[p].executed {
						executed++
					}
					return kinds[p].step(req)
				}
			}
			tr := httpretry.New(httpretry.Options{Base: play(steps...), Budget: budget(perMinute), MaxAttempts: 6})
			resp, err := tr.RoundTrip(request(t, method))
			if resp != nil {
				resp.Body.Close()
			}
			if executed > 1 {
				rt.Fatalf("may have been executed %d times", executed)
			}
			if err != nil && httpretry.NotExecuted(err) == (executed == 1) {
				rt.Fatalf("executed %d times, but NotExecuted says %v: %v", executed, httpretry.NotExecuted(err), err)
			}
		})
	})
}
