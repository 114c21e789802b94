package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/local/defendersim"
	"cordon/local/funchost"
	"cordon/local/judge"
	"cordon/local/servicebus"
	"cordon/local/smtpsink"
	"cordon/local/world"
)

// app is the staged app root, built once for all stories.
var app = sync.OnceValues(func() (string, error) {
	root, err := os.MkdirTemp("", "cordon-app-")
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(root, "cordon"),
		"cordon/handler").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	functions, err := filepath.Glob("../functions/*/function.json")
	for _, file := range append(functions, "../host.json", "../playbook.yaml") {
		to := filepath.Join(root, filepath.Base(file))
		if strings.HasSuffix(file, "function.json") {
			to = filepath.Join(root, filepath.Base(filepath.Dir(file)), "function.json")
		}
		body, readErr := os.ReadFile(file)
		if err := readErr; err != nil {
			return "", err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(to, body, 0o644); err != nil {
			return "", err
		}
	}
	return root, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if root, err := app(); err == nil {
		_ = os.RemoveAll(root)
	}
	os.Exit(code)
}

// story is the real binary under the host's side of the protocol, with every stand-in.
type story struct {
	*world.World
	t    *testing.T
	host *funchost.Host

	mu    sync.Mutex
	lines []string // of the handler's log
}

func newStory(t *testing.T, o world.Options, settings map[string]string) *story {
	t.Helper()
	s := newStage(t, o, settings)
	s.host = s.open(nil).Host
	return s
}

// newStage is a story whose Functions host is not there yet.
func newStage(t *testing.T, o world.Options, settings map[string]string) *story {
	t.Helper()
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	if o.Playbook == "" {
		if o.Playbook, err = world.Enforcing(root); err != nil {
			t.Fatal(err)
		}
	}
	e, err := world.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	maps.Copy(e.Settings, settings)
	return &story{World: e, t: t}
}

func (s *story) log(l funchost.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, l.Text)
}

// get asks the host's front without a key.
func (s *story) get(path string) (status int, body string) {
	s.t.Helper()
	answer, err := http.Get("http://" + s.host.Addr() + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(read)
}

// logged counts the log lines that hold all of some texts.
func (s *story) logged(texts ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, line := range s.lines {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			n++
		}
	}
	return n
}

// eventually waits for a condition, long enough for a slow machine.
func (s *story) eventually(what string, holds func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 4*time.Minute)
	defer cancel()
	if !until(ctx, 50*time.Millisecond, holds) {
		s.mu.Lock()
		defer s.mu.Unlock()
		news := slices.DeleteFunc(slices.Clone(s.lines), func(line string) bool {
			return strings.Contains(line, `"msg":"polled"`)
		})
		s.t.Fatalf("not seen in time: %s\nlog:\n%s", what, strings.Join(news[max(0, len(news)-40):], "\n"))
	}
}

const machineID = "4c1f7a90be2d35689f00d1e2a7b3c4558d6e9f12"

// highAlert puts a machine and a High alert on it into the tenant.
func (s *story) highAlert() {
	s.Defender.AddMachine(defendersim.Machine{ID: machineID, Name: "fin-lt-0147.corp.contoso.com", OS: "Windows11"})
	now := time.Now().UTC()
	s.Defender.AddAlert(defendersim.Alert{
		ID:         "da638994417204415533_-1184209733",
		IncidentID: 48213,
		Title:      "Office application started an encoded script host",
		Severity:   "High",
		Status:     "New",
		Category:   "Execution",
		MachineID:  machineID,
		Created:    now,
		Updated:    now,
	}, now)
}

// isolations are the isolate actions that the API accepted.
func (s *story) isolations() int { return len(s.Defender.Actions()) }

// told reports whether a mail says something of the machine.
func (s *story) told(outcome string) bool {
	for _, m := range s.Mail.Mails() {
		for _, claim := range judge.Claims(m.Text) {
			if claim.MachineID == machineID && strings.HasPrefix(claim.Outcome, outcome) {
				return true
			}
		}
	}
	return false
}

func TestStoryAlertAppearsMachineIsIsolatedPeopleKnow(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, nil)
	s.highAlert()
	s.eventually("the mail about the request", func() bool {
		return s.told("Isolation requested") || s.told("Isolated")
	})
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
	if n := s.isolations(); n != 1 || !s.Defender.Isolated(machineID) {
		t.Errorf("%d isolations", n)
	}
	answer, err := http.Get("http://" + s.host.Addr() + "/api/health")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var health struct {
		OK           bool
		Mode         string
		OpenEpisodes int
	}
	if err := json.NewDecoder(answer.Body).Decode(&health); err != nil || answer.StatusCode != 200 || !health.OK ||
		health.Mode != "enforce" || health.OpenEpisodes != 1 {
		t.Errorf("health: %d %+v %v", answer.StatusCode, health, err)
	}
	if status, summary := s.get("/api/health/summary"); status != 200 || summary != `{"ok":true}` {
		t.Errorf("summary: %d %s", status, summary)
	}
}

