package httpretry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"cordon/handler/httpretry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Fates of one Do call as its caller can tell them.
const (
	answered    = "answered"
	notExecuted = "not executed"
	unknown     = "unknown"
	failed      = "failed" // a GET or HEAD that was sent and failed
)

func fate(err error) string {
	var unknownFate *httpretry.UnknownFateError
	switch {
	case err == nil:
		return answered
	case errors.As(err, &unknownFate):
		return unknown
	case httpretry.NotExecuted(err):
		return notExecuted
	}
	return failed
}

func TestOnlyWhatIsSafeIsRepeated(t *testing.T) {
	ok := status(200)
	tests := []struct {
		name     string
		method   string
		steps    []step
		attempts int
		fate     string
		status   int
	}{
		{"GET repeats 429", "GET", []step{status(429), ok}, 2, answered, 200},
		{"GET repeats 500", "GET", []step{status(500), ok}, 2, answered, 200},
		{"GET repeats 502", "GET", []step{status(502), ok}, 2, answered, 200},
		{"GET repeats 503", "GET", []step{status(503), ok}, 2, answered, 200},
		{"GET repeats 504", "GET", []step{status(504), ok}, 2, answered, 200},
		{"GET repeats a reset", "GET", []step{resets, ok}, 2, answered, 200},
		{"GET repeats an EOF", "GET", []step{endsEarly, ok}, 2, answered, 200},
		{"HEAD repeats like GET", "HEAD", []step{status(503), resets, ok}, 3, answered, 200},
		{"GET does not repeat 400", "GET", []step{status(400), ok}, 1, answered, 400},
		{"GET does not repeat 401", "GET", []step{status(401), ok}, 1, answered, 401},
		{"GET does not repeat 501", "GET", []step{status(501), ok}, 1, answered, 501},
		{"GET gives up with the last answer", "GET", []step{status(503)}, 4, answered, 503},
		{"GET gives up with the last error", "GET", []step{resets}, 4, failed, 0},
		{"GET does not repeat a refused token", "GET", []step{noToken(false), ok}, 1, notExecuted, 0},

		{"POST repeats 429", "POST", []step{status(429), ok}, 2, answered, 200},
		{"POST repeats a failed dial", "POST", []step{dialFails, ok}, 2, answered, 200},
		{"POST repeats a failed handshake", "POST", []step{handshakeFails, ok}, 2, answered, 200},
		{"POST repeats passing token trouble", "POST", []step{noToken(true), ok}, 2, answered, 200},
		{"POST does not repeat a refused token", "POST", []step{noToken(false), ok}, 1, notExecuted, 0},
		{"POST gives up dialling", "POST", []step{dialFails}, 4, notExecuted, 0},
		{"POST returns 500", "POST", []step{status(500), ok}, 1, answered, 500},
		{"POST returns 502", "POST", []step{status(502), ok}, 1, answered, 502},
		{"POST returns 503", "POST", []step{status(503, "Retry-After", "1"), ok}, 1, answered, 503},
		{"POST returns 504", "POST", []step{status(504), ok}, 1, answered, 504},
		{"POST does not repeat a reset", "POST", []step{resets, ok}, 1, unknown, 0},
		{"POST does not repeat an EOF", "POST", []step{endsEarly, ok}, 1, unknown, 0},
		{"POST takes no evidence for an unknown fate", "POST", []step{failsSilently, ok}, 1, unknown, 0},
		{"POST stops at the first unknown fate", "POST", []step{status(429), dialFails, resets, ok}, 3, unknown, 0},
		{"PATCH is held to the same", "PATCH", []step{resets, ok}, 1, unknown, 0},
		{"PUT is held to the same", "PUT", []step{endsEarly, ok}, 1, unknown, 0},
		{"DELETE is held to the same", "DELETE", []step{status(503), ok}, 1, answered, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(tt.steps...)
				resp, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(request(t, tt.method))
				code := 0
				if resp != nil {
					code = resp.StatusCode
					resp.Body.Close()
				}
				if s.attempts() != tt.attempts || fate(err) != tt.fate || code != tt.status {
					t.Errorf("attempts %d, fate %q, status %d (err %v); want %d, %q, %d",
						s.attempts(), fate(err), code, err, tt.attempts, tt.fate, tt.status)
				}
			})
		})
	}
}

func TestRetryAfterIsWaitedExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(15 * time.Second).UTC().Format(http.TimeFormat)
		s := play(status(429, "Retry-After", "7"), status(503, "Retry-After", at), status(200))
		resp, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(request(t, "GET"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		got := []time.Duration{s.times[1].Sub(s.times[0]), s.times[2].Sub(s.times[1])}
		if diff := cmp.Diff([]time.Duration{7 * time.Second, 8 * time.Second}, got); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
	})
}

func TestBackoffGrowsWithFullJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		longest := make([]time.Duration, 3)
		for range 200 {
			s := play(status(503))
			resp, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(request(t, "GET"))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			for i := range longest {
				longest[i] = max(longest[i], s.times[i+1].Sub(s.times[i]))
			}
		}
		for i, ceiling := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
			if longest[i] > ceiling+time.Millisecond || longest[i] < ceiling/2 {
				t.Errorf("longest of 200 waits number %d = %v, want just under %v", i+1, longest[i], ceiling)
			}
		}
	})
}

func TestWaitsThatAreTooLongGoBackToTheCaller(t *testing.T) {
	tests := []struct {
		name    string
		options httpretry.Options
		context func(context.Context) (context.Context, context.CancelFunc)
	}{
		{name: "longer than MaxWait", options: httpretry.Options{MaxWait: 9 * time.Second}},
		{name: "longer than the deadline", context: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 9*time.Second)
		}},
		{
			name: "longer than the time to send",
			context: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return httpretry.SendBy(ctx, time.Now().Add(9*time.Second)), func() {}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(status(429, "Retry-After", "10"), status(200))
				tt.options.Base = s
				req, start := request(t, "POST"), time.Now()
				if tt.context != nil {
					ctx, cancel := tt.context(t.Context())
					defer cancel()
					req = req.WithContext(ctx)
				}
				resp, err := httpretry.New(tt.options).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != 429 || string(body) != "Too Many Requests" || time.Since(start) != 0 {
					t.Errorf("got %d %q after %v, want the 429 as it came, at once", resp.StatusCode, body,
						time.Since(start))
				}
			})
		})
	}
}

func TestBodyIsSentWholeEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(status(429), dialFails, status(201))
		resp, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(request(t, "POST"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want := []string{`{"Comment":"c"}`, `{"Comment":"c"}`, `{"Comment":"c"}`}
		if diff := cmp.Diff(want, s.bodies); diff != "" {
			t.Errorf("bodies (-want +got):\n%s", diff)
		}
	})
}

func TestBodyThatCannotBeRewoundIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(status(429), status(200))
		req := request(t, "POST")
		req.GetBody = nil
		resp, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if s.attempts() != 1 || resp.StatusCode != 429 {
			t.Errorf("attempts %d, status %d, want 1 and 429", s.attempts(), resp.StatusCode)
		}
	})
}

func TestThrownAwayAnswersAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &trackedBody{Reader: strings.NewReader(strings.Repeat("x", 1<<20))}
		s := play(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 503, Body: body}, nil
		}, status(200))
		resp, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(request(t, "GET"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		rest, _ := io.ReadAll(body)
		if !body.closed || len(rest) < 1<<19 {
			t.Errorf("closed %v with %d bytes unread, want it closed and most of it unread", body.closed, len(rest))
		}
	})
}

func TestRequestIsNotChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(func(req *http.Request) (*http.Response, error) {
			req.Header.Set("Authorization", "Bearer x")
			return status(429)(req)
		}, status(200))
		req := request(t, "POST")
		resp, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if len(req.Header) != 0 {
			t.Errorf("headers of the caller's request = %v, want none", req.Header)
		}
	})
}

func TestEndOfContextEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		s := play(status(429, "Retry-After", "10"), status(200))
		_, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(request(t, "POST").WithContext(ctx))
		if !errors.Is(err, context.Canceled) || fate(err) != notExecuted || time.Since(start) != 3*time.Second {
			t.Errorf("err %v (%s) after %v, want canceled, not executed, after 3s", err, fate(err), time.Since(start))
		}
	})
}

func TestTimeOutOfASentPOSTIsAnUnknownFate(t *testing.T) {
	for name, tt := range map[string]struct {
		step step
		want string
	}{"connected": {hangsConnected, unknown}, "not connected": {hangsConnecting, notExecuted}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				s := play(tt.step)
				_, err := httpretry.New(httpretry.Options{Base: s}).RoundTrip(request(t, "POST").WithContext(ctx))
				if fate(err) != tt.want || s.attempts() != 1 || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("fate %q after %d attempts (%v), want %q after 1", fate(err), s.attempts(), err, tt.want)
				}
			})
		})
	}
}

func TestCancelledRequestIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		tr := httpretry.New(httpretry.Options{
			Base:    play(hangsConnected),
			OnRetry: func(r httpretry.Retry) { t.Errorf("announced a repeat: %+v", r) },
		})
		if _, err := tr.RoundTrip(request(t, "GET").WithContext(ctx)); !errors.Is(err, context.Canceled) ||
			fate(err) != failed {
			t.Errorf("got %v (%s), want canceled", err, fate(err))
		}
	})
}

func TestSendByEndsAnAttemptOnlyWhileItHasNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx := httpretry.SendBy(t.Context(), start.Add(20*time.Second))
		_, err := httpretry.New(httpretry.Options{Base: play(hangsConnecting)}).RoundTrip(request(t,
			"POST").WithContext(ctx))
		if !errors.Is(err, httpretry.ErrTooLate) || fate(err) != notExecuted || time.Since(start) != 20*time.Second {
			t.Errorf("connecting: %v (%s) after %v, want ErrTooLate, not executed, after 20s", err, fate(err),
				time.Since(start))
		}

		slow := func(req *http.Request) (*http.Response, error) {
			gotConn(req)
			time.Sleep(30 * time.Second)
			return &http.Response{StatusCode: 201, Body: http.NoBody}, req.Context().Err()
		}
		ctx = httpretry.SendBy(t.Context(), time.Now().Add(20*time.Second))
		resp, err := httpretry.New(httpretry.Options{Base: play(slow)}).RoundTrip(request(t, "POST").WithContext(ctx))
		if err != nil {
			t.Fatalf("connected in time and slow: %v, want the answer", err)
		}
		resp.Body.Close()

		s := play(status(201))
		ctx = httpretry.SendBy(t.Context(), time.Now().Add(-time.Second))
		_, err = httpretry.New(httpretry.Options{Base: s}).RoundTrip(request(t, "POST").WithContext(ctx))
		if !errors.Is(err, httpretry.ErrTooLate) || s.attempts() != 0 || fate(err) != notExecuted {
			t.Errorf("begun late: %v after %d attempts, want ErrTooLate before the first", err, s.attempts())
		}
	})
}

func TestRepeatsAreAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []httpretry.Retry
		tr := httpretry.New(httpretry.Options{
			Base:    play(status(429, "Retry-After", "2"), noToken(true), status(200)),
			Budget:  func(*http.Request) (string, int) { return "POST isolate", 100 },
			OnRetry: func(r httpretry.Retry) { got = append(got, r) },
		})
		resp, err := tr.RoundTrip(request(t, "POST"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if len(got) != 2 || got[1].Err == nil {
			t.Fatalf("announced %+v, want a 429 and an error", got)
		}
		got[1].Err = nil
		want := []httpretry.Retry{
			{Method: "POST", Key: "POST isolate", Attempt: 1, Wait: 2 * time.Second, Status: 429},
			{Method: "POST", Key: "POST isolate", Attempt: 2, Wait: 3 * time.Second},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("announced (-want +got):\n%s", diff)
		}
	})
}
