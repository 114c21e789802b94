package funchost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary is its own handler: started by a host under test it relays every request to the test, which says what
// to answer.
func TestMain(m *testing.M) {
	switch os.Getenv("ROLE") {
	case "handler":
		os.Exit(handlerMain())
	case "host":
		os.Exit(crashingHostMain())
	}
	goleak.VerifyTestMain(m)
}

// seen is a request as the handler got it.
type seen struct {
	Method, URI, Host string
	Header            http.Header
	Body              string
	Length            int64
	PID               int
	Env               []string
}

// reply is what the handler does next. Exit ends the process instead of answering.
type reply struct {
	Status int
	Header http.Header
	Body   string
	Exit   *int
	Stdout string
	Stderr string
}

func handlerMain() int {
	control := os.Getenv("CONTROL")
	if first := relay(control+"/start", seen{PID: os.Getpid(), Env: os.Environ()}); first.Exit != nil {
		fmt.Fprint(os.Stderr, first.Stderr)
		return *first.Exit
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		<-asked
		fmt.Fprintln(os.Stderr, "SIGTERM")
	}()
	err = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			status, err := strconv.Atoi(os.Getenv("PROBE"))
			if err != nil {
				<-r.Context().Done()
				return
			}
			w.WriteHeader(status)
			return
		}
		if os.Getenv("EARLY") != "" {
			http.Error(w, "early", http.StatusRequestEntityTooLarge)
			return
		}
		body, _ := io.ReadAll(r.Body)
		answer := relay(control+"/call", seen{
			Method: r.Method,
			URI:    r.RequestURI,
			Host:   r.Host,
			Header: r.Header,
			Body:   string(body),
			Length: r.ContentLength,
			PID:    os.Getpid(),
			Env:    os.Environ(),
		})
		fmt.Fprint(os.Stdout, answer.Stdout)
		fmt.Fprint(os.Stderr, answer.Stderr)
		if answer.Exit != nil {
			os.Exit(*answer.Exit)
		}
		w.Header()["Content-Type"] = nil
		for k, v := range answer.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(answer.Status)
		_, _ = io.WriteString(w, answer.Body)
	}))
	fmt.Fprintln(os.Stderr, err)
	return 9
}

func relay(url string, s seen) reply {
	body, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return reply{Status: 599}
	}
	defer resp.Body.Close()
	var r reply
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return reply{Status: 598}
	}
	return r
}

// call is one request (or start) of a handler process that waits for the test's reply.
type call struct {
	seen
	reply chan reply
}

func (c *call) answer(r reply) { c.reply <- r }

// succeed answers with the smallest success.
func (c *call) succeed() { c.answer(jsonReply("{}")) }

func jsonReply(body string) reply {
	return reply{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

func exits(code int) reply { return reply{Exit: &code} }

// app is a staged folder whose handler is this test binary, and what its host says and does.
type app struct {
	t        *testing.T
	root     string
	settings map[string]string
	calls    chan *call
	starts   chan *call // nil: every process starts at once
	events   chan Event
	broker   *broker
	clock    *fakeClock
	logs     *logBook
}

func newApp(t *testing.T, hostJSON string, functions map[string]string) *app {
	t.Helper()
	a := &app{t: t, root: t.TempDir(), calls: make(chan *call), events: make(chan Event, 100), logs: &logBook{}}
	a.clock = newFakeClock(time.Date(2026, 3, 2, 10, 2, 30, 0, time.UTC))
	a.broker = newBroker(a.clock)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(a.root, "handler")); err != nil {
		t.Fatal(err)
	}
	a.write("host.json", hostJSON)
	for name, text := range functions {
		a.write(name+"/function.json", text)
	}
	a.settings = map[string]string{
		"ROLE":                                "handler",
		"PROBE":                               "200",
		"ServiceBus__fullyQualifiedNamespace": "example-ns.servicebus.windows.net",
	}
	return a
}

func (a *app) write(name, text string) {
	a.t.Helper()
	path := filepath.Join(a.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

func (a *app) options() Options {
	return Options{
		AppRoot: a.root, Settings: a.settings, Broker: a.broker, Clock: a.clock, ProbeInterval: 2 * time.Millisecond,
		OnInvocation: func(e Event) { a.events <- e }, Logf: a.logs.add,
	}
}

// start runs the host until the test ends.
func (a *app) start(change ...func(*Options)) *Host {
	a.t.Helper()
	a.control()
	o := a.options()
	for _, f := range change {
		f(&o)
	}
	h, err := Start(context.Background(), o)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(h.Close)
	return h
}

// control is where the handler processes ask what to do.
func (a *app) control() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{reply: make(chan reply, 1)}
		if err := json.NewDecoder(r.Body).Decode(&c.seen); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		queue := a.calls
		if r.URL.Path == "/start" {
			if queue = a.starts; queue == nil {
				c.answer(reply{Status: 200})
			}
		}
		if queue != nil {
			select {
			case queue <- c:
			case <-r.Context().Done():
				return
			}
		}
		select {
		case answer := <-c.reply:
			_ = json.NewEncoder(w).Encode(answer)
		case <-r.Context().Done():
		}
	}))
	a.t.Cleanup(server.Close)
	a.settings["CONTROL"] = server.URL
}

const patience = 30 * time.Second

func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
	}
	panic("unreachable")
}

func (a *app) next() *call {
	a.t.Helper()
	select {
	case c := <-a.calls:
		return c
	case <-time.After(patience):
		a.t.Fatalf("no request to the handler; the host said: %s", a.logs.text())
	}
	panic("unreachable")
}

// takes answers requests to the handler, one for each path, in any order.
func (a *app) takes(paths ...string) {
	a.t.Helper()
	var got []string
	for range paths {
		c := a.next()
		c.succeed()
		got = append(got, c.URI)
	}
	if slices.Sort(got); !slices.Equal(got, paths) {
		a.t.Errorf("the handler got %v, want %v", got, paths)
	}
}

func (a *app) event() Event {
	a.t.Helper()
	return receive(a.t, a.events, "event")
}

// silent fails if anything reached the handler so far; what could have is over when it is called.
func (a *app) silent() {
	a.t.Helper()
	select {
	case c := <-a.calls:
		a.t.Errorf("the handler got %s %s", c.Method, c.URI)
	default:
	}
}

// eventually polls until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

type logBook struct {
	mu  sync.Mutex
	all []string
}

func (b *logBook) add(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, fmt.Sprintf(format, args...))
}

func (b *logBook) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(b.all)
}
