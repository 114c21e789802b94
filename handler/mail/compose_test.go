package mail

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/incoming"
)

// good is a mail with everything in it.
func good() Message {
	return Message{
		ID:         "cordon.ab12.2@contoso.com",
		InReplyTo:  "cordon.ab12.1@contoso.com",
		References: []string{"cordon.ab12.0@contoso.com", "cordon.ab12.1@contoso.com"},
		Date:       time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		From:       "Cordon Münster <cordon@contoso.com>",
		To:         []string{"soc@contoso.com", "Ops <ops@fabrikam.com>"},
		Subject:    "Isolated: größe-01 日本 😀",
		Text:       "Grüße, 日本\n.a line with a dot\n\nlast = line",
		HTML:       "<!doctype html><p>Grüße &amp; 日本</p>",
		Headers:    map[string]string{"X-Cordon-Run": "alert1:v2", "X-Cordon-Machine": "größe-01"},
	}
}

// read takes a composed mail apart with the standard library alone.
func read(t *testing.T, raw []byte) (netmail.Header, map[string]string) {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "multipart/alternative" {
		content, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
		if err != nil {
			t.Fatal(err)
		}
		bodies[kind] = string(content)
		return msg.Header, bodies
	}
	for parts := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return msg.Header, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		bodies[part.Header.Get("Content-Type")] = strings.ReplaceAll(string(content), "\r\n", "\n")
	}
}

