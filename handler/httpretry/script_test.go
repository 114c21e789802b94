package httpretry_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A step plays one attempt the way net/http's transport would report it.
type step func(*http.Request) (*http.Response, error)

// script answers attempt n with step n, the last step again when there are no more, and notes when each attempt came.
type script struct {
	mu     sync.Mutex
	steps  []step
	times  []time.Time
	bodies []string
}

func play(steps ...step) *script { return &script{steps: steps} }

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		b, _ := io.ReadAll(req.Body)
		req.Body.Close()
		body = string(b)
	}
	s.mu.Lock()
	n := min(len(s.times), len(s.steps)-1)
	s.times = append(s.times, time.Now())
	s.bodies = append(s.bodies, body)
	s.mu.Unlock()
	return s.steps[n](req)
}

func (s *script) attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.times)
}

func getConn(req *http.Request) {
	if tr := httptrace.ContextClientTrace(req.Context()); tr != nil {
		tr.GetConn(req.URL.Host)
	}
}

func gotConn(req *http.Request) {
	getConn(req)
	if tr := httptrace.ContextClientTrace(req.Context()); tr != nil {
		tr.GotConn(httptrace.GotConnInfo{})
	}
}

// trackedBody knows whether it was closed.
type trackedBody struct {
	io.Reader
	closed bool
}

func (b *trackedBody) Close() error { b.closed = true; return nil }

func status(code int, header ...string) step {
	return func(req *http.Request) (*http.Response, error) {
		gotConn(req)
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		body := &trackedBody{Reader: strings.NewReader(http.StatusText(code))}
		return &http.Response{StatusCode: code, Header: h, Body: body, Request: req}, nil
	}
}

func dialFails(req *http.Request) (*http.Response, error) {
	getConn(req)
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

func handshakeFails(req *http.Request) (*http.Response, error) {
	getConn(req)
	return nil, errors.New("tls: handshake failure")
}

func resets(req *http.Request) (*http.Response, error) {
	gotConn(req)
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

func endsEarly(req *http.Request) (*http.Response, error) {
	gotConn(req)
	return nil, io.EOF
}

// failsSilently is a transport that reports nothing to httptrace.
func failsSilently(*http.Request) (*http.Response, error) { return nil, errors.New("broken") }

// hangsConnected has a connection and then waits for the end of the request.
func hangsConnected(req *http.Request) (*http.Response, error) {
	gotConn(req)
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func hangsConnecting(req *http.Request) (*http.Response, error) {
	getConn(req)
	<-req.Context().Done()
	return nil, req.Context().Err()
}

type tokenTrouble struct{ retry bool }

func (tokenTrouble) Error() string                    { return "no token" }
func (tokenTrouble) NotExecuted() bool                { return true }
func (e tokenTrouble) RetryIn() (time.Duration, bool) { return 3 * time.Second, e.retry }

func noToken(retry bool) step {
	return func(*http.Request) (*http.Response, error) { return nil, tokenTrouble{retry} }
}

func request(t testing.TB, method string) *http.Request {
	t.Helper()
	var body io.Reader
	if method != http.MethodGet && method != http.MethodHead {
		body = strings.NewReader(`{"Comment":"c"}`)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "https://api.example.com/api/machines/1?$filter=secret",
		body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
