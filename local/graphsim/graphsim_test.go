package graphsim

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mailbox = "cordon@example.com"

const good = "From: Cordon <cordon@example.com>\r\nTo: soc@example.com, Ops <ops@example.com>\r\nSubject: " +
	"=?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n" +
	"Message-ID: <one@example.com>\r\nAuto-Submitted: auto-generated\r\nX-Cordon-Run:\r\n one\r\nIn-Reply-To: " +
	"<zero@example.com>\r\n\r\nhello\r\n"

func encoded(raw string) string { return base64.StdEncoding.EncodeToString([]byte(raw)) }

// post sends a request and returns status, Retry-After and the error's code.
func post(t *testing.T, s *Sim, from, kind, body string) (int, string, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1.0/users/"+from+"/sendMail",
		strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer t")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Header().Get("request-id") == "" {
		t.Error("the answer has no request-id")
	}
	if w.Code == http.StatusAccepted {
		if w.Body.Len() > 0 {
			t.Errorf("202 with a body: %s", w.Body)
		}
		return w.Code, "", ""
	}
	var answer struct {
		Error struct {
			Code, Message string
			InnerError    map[string]string
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Error.Message == "" ||
		answer.Error.InnerError["request-id"] == "" {
		t.Errorf("answer %q is not in Graph's envelope: %v", w.Body, err)
	}
	return w.Code, w.Header().Get("Retry-After"), answer.Error.Code
}

func TestAMailIsTakenAsItWasSent(t *testing.T) {
	s := New(Options{})
	if status, _, _ := post(t, s, "CORDON%40example.com", "text/plain; charset=us-ascii",
		encoded(good)); status != 202 {
		t.Fatalf("answered %d", status)
	}
	m := s.Mails()[0]
	if string(m.Raw) != good || m.MessageID != "one@example.com" || m.Subject != "grüße" || m.Text != "hello\n" ||
		!cmp.Equal(m.To, []string{"soc@example.com", "ops@example.com"}) {
		t.Errorf("kept %+v", m)
	}
	want := []Call{{Mailbox: "CORDON@example.com", Bytes: len(encoded(good)), Status: 202}}
	if diff := cmp.Diff(want, s.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestRefusalsAreThoseOfGraph(t *testing.T) {
	claims := Claims{Audience: "https://graph.microsoft.com", Roles: []string{"Mail.Send"}}
	for _, tt := range []struct {
		name, from, kind, body string
		o                      Options
		status                 int
		code                   string
	}{
		{"JSON", mailbox, "application/json", "{}", Options{}, 400, "ErrorInvalidRequest"},
		{"no base64", mailbox, "text/plain", "%%%", Options{}, 400, "ErrorMimeContentInvalidBase64String"},
		{
			"MIME that is not encoded", mailbox, "text/plain", good, Options{}, 400,
			"ErrorMimeContentInvalidBase64String",
		},
		{"no MIME", mailbox, "text/plain", encoded("\x00"), Options{}, 400, "ErrorMimeContentInvalid"},
		{"nobody", mailbox, "text/plain", encoded("Subject: x\r\n\r\nx"), Options{}, 400, "ErrorInvalidRecipients"},
		{
			"a recipient that cannot be", mailbox, "text/plain", encoded(good),
			Options{InvalidRecipient: func(a string) bool { return a == "ops@example.com" }}, 400,
			"ErrorInvalidRecipients",
		},
		{"another sender", "other@example.com", "text/plain", encoded(good), Options{}, 403, "ErrorSendAsDenied"},
		{
			"no such mailbox", mailbox, "text/plain", encoded(good), Options{Mailboxes: []string{"other@example.com"}},
			404, "ErrorInvalidUser",
		},
		{
			"too large", mailbox, "text/plain", encoded(good + strings.Repeat("x", 4<<20)), Options{}, 413,
			"RequestBodyTooLarge",
		},
		{
			"too large for a limit of its own", mailbox, "text/plain", encoded(good), Options{MaxRequest: 100}, 413,
			"RequestBodyTooLarge",
		},
		{
			"bad token", mailbox, "text/plain", encoded(good),
			Options{Verify: func(string) (Claims, error) { return claims, errors.New("no") }}, 401,
			"InvalidAuthenticationToken",
		},
		{
			"token for another API", mailbox, "text/plain", encoded(good),
			Options{Audience: "https://other.example", Verify: func(string) (Claims, error) { return claims, nil }},
			401, "InvalidAuthenticationToken",
		},
		{
			"no role", mailbox, "text/plain", encoded(good),
			Options{Verify: func(string) (Claims, error) { return Claims{}, nil }}, 403, "ErrorAccessDenied",
		},
	} {
		s := New(tt.o)
		if status, _, code := post(t, s, tt.from, tt.kind, tt.body); status != tt.status || code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, status, code, tt.status, tt.code)
		}
		if len(s.Mails()) != 0 || s.Calls()[0].Code != tt.code {
			t.Errorf("%s: %d mails, calls %+v", tt.name, len(s.Mails()), s.Calls())
		}
	}
	w := httptest.NewRecorder()
	New(Options{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1.0/users", nil))
	if w.Code != 404 {
		t.Errorf("another resource: %d", w.Code)
	}
}

// TestGrantsAddUp is the trap: a scope in Exchange takes nothing from what Entra grants; an application access policy
// does.
func TestGrantsAddUp(t *testing.T) {
	const other = "ceo@example.com"
	one := []string{mailbox}
	for _, tt := range []struct {
		name          string
		role          bool
		policy, scope []string
		own, others   int
	}{
		{"Mail.Send alone reaches every mailbox", true, nil, nil, 202, 202},
		{"an application access policy narrows it", true, one, nil, 202, 403},
		{"a role in Exchange reaches its scope", false, nil, one, 202, 403},
		{"a role in Exchange does not narrow Mail.Send", true, nil, one, 202, 202},
		{"a role in Exchange adds to what the policy leaves", true, []string{other}, one, 202, 202},
		{"nothing is granted", false, nil, nil, 403, 403},
	} {
		s := New(Options{AccessPolicy: tt.policy, RoleScope: tt.scope, Verify: func(string) (Claims, error) {
			if tt.role {
				return Claims{Roles: []string{"Mail.Send"}}, nil
			}
			return Claims{}, nil
		}})
		own, _, _ := post(t, s, mailbox, "text/plain", encoded(good))
		others, _, _ := post(t, s, other, "text/plain", encoded(strings.ReplaceAll(good, mailbox, other)))
		if own != tt.own || others != tt.others {
			t.Errorf("%s: own mailbox %d, another %d; want %d, %d", tt.name, own, others, tt.own, tt.others)
		}
	}
}

func TestAMailboxTakesThirtyMailsAMinute(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	s := New(Options{Now: func() time.Time { return now }})
	for n := range 30 {
		if status, _, _ := post(t, s, mailbox, "text/plain", encoded(good)); status != 202 {
			t.Fatalf("mail %d: %d", n+1, status)
		}
		now = now.Add(time.Second)
	}
	if status, after, code := post(t, s, mailbox, "text/plain", encoded(good)); status != 429 || after != "30" ||
		code != "TooManyRequests" {
		t.Errorf("the 31st: %d %s, Retry-After %s; want 429 and 30", status, code, after)
	}
	if status, _, _ := post(t, s, "other@example.com", "text/plain",
		encoded(strings.ReplaceAll(good, mailbox, "other@example.com"))); status != 202 {
		t.Errorf("another mailbox: %d", status)
	}
	now = now.Add(31 * time.Second) // refused requests count, so the first two have to be out of the minute
	if status, _, _ := post(t, s, mailbox, "text/plain", encoded(good)); status != 202 {
		t.Errorf("a minute after the first: %d", status)
	}
	if status, after, _ := post(t, s, mailbox, "text/plain", encoded(good)); status != 429 || after != "1" {
		t.Errorf("the one after that: %d, Retry-After %s; refused requests count, so want 429 and 1", status, after)
	}
}

func TestAMailboxTakesFourRequestsAtOnce(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := New(Options{Verify: func(string) (Claims, error) {
		entered <- struct{}{}
		<-release
		return Claims{Roles: []string{"Mail.Send"}}, nil
	}})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if status, _, _ := post(t, s, mailbox, "text/plain", encoded(good)); status != 202 {
				t.Errorf("one of four: %d", status)
			}
		})
	}
	for range 4 {
		<-entered
	}
	if status, after, code := post(t, s, strings.ToUpper(mailbox), "text/plain", encoded(good)); status != 429 ||
		code != "ApplicationThrottled" || after != "" {
		t.Errorf("the fifth: %d %s %q", status, code, after)
	}
	close(release)
	group.Wait()
	if s.MostAtOnce(mailbox) != 5 || len(s.Mails()) != 4 {
		t.Errorf("%d at once, %d mails", s.MostAtOnce(mailbox), len(s.Mails()))
	}
}

