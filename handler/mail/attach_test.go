package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"
)

func withFile(body []byte) Message {
	return Message{
		ID:       "a@example.com",
		From:     "cordon@example.com",
		To:       []string{"soc@example.com"},
		Subject:  "s",
		Text:     "the text",
		HTML:     "<p>the page</p>",
		Attached: []Attachment{{Name: "rows.csv", Type: "text/csv", Body: body}},
	}
}

func TestAFileArrivesAsItIs(t *testing.T) {
	t.Parallel()
	want := []byte("a,b\r\n\x00\xff,\u00e4\r\n")
	raw, err := Compose(withFile(want))
	if err != nil {
		t.Fatal(err)
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatalf("there is no rows.csv: %v", err)
		}
		if p.FileName() != "rows.csv" {
			continue
		}
		got, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil || !bytes.Equal(got, want) || !strings.HasPrefix(p.Header.Get("Content-Type"), "text/csv") {
			t.Errorf("%q of type %s, %v", got, p.Header.Get("Content-Type"), err)
		}
		return
	}
}

func TestAFileThatIsTooLargeIsLeftOutAndTheMailSaysSo(t *testing.T) {
	t.Parallel()
	e, err := composeWithin(withFile(make([]byte, 100_000)), 50_000)
	if err != nil || len(e.mime) > 50_000 || !strings.Contains(string(e.mime), "Left out") ||
		!strings.Contains(string(e.mime), "rows.csv") || !strings.Contains(string(e.mime), "the text") {
		t.Errorf("%d bytes, %v:\n%.2000s", len(e.mime), err, e.mime)
	}
}

func TestNamesOfFilesThatCouldBePathsOrHeadersAreRefused(t *testing.T) {
	t.Parallel()
	for _, f := range []Attachment{
		{Name: "../x", Type: "text/csv"}, {Name: "a\r\nb", Type: "text/csv"}, {Name: "", Type: "text/csv"},
		{Name: "..", Type: "text/csv"}, {Name: "a", Type: "text/csv\r\nX: y"}, {Name: "a", Type: "csv"},
	} {
		m := withFile(nil)
		m.Attached = []Attachment{f}
		if _, err := Compose(m); err == nil {
			t.Errorf("%q of type %q was taken", f.Name, f.Type)
		}
	}
}
