package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusAccepted || len(answer.Accepted) != 1 || answer.Look == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(s.pushed) != 1 || string(s.pushed[0].Body) != `{"alertId":"da1"}` || s.pushed[0].Header.Get("X-Some") != "thing" {
		t.Errorf("the service saw %+v", s.pushed)
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
		"not trusted":           {refusal{401}, "{}", 401, "10", 1, 1},
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
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != c.want || p.Type == "" || p.Title == "" || p.Detail == "" || p.Code == "" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w.Code != c.want || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Retry-After") != c.after {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if strings.Contains(w.Body.String(), "secret") || len(s.pushed) != c.calls || len(log.lines(t, "ERROR")) != c.lines {
				t.Errorf("%s; %d calls; log %s", w.Body, len(s.pushed), log.text())
			}
		})
	}
}

func TestMorePushesAtOnceThanCanBeAnsweredAreSentAway(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	h, _ := start(func(context.Context) (Services, error) {
		return Services{ReceiveAlert: func(context.Context, Pushed) ([]string, error) {
			entered <- struct{}{}
			<-leave
			return []string{"da1"}, nil
		}}, nil
	})
	codes := make(chan int)
	for range pushesAtOnce {
		go func() { codes <- push(h, "{}").Code }()
	}
	for range pushesAtOnce {
		<-entered
	}
	if w := push(h, "{}"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	close(leave)
	for range pushesAtOnce {
		if code := <-codes; code != http.StatusAccepted {
			t.Error(code)
		}
	}
}
