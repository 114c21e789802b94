package httpretry_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/httpretry"
)

func TestNoErrorShowsTokenSecretOrQuery(t *testing.T) {
	const token, password, query = "Bearer eyJ.TOKEN.sig", "pass-word", "$filter=lastUpdateTime%20ge%20x&sig=SIGNATURE"
	leaky := func(seen func(*http.Request)) step {
		return func(req *http.Request) (*http.Response, error) {
			seen(req)
			return nil,
				&url.Error{
					Op:  "Post",
					URL: req.URL.String(),
					Err: fmt.Errorf("sent %s: %w", token, io.ErrUnexpectedEOF),
				}
		}
	}
	for _, method := range []string{"GET", "POST", "PATCH"} {
		for name, seen := range map[string]func(*http.Request){
			"connected":  gotConn,
			"connecting": getConn,
			"silent":     func(*http.Request) {},
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					req := request(t, method)
					req.URL.RawQuery = query
					req.URL.User = url.UserPassword("user", password)
					req.Header.Set("Authorization", token)
					var texts []string
					tr := httpretry.New(httpretry.Options{
						Base:    play(leaky(seen)),
						OnRetry: func(r httpretry.Retry) { texts = append(texts, r.Err.Error()) },
					})
					_, err := tr.RoundTrip(req)
					texts = append(texts, err.Error())
					_, err = httpretry.Do(&http.Client{Transport: tr}, req.Clone(t.Context()))
					texts = append(texts, err.Error())
					for _, text := range texts {
						for _, secret := range []string{"TOKEN", password, "filter", "SIGNATURE"} {
							if strings.Contains(text, secret) {
								t.Errorf("%q is in the error %q", secret, text)
							}
						}
						if !strings.Contains(text, method+" api.example.com/api/machines/1") {
							t.Errorf("error %q does not name the request", text)
						}
					}
				})
			})
		}
	}
}

func TestDoKeepsTheFate(t *testing.T) {
	for name, tt := range map[string]struct {
		step step
		want string
	}{
		"unknown":      {resets, unknown},
		"not executed": {noToken(false), notExecuted},
		"answered":     {status(500), answered},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &http.Client{Transport: httpretry.New(httpretry.Options{Base: play(tt.step)})}
				resp, err := httpretry.Do(client, request(t, "POST"))
				if resp != nil {
					resp.Body.Close()
				}
				if fate(err) != tt.want {
					t.Errorf("fate %q (%v), want %q", fate(err), err, tt.want)
				}
				var outer *url.Error
				if errors.As(err, &outer) {
					t.Errorf("error %v still carries the URL", err)
				}
			})
		})
	}
}

func TestClientTimeoutProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{
			Transport: httpretry.New(httpretry.Options{Base: play(hangsConnected)}),
			Timeout:   time.Second,
		}
		_, err := httpretry.Do(client, request(t, "POST"))
		if err == nil || httpretry.NotExecuted(err) {
			t.Errorf("NotExecuted says yes of %v", err)
		}
		if strings.Contains(err.Error(), "filter") {
			t.Errorf("error %q shows the query", err)
		}
	})
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2025, 11, 18, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		header string
		want   time.Duration
		ok     bool
	}{
		{"", 0, false},
		{"0", 0, true},
		{" 12 ", 12 * time.Second, true},
		{"-5", 0, true},
		{"99999999999999999999999", 24 * time.Hour, true},
		{"-99999999999999999999999", 0, true},
		{"1.5", 0, false},
		{"soon", 0, false},
		{"Tue, 18 Nov 2025 10:00:30 GMT", 30 * time.Second, true},
		{"Tue, 18 Nov 2025 09:59:00 GMT", 0, true},
		{"Sun, 18 Nov 2035 10:00:00 GMT", 24 * time.Hour, true},
		{"Tuesday, 18-Nov-25 10:01:00 GMT", time.Minute, true},
	}
	for _, tt := range tests {
		if got, ok := httpretry.ParseRetryAfter(tt.header, now); got != tt.want || ok != tt.ok {
			t.Errorf("ParseRetryAfter(%q) = %v, %v, want %v, %v", tt.header, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("-1")
	f.Add("Tue, 18 Nov 2025 10:00:30 GMT")
	f.Fuzz(func(t *testing.T, header string) {
		d, ok := httpretry.ParseRetryAfter(header, time.Unix(1763459000, 0))
		if d < 0 || d > 24*time.Hour || !ok && d != 0 {
			t.Errorf("ParseRetryAfter(%q) = %v, %v", header, d, ok)
		}
	})
}

// The evidence comes from net/http's own reports, so it is checked against real connections too.
func TestFatesOverRealConnections(t *testing.T) {
	hangup := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}
	for name, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": (*httptest.Server).Start,
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(hangup))
			start(server)
			defer server.Close()
			client := server.Client()
			client.Transport = httpretry.New(httpretry.Options{Base: client.Transport, MaxAttempts: 2})
			defer client.CloseIdleConnections()
			_, err := post(t, client, server.URL)
			if fate(err) != unknown {
				t.Errorf("connection cut after the request: fate %q (%v), want unknown", fate(err), err)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		client := &http.Client{Transport: httpretry.New(httpretry.Options{MaxAttempts: 2})}
		_, err = post(t, client, "http://"+addr)
		if fate(err) != notExecuted {
			t.Errorf("refused connection: fate %q (%v), want not executed", fate(err), err)
		}
	})
	t.Run("untrusted certificate", func(t *testing.T) {
		server := httptest.NewUnstartedServer(http.HandlerFunc(hangup))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		defer server.Close()
		base := &http.Transport{}
		defer base.CloseIdleConnections()
		client := &http.Client{Transport: httpretry.New(httpretry.Options{Base: base, MaxAttempts: 2})}
		_, err := post(t, client, server.URL)
		if fate(err) != notExecuted {
			t.Errorf("failed handshake: fate %q (%v), want not executed", fate(err), err)
		}
	})
}

func post(t *testing.T, client *http.Client, to string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return httpretry.Do(client, req)
}
