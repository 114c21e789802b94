package trigger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestsOfTheHostAreAnswered(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, _ := start(s.services)
	address := listen(t, h)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	sent := 0
	for _, f := range fixtures(t) {
		if !strings.HasPrefix(f.name, "timer") && !strings.HasPrefix(f.name, "servicebus") ||
			f.name == "servicebus-batch" {
			continue
		}
		path, text := f.Path, string(f.body)
		if strings.HasPrefix(f.name, "servicebus") { // recorded under names of another app
			path, text = "/RespondToAlert", strings.Replace(text, `"alert":`, `"message":`, 1)
		}
		text = strings.Replace(text, `"pollTimer":`, `"timer":`, 1)
		// A reader without a length is sent in chunks, as the host does.
		r, err := http.NewRequestWithContext(t.Context(), f.Method, "http://"+address+path,
			struct{ io.Reader }{strings.NewReader(text)})
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range f.Headers {
			if name != "Host" && name != "Transfer-Encoding" {
				r.Header.Set(name, value)
			}
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || string(body) != string(success) ||
			answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %q, %v", f.name, answer.StatusCode, body, err)
		}
		sent++
		if id := f.Headers["X-Azure-Functions-InvocationId"]; id != lastInvocation(s, f.name) {
			t.Errorf("%s: invocation %q, want %q", f.name, lastInvocation(s, f.name), id)
		}
	}
	if sent != 8 || s.calls() != 8 {
		t.Errorf("%d requests, %d calls, want 8", sent, s.calls())
	}
	if got := s.ticks["PollAlerts"]; !got[1].PastDue && !got[2].PastDue && !got[0].PastDue && !got[3].PastDue {
		t.Errorf("no tick was past due: %+v", got)
	}
}

func lastInvocation(s *spy, fixture string) string {
	if strings.HasPrefix(fixture, "timer") {
		all := s.ticks["PollAlerts"]
		return all[len(all)-1].InvocationID
	}
	all := s.deliveries["RespondToAlert"]
	return all[len(all)-1].InvocationID
}

func TestWhatIsNoEnvelopeIsRefusedAndCallsNothing(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, log := start(s.services)
	failures := 0
	for name, body := range badEnvelopes() {
		for _, path := range []string{"/PollAlerts", "/FollowActions", "/RunHunts", "/RespondToAlert", "/SendNotice"} {
			w := post(h, path, body)
			failures++
			if message := wantFailure(t, w, "undecodable"); !strings.HasPrefix(message, "the invocation") {
				t.Errorf("%s to %s: %s", name, path, message)
			}
		}
	}
	for name, body := range map[string]string{
		"no data":      `{}`,
		"no message":   `{"Data":{}}`,
		"null":         `{"Data":{"message":null}}`,
		"number":       `{"Data":{"message":4}}`,
		"bad base64":   `{"Data":{"message":"%%%"}}`,
		"another name": `{"Data":{"alert":"e30="}}`,
	} {
		failures++
		if message := wantFailure(t, post(h, "/RespondToAlert", body),
			"undecodable"); !strings.Contains(message, "Data.message") {
			t.Errorf("%s: %s", name, message)
		}
	}
	if s.calls() != 0 {
		t.Errorf("%d calls", s.calls())
	}
	if got := len(log.lines(t, "ERROR")); got != failures {
		t.Errorf("%d failures gave %d errors in the log", failures, got)
	}
}

func TestOnlyJSONIsAnEnvelope(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, _ := start(s.services)
	for kind, ok := range map[string]bool{
		"application/json":                  true,
		"application/json; charset=utf-8":   true,
		"Application/JSON":                  true,
		"":                                  false,
		"text/plain":                        false,
		"application/x-www-form-urlencoded": false,
		"application/jsonp":                 false,
		"multipart/form-data; boundary=x":   false,
	} {
		r := httptest.NewRequest(http.MethodPost, "/PollAlerts", strings.NewReader(timerEnvelope))
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if ok {
			wantSuccess(t, w)
		} else if message := wantFailure(t, w, "undecodable"); !strings.Contains(message, "application/json") {
			t.Errorf("%q: %s", kind, message)
		}
	}
	if s.calls() != 3 {
		t.Errorf("%d calls", s.calls())
	}
}

func TestATimerRunsWhateverItsValueSays(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, _ := start(s.services)
	for _, data := range []string{
		`{}`, `null`, `{"timer":null}`, `{"timer":"null"}`, `{"timer":"text"}`, `{"timer":[]}`,
		`{"timer":{"IsPastDue":4,"ScheduleStatus":7}}`,
	} {
		wantSuccess(t, post(h, "/PollAlerts", `{"Data":`+data+`}`))
	}
	for _, got := range s.ticks["PollAlerts"] {
		if got.PastDue || !got.Due.IsZero() {
			t.Errorf("tick is %+v", got)
		}
	}
}