func TestStoryHandlerKilledBetweenIntentAndAnswerIsolatesOnce(t *testing.T) {
	t.Parallel()
	var s *story
	kill := make(chan struct{})
	var once sync.Once
	s = newStory(t, world.Options{Between: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/isolate") {
				first := false
				once.Do(func() { first = true })
				if first {
					// The API accepts the request, and the process that asked dies before it hears of it.
					next.ServeHTTP(newDiscard(), r)
					close(kill)
					<-r.Context().Done()
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}}, nil)
	s.highAlert()
	<-kill
	if err := s.host.Kill("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
	s.eventually("the run to close", func() bool {
		return slices.ContainsFunc(s.Runs(), func(r judge.Run) bool {
			return r.State == "closed" && r.Outcome == "isolated"
		})
	})
	if n := s.isolations(); n != 1 {
		t.Errorf("%d isolations after a kill between intent and answer", n)
	}
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func newDiscard() *discard                     { return &discard{http.Header{}} }
func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func TestStoryMissingRoleIsNamedAndTheAlertIsKept(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	granted := false
	var e *world.World
	o := world.Options{}
	o.Defender.Verify = func(token string) (defendersim.Claims, error) {
		claims, err := e.Verify(token)
		mu.Lock()
		defer mu.Unlock()
		if !granted {
			claims.Roles = slices.DeleteFunc(slices.Clone(claims.Roles), func(r string) bool {
				return r == "Machine.Isolate"
			})
		}
		return claims, err
	}
	o.Started = func(started *world.World) { e = started }
	s := newStory(t, o, nil)
	s.highAlert()
	s.eventually("the mail that names the permission", func() bool {
		return slices.ContainsFunc(s.Mail.Mails(), func(m smtpsink.Mail) bool {
			return strings.Contains(m.Text, "Machine.Isolate")
		})
	})
	if s.isolations() != 0 {
		t.Fatal("the stand-in accepted an isolation without the role")
	}
	mu.Lock()
	granted = true
	mu.Unlock()
	s.eventually("the isolation after the grant", func() bool { return s.told("Isolated") })
	if n := s.isolations(); n != 1 {
		t.Errorf("%d isolations", n)
	}
}

func TestStoryUndecodableMessageIsDeadLetteredAndItsReasonLoggedOnce(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, nil)
	if err := s.Bus.Send(world.AlertQueue, servicebus.Message{
		ID:   "x",
		Body: []byte(`{"alertId":"../../machines/1"}`),
	}); err != nil {
		t.Fatal(err)
	}
	s.eventually("the dead letter", func() bool { return s.Bus.Counts(world.AlertQueue).DeadLettered == 1 })
	if n := s.logged(`"level":"ERROR"`, "character '/'"); n != 1 {
		t.Errorf("the reason is logged %d times", n)
	}
	if n := s.Defender.CountCalls(func(c defendersim.Call) bool {
		return strings.Contains(c.Path, "..") || c.Method == http.MethodPost
	}); n != 0 {
		t.Errorf("%d requests came of it", n)
	}
}

func TestStoryBareQueueMessageIsEnough(t *testing.T) {
	t.Parallel()
	// The timers sleep, so that nothing but the message can bring the answer about.
	s := newStory(t, world.Options{}, map[string]string{"CORDON_POLL_SCHEDULE": "0 0 0 1 1 *"})
	s.highAlert()
	if err := s.Bus.Send(world.AlertQueue, servicebus.Message{
		ID:   "by hand",
		Body: []byte(`{"alertId":"da638994417204415533_-1184209733"}`),
	}); err != nil {
		t.Fatal(err)
	}
	s.eventually("the mail about the outcome", func() bool { return s.told("Isolated") })
}

func TestStoryNoOutsideRequestReachesAnEnvelopeRoute(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, map[string]string{"CORDON_POLL_SCHEDULE": "0 0 0 1 1 *"})
	s.highAlert()
	for _, path := range []string{
		"/RespondToAlert", "/api/RespondToAlert", "/api/../RespondToAlert", "/api/health/../../RespondToAlert",
		"/api/%2e%2e/RespondToAlert", "//RespondToAlert", "/api/health/..%5C..%5CRespondToAlert",
		"/api/alerts/%252e%252e/%252e%252e/RespondToAlert", "/api//health/..//..//RespondToAlert",
	} {
		conn, err := net.Dial("tcp", s.host.Addr())
		if err != nil {
			t.Fatal(err)
		}
		body := `{"Data":{"message":"eyJhbGVydElkIjoiZGE2Mzg5OTQ0MTcyMDQ0MTU1MzNfLTExODQyMDk3MzMifQ=="},"Metadata":{}}`
		fmt.Fprintf(conn,
			"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: "+
				"close\r\n\r\n%s", path, len(body), body)
		answer, err := io.ReadAll(conn)
		if err != nil || strings.HasPrefix(string(answer), "HTTP/1.1 2") {
			t.Errorf("POST %s: %v %.40q", path, err, answer)
		}
		conn.Close()
	}
	if s.isolations() != 0 {
		t.Error("a request from outside isolated a machine")
	}
}

