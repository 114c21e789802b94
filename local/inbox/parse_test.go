package inbox

import (
	"strings"
	"testing"
)

func TestAMailThatIsNoGoodMIMEIsStillShown(t *testing.T) {
	for _, c := range []struct{ name, raw, text string }{
		{"no header", "just text", "just text"},
		{"no content type", "Subject: x\r\n\r\nbody", "body"},
		{"broken content type", "Content-Type: a/b/c; =\r\n\r\nbody", "body"},
		{"multipart without boundary", "Content-Type: multipart/mixed\r\n\r\nbody", ""},
		{"multipart cut short", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbody", "body"},
		{"broken base64", "Content-Transfer-Encoding: base64\r\n\r\naGk=!!!", "hi"},
		{"not UTF-8", "Subject: x\r\n\r\n\xffbody", "\uFFFDbody"},
	} {
		if got := Parse([]byte(c.raw)); got.Text != c.text || string(got.Raw) != c.raw {
			t.Errorf("%s: text is %q, source %q; want %q and the source as sent", c.name, got.Text, got.Raw, c.text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--"))
	f.Add([]byte("Subject: =?utf-8?q?=FF?=\r\n\r\nbody"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		m.N = 1
		if strings.ToValidUTF8(m.Text, "") != m.Text || strings.ToValidUTF8(m.HTML, "") != m.HTML {
			t.Errorf("text or HTML of %q is not UTF-8", raw)
		}
		s := New(nil)
		s.mails = []Mail{m}
		for _, path := range []string{"/", "/mail/1"} {
			if answer := get(t, s, path); answer.Code != 200 {
				t.Errorf("%s for %q answered %d", path, raw, answer.Code)
			}
		}
	})
}