func TestADeliveryOfWhichNothingIsSaidIsTheFirst(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h, _ := start(s.services)
	for _, metadata := range []string{
		"", `,"Metadata":{}`, `,"Metadata":null`, `,"Metadata":{"DeliveryCount":"0"}`,
		`,"Metadata":{"DeliveryCount":"x"}`,
	} {
		wantSuccess(t, post(h, "/SendNotice", `{"Data":{"message":{"a":1}}`+metadata+`}`))
	}
	for _, d := range s.deliveries["SendNotice"] {
		if d.DeliveryCount != 1 || string(d.Body) != `{"a":1}` || d.MessageID != "" || !d.EnqueuedAt.IsZero() {
			t.Errorf("delivery is %+v", d)
		}
	}
}

func TestAnErrorIsAnsweredAndLoggedOnce(t *testing.T) {
	t.Parallel()
	s := &spy{err: fmt.Errorf("read watermark: %w", errors.New("table is gone, key=hunter2"))}
	h, log := start(s.services)
	for _, path := range []string{"/PollAlerts", "/FollowActions", "/RunHunts", "/RespondToAlert", "/SendNotice"} {
		w := post(h, path, queueEnvelope("x", 3))
		if message := wantFailure(t, w, "failed"); strings.Contains(message, "hunter2") {
			t.Errorf("the answer tells the reason: %s", message)
		}
	}
	got := log.lines(t, "ERROR")
	if len(got) != 5 {
		t.Fatalf("%d errors in the log, want 5:\n%s", len(got), log.text())
	}
	for i, function := range []string{"PollAlerts", "FollowActions", "RunHunts", "RespondToAlert", "SendNotice"} {
		if got[i]["function"] != function || got[i]["invocation"] != "inv-1" || got[i]["error"] != s.err.Error() ||
			got[i]["delivery"] != 3.0 {
			t.Errorf("line %v", got[i])
		}
	}
}

// unreadable is an error as services make it.
type unreadable struct{ really bool }

func (unreadable) Error() string       { return "format 9 of attackers" }
func (u unreadable) Undecodable() bool { return u.really }

func TestAMessageThatCanNeverBeReadIsAnErrorAtItsFirstDeliveryOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		err      error
		envelope func(delivery int) string
	}{
		{"by the service", fmt.Errorf("respond: %w", unreadable{true}), func(n int) string {
			return queueEnvelope("x", n)
		}},
		{"by its base64", nil, func(n int) string {
			return fmt.Sprintf(`{"Data":{"message":"%%%%"},"Metadata":{"DeliveryCount":"%d"}}`, n)
		}},
	} {
		h, log := start((&spy{err: c.err}).services)
		for delivery := 1; delivery <= 10; delivery++ {
			wantFailure(t, post(h, "/RespondToAlert", c.envelope(delivery)), "undecodable")
		}
		if errs, debugs := log.lines(t, "ERROR"), log.lines(t, "DEBUG"); len(errs) != 1 ||
			errs[0]["delivery"] != 1.0 || len(debugs) != 9 {
			t.Errorf("%s: %d errors, %d debug lines", c.name, len(errs), len(debugs))
		}
	}
}

func TestAnErrorThatCanPassIsLoggedAtEveryDelivery(t *testing.T) {
	t.Parallel()
	h, log := start((&spy{err: unreadable{false}}).services)
	for delivery := 1; delivery <= 3; delivery++ {
		wantFailure(t, post(h, "/RespondToAlert", queueEnvelope("x", delivery)), "failed")
	}
	if got := len(log.lines(t, "ERROR")); got != 3 {
		t.Errorf("%d errors", got)
	}
}

func TestAPanicFailsItsInvocationOnly(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"boom", errors.New("boom"), http.ErrAbortHandler} {
		h, log := start(func(context.Context) (Services, error) {
			return Services{
				PollAlerts: func(context.Context, Tick) error { panic(value) },
				Health:     func(context.Context) (Health, error) { panic(value) },
				SendNotice: func(context.Context, Delivery) error { return nil },
			}, nil
		})
		wantFailure(t, post(h, "/PollAlerts", timerEnvelope), "panic")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/health", nil))
		if code, _ := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); w.Code != http.StatusServiceUnavailable ||
			code != "unknown" {
			t.Errorf("health answered %d %s", w.Code, w.Body)
		}
		wantSuccess(t, post(h, "/SendNotice", queueEnvelope("x", 1)))
		got := log.lines(t, "ERROR")
		if len(got) != 2 {
			t.Fatalf("%d errors:\n%s", len(got), log.text())
		}
		for _, line := range got {
			if stack, _ := line["stack"].(string); !strings.Contains(stack, "invocation_test.go") {
				t.Errorf("the stack does not show the place: %v", line)
			}
		}
	}
}

