package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

var _ operate.Desk = (*Client)(nil)

const token = "eyJ-a-token-that-nobody-else-may-see"

// asking is a client of a server.
func asking(t *testing.T, address string) *Client {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{
		Name:    "prod",
		URL:     u,
		Version: "v1.2.3",
		Token:   func(context.Context) (string, error) { return token, nil },
	})
}

// answers serves one answer.
func answers(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	web := httptest.NewServer(answer)
	t.Cleanup(web.Close)
	return web.URL
}

// said is an answer of a type, whatever is asked.
func said(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestAHostileAnswerIsAnErrorThatNamesTheApp has what a proxy, a portal or somebody who pretends to be the app says.
func TestAHostileAnswerIsAnErrorThatNamesTheApp(t *testing.T) {
	t.Parallel()
	const problem = "application/problem+json"
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"nothing":           {said(200, plainJSON, ""), "broke its answer off"},
		"an empty document": {said(200, plainJSON, "{}"), `without "machines"`},
		"null":              {said(200, plainJSON, "null"), `without "machines"`},
		"a list":            {said(200, plainJSON, "[]"), "none of this version's answers"},
		"a text for a list": {said(200, plainJSON, `{"machines":"none"}`), "none of this version's answers"},
		"a number for a name": {said(200, plainJSON, `{"machines":[{"machineId":7}]}`),
			"a number for machines.machineId"},
		"a truncated list": {said(200, plainJSON, `{"machines":[{"machineId":"a"`), "broke its answer off"},
		"a sign-in page":   {said(200, "text/html; charset=utf-8", "<html>"), "with text/html instead of application/json"},
		"no type":          {said(200, "", "{}"), "no type of content"},
		"a hostile type":   {said(200, "te xt/ht\u202eml", "{}"), "no type of content"},
		"no content":       {said(204, "", ""), "answered 204"},
		"created":          {said(201, plainJSON, `{"machines":[]}`), "answered 201"},
		"no such function": {said(404, "", ""), "has no operator API"},
		"a teapot":         {said(418, "text/plain", "short and stout"), "answered 418 with text/plain"},
		"a problem that is none": {said(400, problem, "nonsense"),
			"answered 400, with a refusal that cannot be read"},
		"a problem of wrong types": {said(400, problem, `{"detail":["x"]}`),
			"answered 400, with a refusal that cannot be read"},
		"a problem without a reason": {said(403, problem, `{"status":200}`), "answered 403 without a reason"},
		"too much": {said(200, plainJSON, `{"machines":[],"x":"`+strings.Repeat("x", maxAnswer)+`"}`),
			"more than 8 MiB"},
		"no end": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", plainJSON)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "more than 8 MiB"},
		"an end too early": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", plainJSON)
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"machines":[`)
		}, "broke its answer off: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := answers(t, tt.answer)
			_, err := asking(t, address).Isolated(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) ||
				!strings.Contains(err.Error(), "app prod ("+strings.TrimPrefix(address, "http://")+")") {
				t.Errorf("%v, want %q and the app", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Error("the token is in the error")
			}
		})
	}
}

func TestATokenFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		reached := false
		foreign := answers(t, func(http.ResponseWriter, *http.Request) { reached = true })
		address := answers(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, foreign+"/\u202e%1b[2J", status)
		})
		c := asking(t, address)
		_, err := c.Isolated(t.Context())
		if err == nil || reached || !strings.Contains(err.Error(), "a redirect to "+foreign) {
			t.Errorf("%d: %v, followed: %v", status, err, reached)
		}
		_, err = c.SetPause(t.Context(), true, wire.PauseOrder{Order: wire.Order{Command: "c-0000001"}})
		var lost *LostError
		if err == nil || reached || errors.As(err, &lost) || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("a command, %d: %v, followed: %v", status, err, reached)
		}
	}
}

func TestARefusalIsToldInItsOwnWordsWithoutWhatATerminalObeys(t *testing.T) {
	t.Parallel()
	body := `{"type":"about:blank","title":"\u001b[31mForbidden","status":200,"code":"role\u0007",` +
		`"detail":"you have no role\u001b]0;x\u0007\n\u202ecordon: all is well ` + strings.Repeat("x", 5000) + `"}`
	address := answers(t, said(403, "application/problem+json; charset=utf-8", body))
	_, err := asking(t, address).Isolated(t.Context())
	var p *wire.Problem
	if !errors.As(err, &p) {
		t.Fatal(err)
	}
	if p.Status != 403 || p.Code != "role" || p.Title != "[31mForbidden" ||
		!strings.HasPrefix(p.Detail, "you have no role ]0;x cordon: all is well xxx") ||
		strings.ContainsAny(p.Detail, "\x1b\x07\n\u202e") || len(p.Detail) > longestShown+len("…") {
		t.Errorf("%d %q %q %q", p.Status, p.Code, p.Title, p.Detail)
	}
}

func TestEachRouteOfTheAPIIsAskedAsItIsWritten(t *testing.T) {
	t.Parallel()
	var asked []string
	c := asking(t, answers(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+strings.TrimPrefix(r.URL.Path, wire.Base))
		if r.Header.Get("User-Agent") != "cordon/v1.2.3" || r.URL.Path != wire.Base+"/signin" &&
			r.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("%s: %v", r.URL, r.Header)
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	ctx := t.Context()
	_, _ = c.SignIn(ctx)
	_, _ = c.Me(ctx)
	_, _ = c.Overview(ctx)
	_, _ = c.Isolated(ctx)
	_, _ = c.Machine(ctx, "ws-1")
	_, _ = c.Machines(ctx, "pc")
	_, _ = c.Run(ctx, "da1")
	_, _ = c.Runs(ctx, wire.RunsAsked{Machine: "m1", Incident: 7, Limit: 7})
	_, _ = c.Counts(ctx, 30)
	_, _ = c.Decision(ctx, "da1")
	_, _ = c.Decisions(ctx, wire.DecisionsAsked{Limit: 7, After: "next"})
	_, _ = c.Held(ctx)
	_, _ = c.Pause(ctx)
	_, _ = c.Playbook(ctx)
	_, _ = c.Hunts(ctx)
	_, _ = c.Health(ctx)
	_, _ = c.Doctor(ctx)
	_, _ = c.DeadLetters(ctx, "alerts", 7)
	_, _ = c.DeadLetter(ctx, "alerts", 17)
	_, _ = c.Mails(ctx, wire.MailsAsked{State: "failed", Limit: 5})
	_, _ = c.Journal(ctx, wire.JournalAsked{Limit: 5, After: "next"})
	_, _ = c.Release(ctx, wire.ReleaseOrder{})
	_, _ = c.Cancel(ctx, wire.CancelOrder{})
	_, _ = c.Continue(ctx, wire.HeldOrder{})
	_, _ = c.Drop(ctx, wire.HeldOrder{})
	_, _ = c.SetPause(ctx, true, wire.PauseOrder{})
	_, _ = c.SetPause(ctx, false, wire.PauseOrder{})
	_, _ = c.Enqueue(ctx, wire.EnqueueOrder{})
	_, _ = c.Replay(ctx, wire.DeadLetterOrder{})
	_, _ = c.Discard(ctx, wire.DeadLetterOrder{})
	_, _ = c.Erase(ctx, wire.EraseOrder{})
	_, _ = c.SendMails(ctx, wire.MailOrder{})
	_, _ = c.DropMails(ctx, wire.MailOrder{})
	_, _ = c.RunHunt(ctx, wire.HuntOrder{})
	var want []string
	for _, r := range wire.Routes() {
		want = append(want, r.Method+" "+r.Path)
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

func TestACommaInAQueryIsRefusedBeforeItIsAsked(t *testing.T) {
	t.Parallel()
	c := asking(t, answers(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	_, err := c.Machine(t.Context(), "a,b")
	if err == nil || !strings.Contains(err.Error(), "comma") {
		t.Error(err)
	}
}

func TestAnAppThatIsUnwellAnswersForItsHealth(t *testing.T) {
	t.Parallel()
	const (
		rest = `"mode":"m","held":0,"version":"v","lastSuccess":{},"runs":{},"openEpisodes":0,` +
			`"unsentNotices":"0","queues":{}}`
		well    = `{"ok":true,` + rest
		failing = `{"ok":false,"reasons":["late"],` + rest
	)
	for _, tt := range []struct {
		status int
		body   string
		ok     bool
	}{
		{503, failing, false},
		{200, well, true},
		{503, well, false}, // the two differ: it is not known to be well
		{200, failing, false},
	} {
		report, err := asking(t, answers(t, said(tt.status, plainJSON, tt.body))).Health(t.Context())
		if report.OK != tt.ok || err != nil || report.Version != "v" ||
			(tt.body == failing) != slices.Equal(report.Reasons, []string{"late"}) {
			t.Errorf("%d %s: %+v %v", tt.status, tt.body, report, err)
		}
	}
	report, err := asking(t, answers(t, said(503, "text/html", `<html>`))).Health(t.Context())
	if report.OK || err == nil || !strings.Contains(err.Error(), "503 with text/html") {
		t.Errorf("%v %v", report, err)
	}
	report, err = asking(t, answers(t, said(200, plainJSON, `{"status":"ok"}`))).Health(t.Context())
	if report.OK || err == nil || !strings.Contains(err.Error(), "without \"ok\"") {
		t.Errorf("not Cordon's: %v %v", report, err)
	}
}

// script answers requests one by one, the last answer again and again.
type script struct {
	t       *testing.T
	answers []func(*http.Request) (*http.Response, error)
	bodies  []string
	at      []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	next := s.answers[min(len(s.bodies), len(s.answers)-1)]
	s.bodies, s.at = append(s.bodies, string(body)), append(s.at, time.Now())
	return next(r)
}

func played(status int, kind, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		said(status, kind, body)(w, r)
		return w.Result(), nil
	}
}

func cut(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// scripted is a client that is answered by a script.
func scripted(t *testing.T, answers ...func(*http.Request) (*http.Response, error)) (*Client, *script, *[]string) {
	s := &script{t: t, answers: answers}
	told := &[]string{}
	u := &url.URL{Scheme: "https", Host: "cordon.example.com"}
	return New(Options{
		Name:      "prod",
		URL:       u,
		Transport: s,
		Tell:      func(text string) { *told = append(*told, text) },
	}), s, told
}

func TestAReadIsSentAgainWhenTheAppSaysLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := scripted(t, played(503, "application/problem+json", `{"detail":"busy"}`, "Retry-After", "7"),
			played(502, "text/html", "<html>"), played(200, plainJSON, `{"machines":[]}`))
		if _, err := c.Isolated(t.Context()); err != nil || len(s.at) != 3 {
			t.Fatalf("%v after %d", err, len(s.at))
		}
		if waited := s.at[1].Sub(s.at[0]); waited < 7*time.Second {
			t.Errorf("asked again after %s", waited)
		}
		c, s, _ = scripted(t, played(429, "application/problem+json", `{"detail":"slow down"}`, "Retry-After", "3600"))
		began := time.Now()
		_, err := c.Isolated(t.Context())
		var p *wire.Problem
		if !errors.As(err, &p) || p.RetryAfter != 3600 || len(s.at) != 1 || time.Since(began) > time.Minute {
			t.Errorf("%v after %d and %s", err, len(s.at), time.Since(began))
		}
	})
}

func release(command string) wire.ReleaseOrder {
	return wire.ReleaseOrder{Order: wire.Order{Command: command, Reason: "x"}, Machines: []string{"m1"}}
}

// TestACommandWhoseAnswerIsLostIsSentAgainAsTheSame has a connection that broke, a proxy's page, an answer that is cut
// and one about another command.
func TestACommandWhoseAnswerIsLostIsSentAgainAsTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		done := played(200, plainJSON, `{"command":"c-0000001","results":[{"object":"m1","done":true}],"repeated":true}`)
		other := played(200, plainJSON, `{"command":"c-0000002","results":[]}`)
		for name, lost := range map[string]func(*http.Request) (*http.Response, error){
			"cut": cut, "page": played(502, "text/html", "x"), "truncated": played(200, plainJSON, `{"comm`),
			"another": other, "trouble": played(503, "application/problem+json", `{"detail":"the ledger is away"}`),
		} {
			c, s, told := scripted(t, lost, lost, done)
			results, err := c.Release(t.Context(), release("c-0000001"))
			if err != nil || !results.Repeated || len(s.bodies) != 3 || s.bodies[0] != s.bodies[2] || len(*told) != 2 ||
				!strings.Contains((*told)[0], "sending command c-0000001 again") {
				t.Errorf("%s: %v, %d times, told %q", name, err, len(s.bodies), *told)
			}
		}
	})
}

func TestACommandOfUnknownFateSaysHowItIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := scripted(t, cut)
		_, err := c.Release(t.Context(), release("c-0000001"))
		var lost *LostError
		if !errors.As(err, &lost) || lost.Command != "c-0000001" || len(s.at) != commandTries ||
			!strings.Contains(err.Error(), "it is not known whether it was done") ||
			!strings.Contains(err.Error(), "--command-id c-0000001") {
			t.Errorf("%v after %d", err, len(s.at))
		}
		ctx, cancel := context.WithCancel(t.Context())
		c, s, _ = scripted(t, func(*http.Request) (*http.Response, error) {
			cancel()
			return nil, context.Canceled
		})
		_, err = c.Release(ctx, release("c-0000001"))
		if !errors.As(err, &lost) || !errors.Is(err, context.Canceled) || len(s.at) != 1 {
			t.Errorf("interrupted: %v after %d", err, len(s.at))
		}
	})
}

func TestACommandThatWasAnsweredIsSentOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, answer := range map[string]func(*http.Request) (*http.Response, error){
			"refused":      played(403, "application/problem+json", `{"detail":"no role"}`),
			"in its place": played(409, "application/problem+json", `{"detail":"another order"}`),
			"no such app":  played(404, "text/html", "x"),
			"much later":   played(503, "application/problem+json", `{"detail":"x"}`, "Retry-After", "3600"),
		} {
			c, s, _ := scripted(t, answer)
			_, err := c.Release(t.Context(), release("c-0000001"))
			var lost *LostError
			if err == nil || errors.As(err, &lost) || len(s.at) != 1 {
				t.Errorf("%s: %v after %d", name, err, len(s.at))
			}
		}
	})
}

func TestAForeignHostIsAskedOverHTTPSOnly(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"cordon.example.com", "127.0.0.1.example.com", "192.0.2.7", "localhost.example.com"} {
		c, s, _ := scripted(t, cut)
		c.URL = &url.URL{Scheme: "http", Host: host}
		_, err := c.Release(t.Context(), release("c-0000001"))
		if err == nil || !strings.Contains(err.Error(), "https only") || len(s.at) != 0 {
			t.Errorf("%s: %v after %d", host, err, len(s.at))
		}
	}
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	t.Parallel()
	c, s, _ := scripted(t, cut)
	c.Token = func(context.Context) (string, error) { return "", errors.New("sign in again: cordon login") }
	_, err := c.Release(t.Context(), release("c-0000001"))
	if err == nil || err.Error() != "sign in again: cordon login" || len(s.at) != 0 {
		t.Errorf("%v after %d", err, len(s.at))
	}
}

func TestRowsThatAreNotAsWideAsTheirColumnsAreRefused(t *testing.T) {
	t.Parallel()
	const body = `{"hunt":"h","since":"2026-03-02T12:00:00Z","until":"2026-03-02T12:00:00Z","cut":false,"columns":["a","b"],` +
		`"rows":[["1","2"],["1"]]}`
	c, _, _ := scripted(t, played(200, plainJSON, body))
	_, err := c.RunHunt(t.Context(), wire.HuntOrder{Hunt: "h"})
	if err == nil || !strings.Contains(err.Error(), "a row of 1 values for 2 columns") {
		t.Error(err)
	}
}
