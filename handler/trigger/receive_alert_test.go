package trigger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// refusal is a service's own answer.
type refusal struct{ status int }

func (r refusal) Error() string { return "secret reasons" }
func (r refusal) Answer() (int, string, string, time.Duration) {
	return r.status, "word", "what is wrong", 10 * time.Second
}

func push(h http.Handler, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/api/alerts", strings.NewReader(body))
	r.RequestURI = "/api/alerts"
	r.Header.Set("X-Some", "thing")
	h.ServeHTTP(w, r)
	return w
}

func TestPushedAlertsAreAcceptedWithTheirIDs(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, _ := start(s.services)
	w := push(h, `{"alertId":"da1"}`)
	var answer struct {
		Accepted []string
		Look     string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusAccepted ||
		len(answer.Accepted) != 1 || answer.Look == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(s.pushed) != 1 || string(s.pushed[0].Body) != `{"alertId":"da1"}` ||
		s.pushed[0].Header.Get("X-Some") != "thing" {
		t.Errorf("the service saw %+v", s.pushed)
	}
}

func TestWhatWasSkippedOfAPushIsTold(t *testing.T) {
	t.Parallel()
	s := &spy{skipped: []string{"alert 2 has no text alertId"}}
	h, _ := start(s.services)
	if w := push(h, `[]`); w.Code != http.StatusAccepted ||
		!strings.Contains(w.Body.String(), `"accepted":["da1"],"skipped":["alert 2 has no text alertId"],"look":`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRefusedPushesAreAnsweredWithProblemDocuments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		body  string
		want  int
		after string
		calls int
		lines int // errors in the log
	}{
		"by the service":        {refusal{400}, "{}", 400, "10", 1, 0},
		"not trusted":           {refusal{401}, "{}", 401, "10", 1, 0},
		"not queued":            {refusal{503}, "{}", 503, "10", 1, 1},
		"any other trouble":     {errors.New("secret reasons"), "{}", 503, "10", 1, 1},
		"a body that is large":  {nil, strings.Repeat(" ", maxPushed+1), 413, "", 0, 0},
		"a body as large as is": {refusal{400}, strings.Repeat(" ", maxPushed), 400, "10", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &spy{err: c.err}
			h, log := start(s.services)
			w := push(h, c.body)
			var p struct {
				Type, Title, Detail, Code string
				Status                    int
			}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != c.want || p.Type == "" ||
				p.Title == "" || p.Detail == "" || p.Code == "" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w.Code != c.want || w.Header().Get("Content-Type") != "application/problem+json" ||
				w.Header().Get("Retry-After") != c.after {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if strings.Contains(w.Body.String(), "secret") || len(s.pushed) != c.calls ||
				len(log.lines(t, "ERROR")) != c.lines {
				t.Errorf("%s; %d calls; log %s", w.Body, len(s.pushed), log.text())
			}
		})
	}
}

// TestSlowBodiesKeepNoPushFromBeingAnswered has more callers than are answered at once send the head of a request and
// then nothing, over a real connection in fake time.
func TestSlowBodiesKeepNoPushFromBeingAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &spy{}
		h, log := start(s.services)
		listener := newPipes()
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- Serve(ctx, listener, h) }()
		head := "POST /api/alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
		began := time.Now()
		slow := make(chan string)
		for range 40 {
			c := listener.dial()
			go func() {
				defer c.Close()
				_, _ = c.Write([]byte(head))
				line, _ := bufio.NewReader(c).ReadString('\n')
				slow <- line
			}()
		}
		synctest.Wait()
		for range 20 {
			if w := push(h, "{}"); w.Code != http.StatusAccepted {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		for range 40 {
			if line := <-slow; !strings.Contains(line, " 408 ") {
				t.Errorf("a body that never comes is answered %q", line)
			}
		}
		if took := time.Since(began); took > pushBodyTime+time.Second || len(s.pushed) != 20 ||
			len(log.lines(t, "ERROR")) != 0 {
			t.Errorf("%d pushes; sent away after %s; %s", len(s.pushed), took, log.text())
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// TestRefusedProofsAreCountedWarnings sends a thousand requests without a proof within a minute, and one later.
func TestRefusedProofsAreCountedWarnings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &spy{err: refusal{http.StatusUnauthorized}}
		h, log := start(s.services)
		for range 1000 {
			push(h, "{}")
		}
		time.Sleep(time.Minute)
		push(h, "{}")
		lines := log.lines(t, "WARN")
		if len(lines) != 2 || lines[0]["count"] != 1.0 || lines[1]["count"] != 1000.0 ||
			lines[1]["last"] != "secret reasons" || len(log.lines(t, "ERROR")) != 0 {
			t.Errorf("%v", log.text())
		}
	})
}
