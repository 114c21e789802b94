package mail

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"cordon/handler/incoming"
)

// maxField is the length, in characters, that subject and header values are cut at.
const maxField = 200

// maxAddress is the longest mailbox: 64 + 1 + 255 octets, RFC 5321 section 4.5.3.1.
const maxAddress = 320

// Compose writes the mail as MIME (CRLF line ends, 7-bit), the form that SMTP carries after DATA and that Graph's
// sendMail takes in base64. The error, an *Error with Op "compose", names what is not clean; it is not temporary.
func Compose(m Message) ([]byte, error) {
	e, err := compose(m)
	if err != nil {
		return nil, &Error{Op: OpCompose, Err: err}
	}
	return e.mime, nil
}

// envelope is a composed mail with the bare addresses for the SMTP commands.
type envelope struct {
	from string
	to   []string
	mime []byte
}

func compose(m Message) (envelope, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8),
		gomail.WithEncoding(gomail.EncodingQP))
	e := envelope{}
	if err := address(msg, m, &e); err != nil {
		return envelope{}, err
	}
	if err := thread(msg, m); err != nil {
		return envelope{}, err
	}
	if err := extra(msg, m.Headers); err != nil {
		return envelope{}, err
	}
	if m.Text == "" && m.HTML == "" {
		return envelope{}, errors.New("text and HTML are both empty; give at least one")
	}
	msg.Subject(field(m.Subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	if !m.Date.IsZero() {
		msg.SetDateWithValue(m.Date)
	}
	body(msg, m)
	if err := attach(msg, m.Attached); err != nil {
		return envelope{}, err
	}
	var out bytes.Buffer
	_, err := msg.WriteTo(&out)
	if err != nil {
		return envelope{}, fmt.Errorf("write the mail as MIME: %w", err)
	}
	e.mime = out.Bytes()
	return e, nil
}

func address(msg *gomail.Msg, m Message, e *envelope) error {
	from, err := mailbox(m.From)
	if err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	if len(m.To) == 0 {
		return errors.New("no recipient; give at least one address")
	}
	all := make([]*netmail.Address, 0, len(m.To))
	for i, text := range m.To {
		to, err := mailbox(text)
		if err != nil {
			return fmt.Errorf("recipient %d of %d: %w", i+1, len(m.To), err)
		}
		all = append(all, to)
		e.to = append(e.to, to.Address)
	}
	e.from = from.Address
	msg.FromMailAddress(from)
	msg.ToMailAddress(all...)
	return nil
}

// mailbox reads one address. Only dot-atoms are let through: a quoted local part could carry SMTP parameters. The error
// does not quote the address.
func mailbox(text string) (*netmail.Address, error) {
	if text == "" {
		return nil, errors.New("the address is empty")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return nil, errors.New("the address holds a line break or another control character")
	}
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return nil, errors.New("not an address of the form name@domain or Name <name@domain>")
	}
	local, domain, _ := strings.Cut(a.Address, "@")
	if !only(local, "!#$%&'*+-/=?^_`{|}~.") ||
		!only(domain, "-.") ||
		len(a.Address) > maxAddress {
		return nil,
			errors.New("the address must be at most 320 ASCII letters, digits and signs without quotes; write an " +
				"international domain in its xn-- form")
	}
	a.Name = field(a.Name)
	return a, nil
}

func thread(msg *gomail.Msg, m Message) error {
	if err := messageID(m.ID); err != nil {
		return fmt.Errorf("message id: %w", err)
	}
	msg.SetMessageIDWithValue(m.ID)
	if m.InReplyTo != "" {
		if err := messageID(m.InReplyTo); err != nil {
			return fmt.Errorf("in-reply-to: %w", err)
		}
		msg.SetGenHeader(gomail.HeaderInReplyTo, "<"+m.InReplyTo+">")
	}
	for i, id := range m.References {
		if err := messageID(id); err != nil {
			return fmt.Errorf("reference %d: %w", i+1, err)
		}
	}
	if len(m.References) > 0 {
		msg.SetGenHeader(gomail.HeaderReferences, "<"+strings.Join(m.References, "> <")+">")
	}
	return nil
}

// messageID accepts left@right of RFC 5322 dot-atoms, at most 250 octets.
func messageID(id string) error {
	left, right, found := strings.Cut(id, "@")
	if !found ||
		len(id) > 250 ||
		!only(left, "!#$%&'*+-/=?^_`{|}~.") ||
		!only(right, "-.") {
		return fmt.Errorf("%q is not of the form left@right in at most 250 ASCII letters, digits and signs",
			cut(id, 80))
	}
	return nil
}

func extra(msg *gomail.Msg, headers map[string]string) error {
	for name, value := range headers {
		rest, ok := strings.CutPrefix(name, HeaderPrefix)
		if !ok || len(name) > 60 || !only(rest, "-") {
			return fmt.Errorf("header %q: only headers named %s followed by letters, digits and hyphens can be set",
				cut(name, 80), HeaderPrefix)
		}
		msg.SetGenHeader(gomail.Header(name), field(value))
	}
	return nil
}

func body(msg *gomail.Msg, m Message) {
	text := incoming.Visible(m.Text)
	html := incoming.Visible(m.HTML)
	switch {
	case html == "":
		msg.SetBodyString(gomail.TypeTextPlain, text)
	case text == "":
		msg.SetBodyString(gomail.TypeTextHTML, html)
	default:
		msg.SetBodyString(gomail.TypeTextPlain, text)
		msg.AddAlternativeString(gomail.TypeTextHTML, html)
	}
}

// field makes a text fit for one header line: nothing in it is hidden, runs of blanks and line ends become one blank,
// and what would be read as an encoded word (RFC 2047) is broken up.
func field(text string) string {
	return cut(strings.Join(strings.Fields(strings.ReplaceAll(incoming.Visible(text), "=?", "= ?")), " "), maxField)
}
