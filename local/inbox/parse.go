package inbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// maxDepth is how deep multiparts may nest.
const maxDepth = 8

// Mail is one mail as it was taken.
type Mail struct {
	N         int       // its number, from 1
	At        time.Time // when it was taken
	From      string    // sender of the envelope
	To        []string  // recipients of the envelope
	MessageID string    // without angle brackets; empty: none
	InReplyTo string    // the same
	Subject   string    // decoded
	// first text/plain part, decoded, LF line ends; the whole body if the mail cannot be read as MIME
	Text   string
	HTML   string // first text/html part, decoded, LF line ends
	Header mail.Header
	Raw    []byte // as sent; not to be changed
}

// Parse reads what can be read; a mail that is no good MIME is still shown.
func Parse(raw []byte) Mail {
	m := Mail{Raw: raw}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		m.Text = clean(raw)
		return m
	}
	m.Header = msg.Header
	m.MessageID = strings.Trim(strings.TrimSpace(msg.Header.Get("Message-ID")), "<>")
	m.InReplyTo = strings.Trim(strings.TrimSpace(msg.Header.Get("In-Reply-To")), "<>")
	m.Subject = decodeHeader(msg.Header.Get("Subject"))
	content := part{msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body}
	content.read(&m, 0)
	return m
}

// decodeHeader decodes encoded words (RFC 2047); what cannot be decoded stays as it is.
func decodeHeader(value string) string {
	decoded, err := new(mime.WordDecoder).DecodeHeader(value)
	if err != nil {
		return strings.ToValidUTF8(value, "\uFFFD")
	}
	return decoded
}

// part is a mail's body or one part of it.
type part struct {
	contentType, encoding string
	body                  io.Reader
}

func (p part) read(m *Mail, depth int) {
	kind, params, err := mime.ParseMediaType(p.contentType)
	if err != nil {
		kind = "text/plain" // RFC 2045 section 5.2
	}
	switch {
	case strings.HasPrefix(kind, "multipart/") && depth < maxDepth:
		parts := multipart.NewReader(p.body, params["boundary"])
		for {
			next, err := parts.NextRawPart()
			if err != nil {
				return
			}
			part{next.Header.Get("Content-Type"), next.Header.Get("Content-Transfer-Encoding"), next}.read(m, depth+1)
		}
	case kind == "text/plain" && m.Text == "":
		m.Text = p.decode()
	case kind == "text/html" && m.HTML == "":
		m.HTML = p.decode()
	}
}

// decode returns as much as can be decoded.
func (p part) decode() string {
	body := p.body
	switch strings.ToLower(strings.TrimSpace(p.encoding)) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, _ := io.ReadAll(body)
	return clean(content)
}

func clean(b []byte) string {
	return strings.ToValidUTF8(strings.ReplaceAll(string(b), "\r\n", "\n"), "\uFFFD")
}
