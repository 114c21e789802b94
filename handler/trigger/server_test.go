package trigger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnlyThisMachineCanConnect(t *testing.T) {
	t.Parallel()
	l, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	address := l.Addr().(*net.TCPAddr)
	if !address.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		t.Fatalf("bound to %v", address)
	}
	others, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range others {
		ip := other.(*net.IPNet).IP
		if ip.Equal(address.IP) {
			continue
		}
		c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), fmt.Sprint(address.Port)), time.Second)
		if err == nil {
			_ = c.Close()
			t.Errorf("%v reaches the handler", ip)
		}
	}
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	l, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port
	for _, bad := range []int{port, -1, 70_000} {
		if _, err := Listen(bad); err == nil || !strings.Contains(err.Error(), "FUNCTIONS_CUSTOMHANDLER_PORT") ||
			!strings.Contains(err.Error(), fmt.Sprint(bad)) {
			t.Errorf("port %d: %v", bad, err)
		}
	}
}

// get is one request over a connection, with the answer read.
func get(t *testing.T, c net.Conn, request string) (*http.Response, []byte) {
	t.Helper()
	go write(c, request)
	return answer(t, c)
}

func answer(t *testing.T, c net.Conn) (*http.Response, []byte) {
	t.Helper()
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, body
}

// bubble serves a handler over pipes on the test's own clock.
func bubble(t *testing.T, h *Handler) *pipes {
	t.Helper()
	p := newPipes()
	serve(t, p, h)
	return p
}

func TestReadinessIsAnsweredWhileTheServicesAreBeingBuilt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		h, _ := start(func(context.Context) (Services, error) {
			<-free
			return (&spy{}).services(t.Context())
		})
		p := bubble(t, h)
		c := p.dial()
		defer func() { _ = c.Close() }()
		began := time.Now()
		a, body := get(t, c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		if a.StatusCode != http.StatusOK || len(body) == 0 || time.Since(began) != 0 {
			t.Errorf("%d %q after %v", a.StatusCode, body, time.Since(began))
		}
		waiting := make(chan *httptest.ResponseRecorder)
		go func() { waiting <- post(h, "/PollAlerts", timerEnvelope) }()
		synctest.Wait()
		select {
		case w := <-waiting:
			t.Errorf("answered %d before the services were there", w.Code)
		default:
		}
		close(free)
		wantSuccess(t, <-waiting)
	})
}

func TestServicesAreBuiltOnceWhoeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var built atomic.Int32
		s := &spy{}
		h, _ := start(func(context.Context) (Services, error) {
			built.Add(1)
			<-time.After(3 * time.Second)
			return s.services(t.Context())
		})
		bubble(t, h)
		answers := make(chan *httptest.ResponseRecorder)
		for range 16 {
			go func() { answers <- post(h, "/RespondToAlert", queueEnvelope("x", 1)) }()
		}
		for range 16 {
			wantSuccess(t, <-answers)
		}
		if built.Load() != 1 || s.calls() != 16 {
			t.Errorf("built %d times, %d calls", built.Load(), s.calls())
		}
	})
}

func TestABuildOutlivesTheInvocationThatBeganIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := start(func(ctx context.Context) (Services, error) {
			select {
			case <-ctx.Done():
				return Services{}, ctx.Err()
			case <-time.After(3 * time.Second):
				return (&spy{}).services(ctx)
			}
		}, func(o *Options) { o.Deadline = 2 * time.Second })
		wantFailure(t, post(h, "/PollAlerts", timerEnvelope), "not_ready")
		wantSuccess(t, post(h, "/PollAlerts", timerEnvelope))
	})
}

func TestABuildThatFailsIsToldAndTriedAgainAfterASecond(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("CORDON_SMTP_URL has no host") },
		"panic": func() error { panic("CORDON_SMTP_URL has no host") },
	} {
		synctest.Test(t, func(t *testing.T) {
			var built atomic.Int32
			h, log := start(func(context.Context) (Services, error) {
				if built.Add(1) < 3 {
					return Services{}, fail()
				}
				return (&spy{}).services(t.Context())
			})
			bubble(t, h)
			synctest.Wait() // Serve has tried once
			try := func(wantBuilt int32) *httptest.ResponseRecorder {
				w := post(h, "/PollAlerts", timerEnvelope)
				if built.Load() != wantBuilt {
					t.Errorf("%s: built %d times, want %d", name, built.Load(), wantBuilt)
				}
				return w
			}
			code := map[string]string{"error": "not_ready", "panic": "panic"}[name]
			message := wantFailure(t, try(1), code)
			if name == "error" && !strings.Contains(message, "CORDON_SMTP_URL has no host") {
				t.Errorf("the answer does not tell the reason: %s", message)
			}
			<-time.After(999 * time.Millisecond)
			wantFailure(t, try(1), code)
			<-time.After(time.Millisecond)
			wantFailure(t, try(2), code)
			<-time.After(time.Second)
			wantSuccess(t, try(3))
			if got := log.lines(t, "ERROR"); len(got) != 4 ||
				!strings.Contains(got[0]["error"].(string), "CORDON_SMTP_URL has no host") {
				t.Errorf("%s: log:\n%s", name, log.text())
			}
		})
	}
}