func decoded(t *testing.T, value string) string {
	t.Helper()
	out, err := new(mime.WordDecoder).DecodeHeader(value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAComposedMailReadsBackAsItWasGiven(t *testing.T) {
	m := good()
	raw, err := Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	header, bodies := read(t, raw)
	got := map[string]string{}
	for name := range header {
		got[name] = decoded(t, header.Get(name))
	}
	delete(got, "Content-Type") // holds a random boundary
	want := map[string]string{
		"Message-Id":               "<cordon.ab12.2@contoso.com>",
		"In-Reply-To":              "<cordon.ab12.1@contoso.com>",
		"References":               "<cordon.ab12.0@contoso.com> <cordon.ab12.1@contoso.com>",
		"Date":                     "Wed, 04 Mar 2026 05:06:07 +0000",
		"From":                     "Cordon Münster <cordon@contoso.com>",
		"To":                       `<soc@contoso.com>, "Ops" <ops@fabrikam.com>`,
		"Subject":                  m.Subject,
		"X-Cordon-Run":             "alert1:v2",
		"X-Cordon-Machine":         "größe-01",
		"Mime-Version":             "1.0",
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"text/plain; charset=UTF-8": m.Text, "text/html; charset=UTF-8": m.HTML},
		bodies); diff != "" {
		t.Errorf("parts differ (-want +got):\n%s", diff)
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 ||
			strings.ContainsFunc(line, func(r rune) bool { return r > 126 || (r < 32 && r != '\t') }) {
			t.Errorf("line %q is too long or not plain ASCII", line)
		}
	}
}

func TestAMailMayHaveOnlyTextOrOnlyHTML(t *testing.T) {
	for kind, m := range map[string]Message{"text/plain": {Text: "hello"}, "text/html": {HTML: "hello"}} {
		m.ID, m.From, m.To = "a@b", "a@contoso.com", []string{"b@contoso.com"}
		raw, err := Compose(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, bodies := read(t, raw); bodies[kind] != "hello" || len(bodies) != 1 {
			t.Errorf("%s: parts are %q", kind, bodies)
		}
	}
}

// headersOfGood is how many headers good() is composed to, its two X-Cordon ones included.
const headersOfGood = 13

// injected is what an attacker would add.
const injected = "Bcc: evil@example.com"

func TestNoFieldCanAddAHeaderOrEndTheHeaders(t *testing.T) {
	for _, lineEnd := range []string{"\r\n", "\n", "\r", "\r\n\r\n", "\u2028", "\u0085", "\v", "\x00\r\n"} {
		value := "x" + lineEnd + injected
		for _, c := range []struct {
			name    string
			change  func(*Message)
			refused bool
		}{
			{"subject", func(m *Message) { m.Subject = value }, false},
			{"header value", func(m *Message) { m.Headers["X-Cordon-Run"] = value }, false},
			{"header name", func(m *Message) { m.Headers["X-Cordon-"+value] = "x" }, true},
			{"sender", func(m *Message) { m.From = "a@contoso.com" + lineEnd + injected }, true},
			{"sender's name", func(m *Message) { m.From = `"` + value + `" <a@contoso.com>` }, lineEnd != "\u2028"},
			{"recipient", func(m *Message) { m.To[1] = "a@contoso.com" + lineEnd + injected }, true},
			{"message id", func(m *Message) { m.ID = "a@contoso.com" + lineEnd + injected }, true},
			{"in-reply-to", func(m *Message) { m.InReplyTo = "a@contoso.com>" + lineEnd + injected }, true},
			{"reference", func(m *Message) { m.References[0] = "a@contoso.com" + lineEnd + injected }, true},
		} {
			m := good()
			c.change(&m)
			raw, err := Compose(m)
			if c.refused != (err != nil) {
				t.Errorf("%s with %q: error %v; want one: %t", c.name, lineEnd, err, c.refused)
				continue
			}
			if err != nil {
				continue
			}
			header, bodies := read(t, raw)
			if header.Get("Bcc") != "" || len(header) != headersOfGood || len(bodies) != 2 {
				t.Errorf("%s with %q changed the mail's structure:\n%s", c.name, lineEnd, raw)
			}
		}
	}
}

// TestNoMailHidesWhatAStrangerWrote: the texts of alerts reach every part of a mail.
func TestNoMailHidesWhatAStrangerWrote(t *testing.T) {
	t.Parallel()
	const hostile = "invoice\u202efdp.exe\u200b\u2066\ufeff\u3164\u2028line\nnext"
	m := good()
	m.Subject, m.Text, m.HTML, m.Headers["X-Cordon-Machine"] = hostile, hostile, "<p>"+hostile+"</p>", hostile
	raw, err := Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	header, bodies := read(t, raw)
	if len(bodies) != 2 {
		t.Fatalf("%d bodies", len(bodies))
	}
	for kind, body := range bodies {
		if strings.ContainsFunc(body, incoming.Hidden) || !strings.Contains(body, "invoicefdp.exe line\nnext") {
			t.Errorf("%s: %q", kind, body)
		}
	}
	for _, name := range []string{"Subject", "X-Cordon-Machine"} {
		if got := decoded(t, header.Get(name)); got != "invoicefdp.exe line next" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestASubjectIsMadeHarmlessAndNeverKeepsTheMailFromGoing(t *testing.T) {
	for _, c := range []struct{ name, subject, want string }{
		{"line breaks become blanks", "a\r\n\tb", "a b"},
		{"turning the direction of writing", "exe.\u202Etxt\u2066", "exe.txt"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"encoded word", "=?utf-8?q?=0D=0ABcc:_x?=", "= ?utf-8?q?=0D=0ABcc:_x?="},
		{"too long", strings.Repeat("ä", 5000), strings.Repeat("ä", maxField-1) + "…"},
		{"one long word", strings.Repeat("x", 5000), strings.Repeat("x", maxField-1) + "…"},
		{"empty", "", ""},
	} {
		m := good()
		m.Subject = c.subject
		raw, err := Compose(m)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		header, _ := read(t, raw)
		if got := decoded(t, header.Get("Subject")); got != c.want {
			t.Errorf("%s: subject is %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatIsNotCleanIsRefusedByNameWithoutQuotingAddresses(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*Message)
	}{
		{"sender: the address is empty", func(m *Message) { m.From = "" }},
		{"no recipient", func(m *Message) { m.To = nil }},
		{"recipient 2 of 2: not an address", func(m *Message) { m.To[1] = "jane.doe" }},
		{"recipient 2 of 2: not an address", func(m *Message) { m.To[1] = "jane.doe@contoso.com, b@contoso.com" }},
		{"recipient 1 of 2: the address must be", func(m *Message) {
			m.To[0] = `"jane.doe> NOTIFY=NEVER <x"@contoso.com`
		}},
		{"recipient 1 of 2: the address must be", func(m *Message) { m.To[0] = "jane.doe@münchen.example" }},
		{"recipient 1 of 2: the address must be", func(m *Message) {
			m.To[0] = strings.Repeat("jane.doe", 40) + "@contoso.com"
		}},
		{"message id", func(m *Message) { m.ID = "" }},
		{"message id", func(m *Message) { m.ID = "<a@b>" }},
		{`header "Bcc"`, func(m *Message) { m.Headers = map[string]string{"Bcc": "jane.doe@contoso.com"} }},
		{"text and HTML are both empty", func(m *Message) { m.Text, m.HTML = "", "" }},
	} {
		m := good()
		c.change(&m)
		_, err := Compose(m)
		var e *Error
		if !errors.As(err, &e) || e.Op != OpCompose || e.Temporary() || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "jane.doe") {
			t.Errorf("got %v; want a lasting compose error with %q and without the address", err, c.want)
		}
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("subject", "text", "<p>html", "value")
	f.Add("a\r\nBcc: x", "\r\n.\r\n", "=?utf-8?q?=0A?=", "\x00\u202e")
	f.Fuzz(func(t *testing.T, subject, text, html, value string) {
		m := good()
		m.Subject, m.Text, m.HTML, m.Headers["X-Cordon-Run"] = subject, text+"t", html+"h", value
		raw, err := Compose(m)
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		header, bodies := read(t, raw)
		if len(header) != headersOfGood || len(bodies) != 2 {
			t.Errorf("%d headers and %d parts in\n%s", len(header), len(bodies), raw)
		}
	})
}
