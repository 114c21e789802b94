package graph_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"cordon/handler/entra"
	"cordon/handler/graph"
	"cordon/handler/httpretry"
	"cordon/local/entrasim"
	"cordon/local/graphsim"
	"cordon/local/inprocess"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mailbox = "cordon@example.com"
	mime    = "From: Cordon <cordon@example.com>\r\nTo: soc@example.com\r\nSubject: x\r\nMessage-ID: " +
		"<one@example.com>\r\n\r\nhello\r\n"
)

// world is Graph and the authority, and a client that is put together as the program does it.
type world struct {
	sim       *graphsim.Sim
	authority *entrasim.Sim
	client    *graph.Client
}

func newWorld(t *testing.T, o graphsim.Options, change ...func(*entra.Options)) *world {
	t.Helper()
	const tenant, app = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4", "b71d9c3e-42a8-4e57-8f19-0c6de25a7341"
	authority, err := entrasim.New(entrasim.Options{Apps: []entrasim.App{{
		TenantID: tenant,
		ClientID: app,
		Secret:   "s3cr3t",
		Roles:    map[string][]string{entrasim.Graph: {"Mail.Send"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	o.Audience = entrasim.Graph
	if o.Verify == nil {
		o.Verify = func(token string) (graphsim.Claims, error) {
			c, err := authority.Verify(token)
			return graphsim.Claims{Audience: c.Audience, Roles: c.Roles}, err
		}
	}
	w := &world{sim: graphsim.New(o), authority: authority}
	options := entra.Options{
		TenantID:     tenant,
		ClientID:     app,
		Secret:       "s3cr3t",
		AuthorityURL: "https://login.example.com",
		HTTPClient:   &http.Client{Transport: inprocess.Transport{To: authority}},
	}
	for _, f := range change {
		f(&options)
	}
	source, err := entra.New(options)
	if err != nil {
		t.Fatal(err)
	}
	authorized := &entra.Transport{
		Base:        inprocess.Transport{To: w.sim},
		Source:      source,
		Scope:       entrasim.Graph + "/.default",
		AllowedHost: "graph.example.com",
	}
	w.client = graph.New(graph.Options{Base: &url.URL{Scheme: "https", Host: "graph.example.com"},
		HTTP: &http.Client{Transport: httpretry.New(httpretry.Options{Base: authorized, Budget: graph.Budget})}})
	return w
}

// failed checks that an error is an *Error that shows neither token nor secret nor mailbox, and returns it.
func failed(t *testing.T, err error) *graph.Error {
	t.Helper()
	var e *graph.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v; want an *Error", err)
	}
	for _, hidden := range []string{"cordon@", "cordon%40", "soc@", "Bearer", "eyJ", "s3cr3t"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%q shows in %v", hidden, err)
		}
	}
	return e
}

func TestAMailIsAcceptedAsItWasComposed(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	if err := w.client.SendMail(t.Context(), mailbox, []byte(mime)); err != nil {
		t.Fatal(err)
	}
	mails := w.sim.Mails()
	if len(mails) != 1 || string(mails[0].Raw) != mime || mails[0].From != mailbox {
		t.Errorf("taken: %+v", mails)
	}
}

func TestAMailboxNameCanNotLeaveItsPlaceInThePath(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	for _, name := range []string{
		"a/../b@example.com", "a?x=1@example.com", "a#b@example.com", "a%2F@example.com", "../me@example.com",
	} {
		_, raw, _ := strings.Cut(mime, "\r\n") // without the sender
		if err := w.client.SendMail(t.Context(), name, []byte(raw)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if calls := w.sim.Calls(); calls[len(calls)-1].Mailbox != name {
			t.Errorf("%s arrived as %s", name, calls[len(calls)-1].Mailbox)
		}
	}
	for _, name := range []string{"", "..", "me"} {
		before := len(w.sim.Calls())
		if e := failed(t, w.client.SendMail(t.Context(), name, []byte(mime))); len(w.sim.Calls()) != before ||
			!strings.Contains(e.Error(), "CORDON_MAIL_FROM") {
			t.Errorf("%q: %v after %d requests", name, e, len(w.sim.Calls())-before)
		}
	}
}

func TestTheLargestMailFitsTheRequest(t *testing.T) {
	if got := base64.StdEncoding.EncodedLen(graph.MaxMail); got > 4_000_000 {
		t.Errorf("a mail of MaxMail makes a request of %d bytes, want at most 4 MB", got)
	}
}

func TestRefusalsSayWhetherALaterTryHelpsAndWhatToDo(t *testing.T) {
	fault := func(f graphsim.Fault) func(*world) {
		return func(w *world) { w.sim.SetFault(func(*http.Request) *graphsim.Fault { return &f }) }
	}
	for _, tt := range []struct {
		name    string
		o       graphsim.Options
		app     func(*entra.Options)
		prepare func(*world)
		mailbox string
		mime    string
		status  int
		code    string
		again   bool
		after   time.Duration
		unknown bool
		says    string
	}{
		{
			name: "permission is missing",
			o: graphsim.Options{Verify: func(string) (graphsim.Claims, error) {
				return graphsim.Claims{Audience: entrasim.Graph}, nil
			}},
			status: 403,
			code:   "ErrorAccessDenied",
			says:   "Mail.Send",
		},
		{
			name:   "the policy shuts the mailbox out",
			o:      graphsim.Options{AccessPolicy: []string{"other@example.com"}},
			status: 403,
			code:   "ErrorAccessDenied",
			says:   "application access policy",
		},
		{
			name:    "another sender",
			mailbox: "other@example.com",
			status:  403,
			code:    "ErrorSendAsDenied",
			says:    "CORDON_MAIL_FROM",
		},
		{
			name:   "no such mailbox",
			o:      graphsim.Options{Mailboxes: []string{"other@example.com"}},
			status: 404,
			code:   "ErrorInvalidUser",
			says:   "user principal name",
		},
		{
			name:   "no recipient",
			mime:   "Subject: x\r\n\r\nx",
			status: 400,
			code:   "ErrorInvalidRecipients",
			says:   "CORDON_MAIL_TO",
		},
		{
			name:   "too large",
			o:      graphsim.Options{MaxRequest: 50},
			status: 413,
			code:   "RequestBodyTooLarge",
			says:   "too large",
		},
		{
			name: "token refused",
			o: graphsim.Options{Verify: func(string) (graphsim.Claims, error) {
				return graphsim.Claims{Audience: "https://other.example"}, nil
			}},
			status: 401,
			code:   "InvalidAuthenticationToken",
			says:   "CORDON_GRAPH_AUDIENCE",
		},
		{
			name:    "throttled for long",
			prepare: fault(graphsim.Fault{Status: 429, Code: "TooManyRequests", RetryAfter: 90 * time.Second}),
			status:  429,
			code:    "TooManyRequests",
			again:   true,
			after:   90 * time.Second,
			says:    "1m30s",
		},
		{
			name:    "unwell",
			prepare: fault(graphsim.Fault{Status: 503, Code: "ResourceUnhealthy", RetryAfter: 10 * time.Second}),
			status:  503,
			code:    "ResourceUnhealthy",
			again:   true,
			after:   10 * time.Second,
			unknown: true,
			says:    "may have taken the mail",
		},
		{
			name:    "answer lost",
			prepare: fault(graphsim.Fault{LoseAnswer: true}),
			again:   true,
			unknown: true,
			says:    "may have taken the mail",
		},
		{name: "redirected", prepare: fault(graphsim.Fault{Status: 302}), status: 302, says: "CORDON_GRAPH_URL"},
		{name: "wrong secret", app: func(o *entra.Options) { o.Secret = "wr0ng" }, says: "CORDON_CLIENT_SECRET"},
		{
			name:    "authority is down",
			prepare: func(w *world) { w.authority.SetFault(entrasim.Fault{Status: 503, RetryAfter: 40 * time.Second}) },
			again:   true,
			after:   40 * time.Second,
			says:    "try again later",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				change := func(o *entra.Options) {
					if tt.app != nil {
						tt.app(o)
					}
				}
				w := newWorld(t, tt.o, change)
				if tt.prepare != nil {
					tt.prepare(w)
				}
				from, raw := tt.mailbox, tt.mime
				if from == "" {
					from = mailbox
				}
				if raw == "" {
					raw = mime
				}
				e := failed(t, w.client.SendMail(t.Context(), from, []byte(raw)))
				after, again := e.RetryIn()
				if e.Status != tt.status || e.Code != tt.code || again != tt.again || after != tt.after ||
					e.UnknownFate() != tt.unknown || !strings.Contains(e.Error(), tt.says) {
					t.Errorf("got status %d, code %q, again %t in %v, unknown fate %t: %v\nwant %d, %q, %t in %v, "+
						"%t and %q",
						e.Status, e.Code, again, after, e.UnknownFate(), e, tt.status, tt.code, tt.again, tt.after,
						tt.unknown, tt.says)
				}
				if e.TooLarge() != (tt.status == 413) ||
					e.InvalidRecipients() != (tt.code == "ErrorInvalidRecipients") ||
					(e.RequestID == "") != (tt.status == 0) {
					t.Errorf("too large %t, invalid recipients %t, request id %q", e.TooLarge(), e.InvalidRecipients(),
						e.RequestID)
				}
				if n := len(w.sim.Calls()); n > 1 {
					t.Errorf("%d requests; a mail whose fate is not known is not repeated here", n)
				}
			})
		})
	}
}

func TestAThrottledMailIsSentAgainInTheTimeThatGraphNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphsim.Options{})
		faults := []*graphsim.Fault{{Status: 429, Code: "ApplicationThrottled", RetryAfter: 7 * time.Second}}
		w.sim.SetFault(func(*http.Request) (f *graphsim.Fault) {
			if len(faults) > 0 {
				f, faults = faults[0], faults[1:]
			}
			return f
		})
		start := time.Now()
		if err := w.client.SendMail(t.Context(), mailbox, []byte(mime)); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != 7*time.Second || len(w.sim.Calls()) != 2 || len(w.sim.Mails()) != 1 {
			t.Errorf("waited %v for %d requests and %d mails, want 7s, 2 and 1", waited, len(w.sim.Calls()),
				len(w.sim.Mails()))
		}
	})
}