func TestABodyThatNeverEndsIsCutOff(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"with a length": "POST /RespondToAlert HTTP/1.1\r\nHost: h\r\nContent-Type: " +
			"application/json\r\nContent-Length: 100\r\n\r\n{\"Data\":",
		"in chunks": "POST /RespondToAlert HTTP/1.1\r\nHost: h\r\nContent-Type: " +
			"application/json\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"Data\":\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &spy{}
			h, _ := start(s.services)
			c := bubble(t, h).dial()
			defer func() { _ = c.Close() }()
			began := time.Now()
			a, body := get(t, c, request)
			code, message := problemOf(t, a.StatusCode, a.Header, body)
			if a.StatusCode != http.StatusInternalServerError || code != "undecodable" ||
				!strings.Contains(message, "30s") || s.calls() != 0 {
				t.Errorf("%s: %d %s", name, a.StatusCode, body)
			}
			if took := time.Since(began); took != 30*time.Second {
				t.Errorf("%s: answered after %v", name, took)
			}
		})
	}
}

func TestABodyThatIsOfNoUseIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"of another type": "Content-Type: text/plain\r\nContent-Length: 100\r\n\r\n{",
		"no JSON":         "Content-Type: application/json\r\nContent-Length: 100\r\n\r\nx",
	} {
		synctest.Test(t, func(t *testing.T) {
			h, _ := start((&spy{}).services)
			c := bubble(t, h).dial()
			defer func() { _ = c.Close() }()
			began := time.Now()
			a, body := get(t, c, "POST /RespondToAlert HTTP/1.1\r\nHost: h\r\n"+request)
			if code, _ := problemOf(t, a.StatusCode, a.Header, body); code != "undecodable" || time.Since(began) != 0 {
				t.Errorf("%s: %s after %v", name, body, time.Since(began))
			}
		})
	}
}

func TestABodyThatIsCutIsRefused(t *testing.T) {
	t.Parallel()
	whole := queueEnvelope("x", 1)
	for name, request := range map[string]string{
		"in a chunk":          "Transfer-Encoding: chunked\r\n\r\n40\r\n{\"Data\":",
		"before the last one": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(whole), whole),
		"before its length":   fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(whole)+1, whole),
		"in no real chunks":   "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		s := &spy{}
		h, _ := start(s.services)
		c, err := net.Dial("tcp", listen(t, h))
		if err != nil {
			t.Fatal(err)
		}
		write(c, "POST /RespondToAlert HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"+request)
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		a, body := answer(t, c)
		if code, _ := problemOf(t, a.StatusCode, a.Header, body); a.StatusCode != http.StatusInternalServerError ||
			code != "undecodable" || s.calls() != 0 {
			t.Errorf("%s: %d %s, %d calls", name, a.StatusCode, body, s.calls())
		}
		_ = c.Close()
	}
}

func TestALongInvocationIsNotEndedByTheTimeForItsBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := start(func(context.Context) (Services, error) {
			return Services{RespondToAlert: func(ctx context.Context, _ Delivery) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(8 * time.Minute):
					return nil
				}
			}}, nil
		})
		c := bubble(t, h).dial()
		defer func() { _ = c.Close() }()
		text := queueEnvelope("x", 1)
		a, body := get(t, c,
			fmt.Sprintf("POST /RespondToAlert HTTP/1.1\r\nHost: h\r\nContent-Type: "+
				"application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(text), text))
		if a.StatusCode != http.StatusOK || string(body) != string(success) {
			t.Errorf("%d %s", a.StatusCode, body)
		}
	})
}

func TestServeLetsInvocationsEndAndThenEndsThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		work time.Duration
		want error
	}{"soon done": {2 * time.Second, nil}, "not done": {time.Hour, context.Canceled}} {
		synctest.Test(t, func(t *testing.T) {
			begun, ended := make(chan struct{}), make(chan error, 1)
			h, _ := start(func(context.Context) (Services, error) {
				return Services{PollAlerts: func(ctx context.Context, _ Tick) error {
					close(begun)
					select {
					case <-ctx.Done():
						ended <- ctx.Err()
					case <-time.After(c.work):
						ended <- nil
					}
					return nil
				}}, nil
			})
			p, done := newPipes(), make(chan error, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { done <- Serve(ctx, p, h) }()
			conn := p.dial()
			defer func() { _ = conn.Close() }()
			go write(conn,
				fmt.Sprintf("POST /PollAlerts HTTP/1.1\r\nHost: h\r\nContent-Type: "+
					"application/json\r\nContent-Length: %d\r\n\r\n%s", len(timerEnvelope), timerEnvelope))
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			<-begun
			cancel()
			if err := <-ended; !errors.Is(err, c.want) {
				t.Errorf("%s: the invocation ended with %v, want %v", name, err, c.want)
			}
			if err := <-done; err != nil {
				t.Errorf("%s: Serve: %v", name, err)
			}
		})
	}
}

func TestServeSaysWhyItCouldNotGoOn(t *testing.T) {
	t.Parallel()
	l, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	h, _ := start((&spy{}).services)
	if err := Serve(t.Context(), l, h); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

func TestNeitherHeadersNorNoiseAreUnbounded(t *testing.T) {
	t.Parallel()
	h, log := start((&spy{}).services)
	address := listen(t, h)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	go write(c, "GET / HTTP/1.1\r\nHost: h\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
	if a, _ := answer(t, c); a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answered %d", a.StatusCode)
	}
	if s := newServer(h); s.ReadHeaderTimeout == 0 || s.IdleTimeout <= 2*time.Minute || s.WriteTimeout != 0 {
		t.Errorf("server is %+v", s)
	}
	newServer(h).ErrorLog.Print("accept: trouble")
	if got := log.lines(t, "WARN"); len(got) != 1 || got[0]["msg"] != "accept: trouble" {
		t.Errorf("the server's own trouble is not in the log: %s", log.text())
	}
}