// TestBinaryAloneAnswersEnvelopesByHand starts the binary without any host and posts what the host would.
func TestBinaryAloneAnswersEnvelopesByHand(t *testing.T) {
	t.Parallel()
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	playbook, err := world.Enforcing(root)
	if err != nil {
		t.Fatal(err)
	}
	e, err := world.Start(world.Options{Playbook: playbook})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	s := &story{World: e, t: t}
	base := "http://127.0.0.1:" + alonePort(t, root, e.Settings)
	s.highAlert()
	post := func(function, body string) string {
		t.Helper()
		answer, err := http.Post(base+"/"+function, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != 200 {
			t.Fatalf("%s: %d %s", function, answer.StatusCode, text)
		}
		return string(bytes.TrimSpace(text))
	}
	if got := post("PollAlerts",
		`{"Data":{"timer":{"IsPastDue":false}},"Metadata":{}}`); got != `{"Outputs":{},"Logs":[],"ReturnValue":null}` {
		t.Errorf("PollAlerts answered %s", got)
	}
	d, err := e.Bus.Receive(t.Context(), world.AlertQueue)
	if err != nil {
		t.Fatal(err)
	}
	envelope, _ := json.Marshal(map[string]any{
		"Data":     map[string]any{"message": d.Body},
		"Metadata": map[string]string{"DeliveryCount": "1", "MessageId": `"` + d.MessageID + `"`},
	})
	post("RespondToAlert", string(envelope))
	s.eventually("the action to be final", func() bool { return s.Defender.Isolated(machineID) })
	s.eventually("the follow to see it", func() bool {
		post("FollowActions", `{"Data":{},"Metadata":{}}`)
		return slices.ContainsFunc(e.Runs(), func(r judge.Run) bool { return r.Outcome == "isolated" })
	})
	if n := s.isolations(); n != 1 {
		t.Errorf("%d isolations", n)
	}
}

// alonePort starts the binary on a free port and returns the port once it answers.
func alonePort(t *testing.T, root string, settings map[string]string) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	command := exec.Command(filepath.Join(root, "cordon"))
	command.Dir = root
	command.Env = []string{"FUNCTIONS_CUSTOMHANDLER_PORT=" + port}
	for name, value := range settings {
		command.Env = append(command.Env, name+"="+value)
	}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if !until(ctx, 20*time.Millisecond, func() bool {
		answer, err := http.Get("http://127.0.0.1:" + port + "/")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	}) {
		t.Fatalf("the binary does not answer: %s", output.String())
	}
	return port
}

// TestStoryWrongCredentialsAreNamedWithTheWayOut gives the handler a wrong secret and a token for somebody else.
func TestStoryWrongCredentialsAreNamedWithTheWayOut(t *testing.T) {
	t.Parallel()
	for setting, wrong := range map[string]string{
		"CORDON_CLIENT_SECRET":     "not-the-secret",
		"CORDON_DEFENDER_AUDIENCE": "https://graph.microsoft.com",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			s := newStory(t, world.Options{}, map[string]string{setting: wrong})
			s.highAlert()
			s.eventually("the log line that names the setting", func() bool {
				return s.logged(`"level":"ERROR"`, "PollAlerts", setting) > 0
			})
			if s.logged(wrong) > 0 && setting == "CORDON_CLIENT_SECRET" {
				t.Error("the secret is in the log")
			}
			s.eventually("what Health says", func() bool {
				status, body := s.get("/api/health")
				return status == http.StatusServiceUnavailable &&
					strings.Contains(body, "PollAlerts has never succeeded") && strings.Contains(body, setting)
			})
			s.eventually("what its summary says", func() bool {
				status, summary := s.get("/api/health/summary")
				return status == http.StatusServiceUnavailable && summary == `{"ok":false}`
			})
		})
	}
}
