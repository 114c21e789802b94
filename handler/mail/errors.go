package mail

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// The steps of sending, as Error.Op names them.
const (
	OpCompose    = "compose"    // the message is not clean
	OpConnect    = "connect"    // dialling
	OpGreeting   = "greeting"   // the server's first words and EHLO
	OpTLS        = "tls"        // STARTTLS or the TLS handshake
	OpLogin      = "login"      // AUTH
	OpSender     = "sender"     // MAIL FROM
	OpRecipients = "recipients" // RCPT TO
	OpData       = "data"       // DATA and the content
	OpConfirm    = "confirm"    // the answer to the content; without one the server may have the mail or not
	OpGraph      = "graph"      // handing the mail to Microsoft Graph, which is one step
)

// Error says why a mail was not sent, or not to everybody. Its cause (*textproto.Error for an answer of the server,
// Graph's error, the token's error, context and network errors) is found with errors.As and errors.Is.
type Error struct {
	Op       string // one of the Op constants
	Server   string // host:port, or Graph's host; empty for OpCompose
	Code     int    // SMTP reply code; 0 when the server gave no answer, and for Graph
	Accepted int    // recipients that the mail was sent to nevertheless; see Delivered
	Refused  []int  // positions in Message.To that the server refused; only with OpRecipients
	Err      error  // cause; of server answers a copy without mailbox names and passwords

	detail string
	token  bool // the login is by token
}

// Error describes the step, the cause and what to look at.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("mail: " + e.Op)
	if e.Server != "" {
		b.WriteString(" at " + e.Server)
	}
	if e.detail != "" {
		b.WriteString(": " + e.detail)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if hint := e.hint(); hint != "" {
		b.WriteString("; " + hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Delivered reports that the server took the mail for some recipients, though not for all. A repeat of the whole would
// reach those a second time: tell the operator, and repeat, if Temporary, for the refused ones alone.
func (e *Error) Delivered() bool { return e.Accepted > 0 }

// Temporary reports whether a later try can succeed without anybody changing anything: 4xx answers of a mail server,
// network trouble, the end of the context, and what Graph or the token says of itself. A refused login (535), an
// untrusted certificate, a missing STARTTLS, 5xx answers of a mail server and a missing permission cannot.
func (e *Error) Temporary() bool {
	if e.Code != 0 {
		return e.Code/100 == 4
	}
	var waiting interface{ RetryIn() (time.Duration, bool) }
	if errors.As(e.Err, &waiting) {
		_, again := waiting.RetryIn()
		return again
	}
	var untrusted *tls.CertificateVerificationError
	return e.Op != OpCompose &&
		!errors.As(e.Err, &untrusted) &&
		!errors.Is(e.Err, errUnfit)
}

// RetryIn says whether trying again can help, as Temporary does, and how long the server wants to be left alone before;
// 0 if it did not say.
func (e *Error) RetryIn() (time.Duration, bool) {
	var waiting interface{ RetryIn() (time.Duration, bool) }
	if errors.As(e.Err, &waiting) {
		wait, _ := waiting.RetryIn()
		return wait, e.Temporary()
	}
	return 0, e.Temporary()
}

// errUnfit marks a server that cannot be used with this configuration.
var errUnfit = errors.New("the server does not fit the SMTP URL")

func (e *Error) hint() string {
	var untrusted *tls.CertificateVerificationError
	switch {
	case e.Op == OpLogin && e.Code/100 == 5 && e.token:
		return "the server refused the token: in Exchange Online the app needs SMTP.SendAsApp with admin consent, a " +
			"service principal with full access to " +
			"the mailbox that the SMTP URL names, and authenticated SMTP switched on for it; a repeat alone will " +
			"not help"
	case e.Op == OpLogin && e.Code/100 == 5:
		return "check user and password of the SMTP URL and that the server lets this user send; a repeat alone " +
			"will not help"
	case errors.As(e.Err, &untrusted):
		return "the server's certificate is not trusted: check the host of the SMTP URL and the configured CA"
	case e.Op == OpConfirm && e.Code == 0:
		return "the server may have taken the mail; a repeat carries the same Message-ID"
	}
	return ""
}

// failure makes the error of a step. When the context has ended, that is the cause: the closed connection only follows.
func (c Config) failure(ctx context.Context, op string, err error) *Error {
	e := &Error{
		Op:     op,
		Server: c.address(),
		Err:    err,
		token:  c.Auth == AuthXOAuth2,
	}
	var reply *textproto.Error
	switch {
	case errors.As(err, &reply):
		e.Code = reply.Code
		e.Err = &textproto.Error{Code: reply.Code, Msg: c.scrub(reply.Msg)}
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
	case op == OpLogin && !errors.Is(err, errUnfit):
		e.Err = errors.New(c.scrub(err.Error())) // not wrapped: it may quote what the server said
	}
	return e
}

var mailboxName = regexp.MustCompile(`[^\s<>()\[\]"',;:@]+@([A-Za-z0-9.-]+)`)

// scrub takes mailbox names and every form of the password out of a server's text and makes it one short line.
func (c Config) scrub(text string) string {
	if p := c.secret(); p != "" {
		b64 := base64.StdEncoding.EncodeToString
		first := "user=" + c.User + "\x01auth=Bearer " + p + "\x01\x01" // of XOAUTH2
		for _, form := range []string{
			b64([]byte("\x00" + c.User + "\x00" + p)), b64([]byte(first)), b64([]byte(p)), p,
		} {
			text = strings.ReplaceAll(text, form, "[hidden]")
		}
	}
	text = mailboxName.ReplaceAllString(text, "…@$1")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return cut(strings.Join(strings.Fields(text), " "), 300)
}