func TestAnOutbreakOfMailStaysWithinTheMailboxsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphsim.Options{})
		w.sim.SetFault(func(*http.Request) *graphsim.Fault { return &graphsim.Fault{Delay: time.Second} })
		start := time.Now()
		var group sync.WaitGroup
		var mu sync.Mutex
		var late int
		for range 40 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				if err := w.client.SendMail(ctx, mailbox, []byte(mime)); err != nil {
					wait, again := failed(t, err).RetryIn()
					mu.Lock()
					defer mu.Unlock()
					late++
					if !again || wait > time.Minute+time.Second {
						t.Errorf("a mail beyond the limit: again %t in %v: %v", again, wait, err)
					}
				}
			})
		}
		group.Wait()
		throttled := 0
		for _, c := range w.sim.Calls() {
			if c.Status == http.StatusTooManyRequests {
				throttled++
			}
		}
		if len(w.sim.Mails()) != 30 || late != 10 || throttled != 0 || w.sim.MostAtOnce(mailbox) != 4 {
			t.Errorf("%d mails, %d left for later, %d throttled, %d at once after %v; want 30, 10, 0 and 4",
				len(w.sim.Mails()), late, throttled, w.sim.MostAtOnce(mailbox), time.Since(start))
		}
	})
}

func TestWhatGraphSaysIsCleanedOfMailboxesAndControls(t *testing.T) {
	for _, said := range []string{
		`The requested user 'cordon@example.com' is invalid.`, "soc@example.com\r\n\x1b[31mcordon%40example.com",
		strings.Repeat("x", 5000),
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("request-id", "a b<script>")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":{"code":"bad code\n","message":%q}}`, said)
		})
		c := graph.New(graph.Options{
			Base: &url.URL{Scheme: "https", Host: "graph.example.com"},
			HTTP: &http.Client{Transport: inprocess.Transport{To: h}},
		})
		e := failed(t, c.SendMail(t.Context(), mailbox, []byte(mime)))
		if text := e.Error(); strings.ContainsAny(text, "\r\n\x1b") || len(text) > 500 || e.Code != "" ||
			e.RequestID != "" {
			t.Errorf("%q", text)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(400, `{"error":{"code":"ErrorInvalidRecipients","message":"x","innererror":{"date":""}}}`, "10")
	f.Add(503, `<html>`, "Tue, 18 Nov 2036 10:00:30 GMT")
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		if status < 200 || status > 599 {
			t.Skip()
		}
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Retry-After"] = []string{after}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		c := graph.New(graph.Options{
			Base: &url.URL{Scheme: "https", Host: "graph.example.com"},
			HTTP: &http.Client{Transport: inprocess.Transport{To: h}},
		})
		err := c.SendMail(t.Context(), mailbox, []byte(mime))
		if (err == nil) != (status == http.StatusAccepted) {
			t.Fatalf("status %d: %v", status, err)
		}
		var e *graph.Error
		if errors.As(err, &e) {
			if wait, _ := e.RetryIn(); wait < 0 || wait > time.Hour || strings.ContainsAny(e.Error(), "\r\n") ||
				len(e.Error()) > 2000 {
				t.Errorf("%v in %v", e, wait)
			}
		}
	})
}
