package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"cordon/handler/alert"
)

// maxErrorBody bounds how much of an error answer is read.
const maxErrorBody = 64 << 10

// Error is a mail that Graph did not accept, or about which nothing is known. It holds no token and no mailbox name.
type Error struct {
	Status    int    // 0: no answer
	Code      string // Graph's code; the list is not exhaustive, Status decides first
	Message   string // Graph's text, bounded, on one line and without mailbox names
	RequestID string // to quote to the vendor's support

	after   time.Duration
	unknown bool // no answer, and the request may have been carried out
	passing bool // where the status does not decide
	foreign bool // the answer has no words of Graph's: somebody on the way made it
	cause   error
}

// Error says what came back and, where a person must act, the way out.
func (e *Error) Error() string {
	return e.Words("Microsoft Graph", e.wayOut())
}

// Words are what is known of the failure of a request, and the way out for whoever made it.
func (e *Error) Words(request, wayOut string) string {
	text := request
	if e.Status != 0 {
		text += ": " + strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code))
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.cause != nil {
		text += ": " + clean(e.cause.Error())
	}
	if wayOut != "" {
		text += "; " + wayOut
	}
	if e.RequestID != "" {
		text += " [request " + e.RequestID + "]"
	}
	return text
}

// Steady is e without what differs from one answer to the next: the request's id, and numbers in words of others.
func (e *Error) Steady() *Error {
	same := *e
	same.Message = alert.Steady(e.Message)
	same.RequestID = ""
	same.after = 0
	if e.cause != nil {
		same.cause = errors.New(alert.Steady(clean(e.cause.Error())))
	}
	return &same
}

// wayOut says what to do about an answer; without one, the cause says it.
func (e *Error) wayOut() string {
	switch {
	case e.UnknownFate():
		return "Graph may have taken the mail; a repeat may arrive as a second mail"
	case e.foreign && !e.TooLarge():
		return NotGraphs
	case e.Code == "ErrorSendAsDenied":
		return "the mail's sender is not the mailbox itself: set CORDON_MAIL_FROM to the mailbox's own address"
	case e.Status == http.StatusUnauthorized:
		return "the token was refused: check CORDON_GRAPH_AUDIENCE, CORDON_CLOUD and CORDON_TENANT_ID"
	case e.Status == http.StatusForbidden:
		return "the app may not send as CORDON_MAIL_FROM: give it the role \"Application Mail.Send\" in Exchange " +
			"for a scope that holds the mailbox (RBAC for Applications), " +
			"or the application permission Mail.Send with admin consent; an application access policy may shut the " +
			"mailbox out; what is changed takes hours to count"
	case e.Status == http.StatusNotFound:
		return "there is no such mailbox: CORDON_MAIL_FROM must be the user principal name of a mailbox in Exchange " +
			"Online, with a licence or shared"
	case e.Status == http.StatusRequestEntityTooLarge:
		return "the mail is too large"
	case e.Status == http.StatusTooManyRequests && e.after > 0:
		return fmt.Sprintf("the mailbox's limits are used up: send again in %s", e.after)
	case e.Status == http.StatusTooManyRequests:
		return "the mailbox's limits are used up: send again later"
	case e.InvalidRecipients():
		return "a recipient is refused, and with it the mail: check CORDON_MAIL_TO and the playbook"
	case e.Status >= 300 && e.Status < 400:
		return "redirects are not followed: check CORDON_GRAPH_URL"
	}
	return ""
}

// NotGraphs says what to do about a page of somebody on the way, such as a proxy or a firewall. It is no last word.
const NotGraphs = "not Graph's answer but a page of somebody else, so it decides nothing and is tried again: look " +
	"at what stands between the app and CORDON_GRAPH_URL, such as a proxy or a firewall"

// Unwrap returns what went wrong without an answer.
func (e *Error) Unwrap() error { return e.cause }

// RetryIn says whether sending again can succeed without anybody changing anything, and how long Graph wants to be left
// alone.
func (e *Error) RetryIn() (time.Duration, bool) {
	return e.after,
		e.passing || e.unknown || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout ||
			e.Status >= 500
}

// UnknownFate reports that the mail may have been sent all the same.
func (e *Error) UnknownFate() bool {
	return e.unknown || e.Status >= 500
}

// Foreign reports that the answer has no words of Graph's: somebody on the way made it.
func (e *Error) Foreign() bool { return e.foreign }

// TooLarge reports that Graph refused the mail for its size, before it did anything with it.
func (e *Error) TooLarge() bool {
	return e.Status == http.StatusRequestEntityTooLarge
}

// InvalidRecipients reports that Graph refused the whole mail because of a recipient; it does not say which.
func (e *Error) InvalidRecipients() bool {
	return e.Status == http.StatusBadRequest && e.Code == "ErrorInvalidRecipients"
}

// Unsent is the error of a request that was not sent.
func Unsent(cause error, passing bool) *Error {
	return &Error{cause: cause, passing: passing}
}

// AnswerError reads an answer that is none of those that were asked for.
func AnswerError(answer *http.Response) *Error {
	e := &Error{
		Status:    answer.StatusCode,
		RequestID: word(answer.Header.Get("request-id")),
		after:     retryAfter(answer.Header.Get("Retry-After"), time.Now()),
	}
	var body struct {
		Error struct{ Code, Message string }
	}
	// An answer that is not JSON leaves both empty: the status alone tells then.
	raw, _ := io.ReadAll(io.LimitReader(answer.Body, maxErrorBody))
	_ = json.Unmarshal(raw, &body)
	e.Code = word(body.Error.Code)
	e.Message = clean(body.Error.Message)
	e.foreign = body.Error.Code == "" &&
		body.Error.Message == "" &&
		len(raw) > 0
	e.passing = e.foreign
	return e
}

// TransportError keeps the cause but not the address, which holds the mailbox.
func TransportError(err error) *Error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	e := &Error{cause: err}
	e.unknown = !notExecuted(err)
	e.passing = !e.unknown
	// Tokens and paused endpoints say whether and when a repeat helps.
	var waiting interface{ RetryIn() (time.Duration, bool) }
	if !e.unknown && errors.As(err, &waiting) {
		e.after, e.passing = waiting.RetryIn()
	}
	return e
}

// notExecuted asks an error of the transport whether it proves that nothing was carried out. Without a mark, a failure
// to connect does.
func notExecuted(err error) bool {
	var marked interface{ NotExecuted() bool }
	if errors.As(err, &marked) {
		return marked.NotExecuted()
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// retryAfter reads a Retry-After header, seconds or HTTP date; 0 when it is absent, past or neither. An hour is the
// most.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	seconds, err := strconv.Atoi(strings.TrimSpace(header))
	if err == nil {
		wait = time.Duration(min(max(seconds, 0), 3600)) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), time.Hour)
}

// word lets a code or id through, and nothing that is none.
func word(text string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`).MatchString(text) {
		return text
	}
	return ""
}

// clean takes mailbox names out of a text, plain and as a path holds them, and makes it one short line.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = regexp.MustCompile(`[^\s<>()\[\]"',;:@/]+(?:@|%40)([A-Za-z0-9.-]+)`).ReplaceAllString(text, "…@$1")
	text = strings.Join(strings.Fields(text), " ")
	runes := []rune(text)
	if len(runes) > 300 {
		return string(runes[:299]) + "…"
	}
	return text
}
