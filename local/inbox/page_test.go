package inbox

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cordon/local/pagetest"
)

func get(t *testing.T, s *Inbox, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

const recipient = "soc@example.com"

const attack = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`

// hostile is a sink whose mails try to break the page: markup everywhere, long tokens without a blank, nothing at all.
func hostile() *Inbox {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	token := strings.Repeat("a1b2c3d4e5", 60)
	s := New(nil)
	for i, raw := range []string{
		"Subject: " + attack + "\r\nMessage-ID: <" + attack + ">\r\nX-Note: " + attack +
			"\r\nContent-Type: text/html\r\n\r\n<p>" + attack,
		"Subject: " + token + "\r\nFrom: " + token + "@example.com\r\nMessage-ID: <" + token + "@x>\r\nX-" + token[:70] + ": " + token +
			"\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n" + token + " " + attack +
			"\r\n--b\r\nContent-Type: text/html\r\n\r\n<table width=3000><tr><td>" + token + "</table>\r\n--b--",
		"Subject: " + strings.Repeat("A machine was isolated because of a suspicious file ", 12) + "\r\n\r\n" +
			strings.Repeat("word ", 400),
		"\r\n",
	} {
		m := Parse([]byte(raw))
		m.N, m.At, m.From, m.To = i+1, at.Add(time.Duration(i)*time.Minute), "cordon@example.com", []string{
			recipient, token + "@example.com",
		}
		s.mails = append(s.mails, m)
	}
	return s
}

func TestNothingInAMailIsMarkupOnThePages(t *testing.T) {
	s := hostile()
	for _, path := range []string{"/", "/mail/1", "/mail/2"} {
		body := get(t, s, path).Body.String()
		if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
			t.Errorf("%s carries markup of the mail", path)
		}
		if !strings.Contains(body, "&lt;script&gt;alert(1)&lt;/script&gt;") {
			t.Errorf("%s does not show the mail's text", path)
		}
	}
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	s := hostile()
	for _, path := range []string{"/", "/style.css", "/mail/1", "/mail/1/html", "/mail/1/raw", "/mail/99", "/nothing"} {
		h := get(t, s, path).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cache-Control":                "no-store",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") ||
			strings.Contains(policy, "allow-") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
}

func TestTheHTMLPartIsServedAsSentButWithoutAnyRight(t *testing.T) {
	s := hostile()
	answer := get(t, s, "/mail/1/html")
	if want := "<p>" + attack; answer.Body.String() != want {
		t.Errorf("HTML part is %q, want %q", answer.Body, want)
	}
	want := "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action " +
		"'none'; frame-ancestors 'self'"
	if got := answer.Header().Get("Content-Security-Policy"); got != want {
		t.Errorf("policy is %q, want %q", got, want)
	}
	if body := get(t, s, "/mail/1").Body.String(); !strings.Contains(body, `<iframe sandbox="" src="1/html"`) {
		t.Error("the mail's page does not show the HTML part in a frame without rights")
	}
}

func TestSourceIsServedAsPlainText(t *testing.T) {
	s := hostile()
	answer := get(t, s, "/mail/1/raw")
	if got := answer.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" ||
		answer.Body.String() != string(s.mails[0].Raw) {
		t.Errorf("source is served as %s: %q", got, answer.Body)
	}
}

func TestTheListShowsTheNewestFirstAndCanBePaused(t *testing.T) {
	s := New(nil)
	if body := get(t, s, "/").Body.String(); !strings.Contains(body, "No mail yet") {
		t.Error("an empty inbox does not say so")
	}
	for n, raw := range []string{"Subject: older\r\n\r\nfirst  line\r\nsecond line", "Subject: newer\r\n\r\n"} {
		m := Parse([]byte(raw))
		m.N, m.To = n+1, []string{recipient}
		s.mails = append(s.mails, m)
	}
	body := get(t, s, "/").Body.String()
	newer, older := strings.Index(body, `<a href="mail/2">newer</a>`), strings.Index(body, `<a href="mail/1">older</a>`)
	if newer < 0 || older < newer {
		t.Errorf("newer mail at %d, older at %d; want the newer first", newer, older)
	}
	for _, want := range []string{"first line second line", "(no text part)", recipient, `http-equiv="refresh"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	if paused := get(t, s, "/?refresh=off").Body.String(); strings.Contains(paused, "http-equiv") ||
		!strings.Contains(paused, "resume") {
		t.Error("a paused list still updates itself")
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	s := hostile()
	for _, path := range []string{"/mail/0", "/mail/5", "/mail/-1", "/mail/x", "/mail/1/other", "/mails"} {
		if got := get(t, s, path).Code; got != http.StatusNotFound {
			t.Errorf("%s answered %d, want 404", path, got)
		}
	}
}

func TestPagesOfHostileMailsFitPhoneAndLaptop(t *testing.T) {
	web := httptest.NewServer(http.StripPrefix("/inbox", hostile().Handler()))
	t.Cleanup(web.Close)
	browser := pagetest.Open(t)
	for _, path := range []string{"/inbox/", "/inbox/mail/1", "/inbox/mail/2", "/inbox/mail/3", "/inbox/mail/4"} {
		for _, width := range []int{pagetest.Narrow, pagetest.Wide} {
			browser.Overflow(web.URL+path, width)
		}
	}
}