func TestHeadersCanBeTreatedAsExchangeTreatsThem(t *testing.T) {
	s := New(Options{OwnHeaders: true})
	post(t, s, mailbox, "text/plain", encoded(good))
	m := s.Mails()[0]
	if m.MessageID == "one@example.com" || !strings.HasSuffix(m.MessageID, "@exchange.example") ||
		m.Header.Get("Auto-Submitted") != "" || m.Header.Get("X-Cordon-Run") != "" {
		t.Errorf("header %v", m.Header)
	}
	if m.InReplyTo != "zero@example.com" || m.Subject != "grüße" || m.Text != "hello\n" || len(m.To) != 2 {
		t.Errorf("what stays is %+v", m)
	}
}

func TestFaultsRefuseOrLoseTheAnswer(t *testing.T) {
	s := New(Options{})
	var faults []*Fault
	s.SetFault(func(*http.Request) *Fault {
		if len(faults) == 0 {
			return nil
		}
		f := faults[0]
		faults = faults[1:]
		return f
	})
	faults = []*Fault{{Status: 503, Code: "ResourceUnhealthy", RetryAfter: 1500 * time.Millisecond}}
	if status, after, code := post(t, s, mailbox, "text/plain", encoded(good)); status != 503 || after != "2" ||
		code != "ResourceUnhealthy" || len(s.Mails()) != 0 {
		t.Errorf("%d %s, Retry-After %s, %d mails", status, code, after, len(s.Mails()))
	}
	web := httptest.NewServer(s)
	defer web.Close()
	faults = []*Fault{{LoseAnswer: true}}
	answer, err := http.Post(web.URL+"/v1.0/users/"+mailbox+"/sendMail", "text/plain", strings.NewReader(encoded(good)))
	if err == nil {
		answer.Body.Close()
		t.Errorf("an answer came: %d", answer.StatusCode)
	}
	if calls := s.Calls(); len(s.Mails()) != 1 || calls[len(calls)-1].Status != 0 {
		t.Errorf("%d mails, calls %+v; want the mail taken and its answer lost", len(s.Mails()), calls)
	}
	if status, _, _ := post(t, s, mailbox, "text/plain", encoded(good)); status != 202 {
		t.Errorf("past the faults: %d", status)
	}
}
