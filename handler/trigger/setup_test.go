package trigger

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cordon/handler/logging"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spy is services that note what they are called with and answer err.
type spy struct {
	mu         sync.Mutex
	ticks      map[string][]Tick
	deliveries map[string][]Delivery
	pushed     []Pushed
	skipped    []string
	err        error
	report     Health
	people     http.Handler // operator API, sign-in and console; nil: they are off
}

func (s *spy) services(context.Context) (Services, error) {
	tick := func(name string) func(context.Context, Tick) error {
		return func(_ context.Context, t Tick) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.ticks == nil {
				s.ticks = map[string][]Tick{}
			}
			s.ticks[name] = append(s.ticks[name], t)
			return s.err
		}
	}
	delivery := func(name string) func(context.Context, Delivery) error {
		return func(_ context.Context, d Delivery) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.deliveries == nil {
				s.deliveries = map[string][]Delivery{}
			}
			s.deliveries[name] = append(s.deliveries[name], d)
			return s.err
		}
	}
	return Services{
		PollAlerts: tick("PollAlerts"), FollowActions: tick("FollowActions"), RunHunts: tick("RunHunts"),
		RespondToAlert: delivery("RespondToAlert"), SendNotice: delivery("SendNotice"),
		ReceiveAlert: func(_ context.Context, p Pushed) (Receipt, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.pushed = append(s.pushed, p)
			return Receipt{Accepted: []string{"da1"}, Skipped: s.skipped}, s.err
		},
		Health:        func(context.Context) (Health, error) { return s.report, s.err },
		HealthSummary: func(context.Context) (Health, error) { return s.report, s.err },
		Operate:       s.people,
		SignIn:        s.people,
		Console:       s.people,
	}, nil
}

// calls is how often a service with an envelope was called.
func (s *spy) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.ticks {
		n += len(t)
	}
	for _, d := range s.deliveries {
		n += len(d)
	}
	return n
}

// journal collects log lines.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// lines is every line at a level, decoded.
func (j *journal) lines(t testing.TB, level string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(j.text()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if m["level"] == level {
			all = append(all, m)
		}
	}
	return all
}

// start makes a handler over services and the journal of its log.
func start(build func(context.Context) (Services, error), change ...func(*Options)) (*Handler, *journal) {
	j := &journal{}
	o := Options{Log: logging.New(j, slog.LevelDebug)}
	for _, c := range change {
		c(&o)
	}
	return New(o, build), j
}

// post sends an envelope to the handler as the host does.
func post(h http.Handler, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("X-Azure-Functions-InvocationId", "inv-1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// queueEnvelope is a delivery of body, as the host writes it for dataType binary.
func queueEnvelope(body string, delivery int) string {
	return fmt.Sprintf(`{"Data":{"message":%q},"Metadata":{"DeliveryCount":"%d","MessageId":"\"m-1\"",`+
		`"EnqueuedTime":"2026-03-02T10:05:01+00:00"}}`,
		base64.StdEncoding.EncodeToString([]byte(body)), delivery)
}

const timerEnvelope = `{"Data":{"timer":{"Schedule":{"AdjustForDST":true},"ScheduleStatus":null,"IsPastDue":false}},` +
	`"Metadata":{"sys":{"MethodName":"PollAlerts"}}}`

// problemOf checks that an answer is a short JSON problem and returns its code and message.
func problemOf(t testing.TB, status int, header http.Header, body []byte) (code, message string) {
	t.Helper()
	var p struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(body, &p); err != nil || p.Error.Code == "" || p.Error.Message == "" || len(body) > 2048 {
		t.Errorf("status %d with a body that is no short problem: %q (%v)", status, body, err)
	}
	if got := header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
	if strings.Contains(string(body), "goroutine") || strings.Contains(string(body), ".go:") {
		t.Errorf("the answer shows a stack: %s", body)
	}
	return p.Error.Code, p.Error.Message
}

// wantSuccess checks that the host takes the answer for success.
func wantSuccess(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" ||
		w.Body.String() != `{"Outputs":{},"Logs":[],"ReturnValue":null}` {
		t.Errorf("answer is %d %q %q", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
}

func wantFailure(t testing.TB, w *httptest.ResponseRecorder, code string) (message string) {
	t.Helper()
	got, message := problemOf(t, w.Code, w.Header(), w.Body.Bytes())
	if w.Code != http.StatusInternalServerError || got != code {
		t.Errorf("answer is %d %s (%s), want 500 %s", w.Code, got, message, code)
	}
	return message
}

// fixture is a request of the host.
type fixture struct {
	name    string
	body    []byte
	Path    string
	Method  string
	Headers map[string]string
}

func fixtures(t testing.TB) []fixture {
	t.Helper()
	paths, err := filepath.Glob("testdata/invocations/*.headers.json")
	if err != nil || len(paths) < 14 {
		t.Fatalf("%d fixtures: %v", len(paths), err)
	}
	all := make([]fixture, 0, len(paths))
	for _, path := range paths {
		f := fixture{name: strings.TrimSuffix(filepath.Base(path), ".headers.json")}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatal(err)
		}
		f.body, err = os.ReadFile(strings.TrimSuffix(path, ".headers.json") + ".json")
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// serve runs a handler on a listener until the test ends.
func serve(t testing.TB, l net.Listener, h *Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// listen is a handler on a port of its own, and the address.
func listen(t testing.TB, h *Handler) string {
	t.Helper()
	l, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, h)
	return l.Addr().String()
}

// pipes is a listener without a network, for tests on a clock of their own.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// write sends text; the other side may have gone.
func write(c io.Writer, text string) { _, _ = io.WriteString(c, text) }