func TestAnInvocationEndsNineMinutesAfterItsArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h, _ := start(func(context.Context) (Services, error) {
			<-time.After(50 * time.Second) // slow services take from the invocation's time
			return Services{RespondToAlert: func(ctx context.Context, _ Delivery) error {
				<-ctx.Done()
				return fmt.Errorf("isolate: %w", ctx.Err())
			}}, nil
		})
		wantFailure(t, post(h, "/RespondToAlert", queueEnvelope("x", 1)), "deadline")
		if took := time.Since(began); took != 9*time.Minute {
			t.Errorf("ended after %v", took)
		}
	})
}

func TestTheDeadlineCanBeShortened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h, _ := start(func(context.Context) (Services, error) {
			return Services{PollAlerts: func(ctx context.Context, _ Tick) error { <-ctx.Done(); return ctx.Err() }}, nil
		}, func(o *Options) { o.Deadline = time.Second })
		wantFailure(t, post(h, "/PollAlerts", timerEnvelope), "deadline")
		if took := time.Since(began); took != time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

func TestTheHostsIDIsTheLastOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []string
		want   string
	}{
		{nil, ""}, {[]string{"a"}, "a"}, {[]string{"forged", "real"}, "real"}, {[]string{"forged, real"}, "real"},
		{[]string{"a", "b,c"}, "c"},
		{[]string{"forged", ""}, ""}, {[]string{"with space"}, ""}, {[]string{strings.Repeat("x", 65)}, ""},
		{[]string{"ä"}, ""}, {[]string{"\x01"}, ""},
	} {
		if got := invocationID(http.Header{"X-Azure-Functions-Invocationid": c.values}); got != c.want {
			t.Errorf("%q: %q, want %q", c.values, got, c.want)
		}
	}
}

func TestHealthIsPassedOnAsItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		report Health
		err    error
		status int
		body   string
	}{
		{Health{OK: true, Body: map[string]any{"ok": true}}, nil, 200, `{"ok":true}`},
		{
			Health{OK: false, Body: map[string]any{"ok": false, "why": "<late>"}}, nil, 503,
			`{"ok":false,"why":"<late>"}`,
		},
		{
			Health{}, errors.New("secret reason"), 503,
			`{"error":{"code":"unknown","message":"health is not known; the log has the reason"}}`,
		},
		{
			Health{OK: true, Body: map[string]any{"late": 90 * time.Second, "why": "caf\xe9"}}, nil, 200,
			`{"late":"1m30s","why":"caf` + "\ufffd" + `"}`,
		},
		{
			Health{OK: true}, nil, 500,
			`{"error":{"code":"failed","message":"the answer cannot be written; the log has the reason"}}`,
		},
		{
			Health{OK: true, Body: func() {}}, nil, 500,
			`{"error":{"code":"failed","message":"the answer cannot be written; the log has the reason"}}`,
		},
	} {
		h, log := start((&spy{report: c.report, err: c.err}).services)
		r := httptest.NewRequest(http.MethodGet, "/api/health?code=key", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("Cache-Control") != "no-store" ||
			w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%+v: %d %s %v", c.report, w.Code, w.Body, w.Header())
		}
		if lines := log.lines(t, "ERROR"); (len(lines) == 1) != (c.status == 500 || c.err != nil) {
			t.Errorf("%+v: an answer that the host takes for a success left the log %v", c.report, lines)
		}
	}
}

func TestNothingOfTheEnvelopeOrTheAddressIsLogged(t *testing.T) {
	t.Parallel()
	h, log := start((&spy{err: errors.New("no")}).services)
	const secret = "S3CR3T"
	wantFailure(t,
		post(h, "/RespondToAlert",
			`{"Data":{"message":"e30=","req":{"Url":"`+secret+`"}},"Metadata":{"Headers":{"x-functions-key":"`+secret+
				`"},"MessageId":"`+secret+`"}}`), "failed")
	wantFailure(t, post(h, "/RespondToAlert", `{"Data":{"message":"`+secret+`!"},"Metadata":{}}`), "undecodable")
	wantFailure(t, post(h, "/RespondToAlert", `{"Metadata":{"Headers":{"x-functions-key":`+secret+`}}}`), "undecodable")
	r := httptest.NewRequest(http.MethodGet, "/api/health?code="+secret, nil)
	r.Header.Set("X-Functions-Key", secret)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if strings.Contains(log.text(), secret) || len(log.lines(t, "ERROR")) != 4 {
		t.Errorf("log:\n%s", log.text())
	}
}

func TestLongReasonsAreCutInAnswers(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	problem(w, 500, "failed", strings.Repeat("ä\x00\u2028", 1000))
	if _, message := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); len(message) > maxMessage+len("…") ||
		!strings.HasSuffix(message, "…") || strings.ContainsRune(message, '\ufffd') {
		t.Errorf("%d bytes: %q", len(message), message)
	}
}
