package defender

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// Error is a request that failed: refused here or by the API, or without an answer. It says what is missing and never
// holds a token, a query or more of the answer than the API's own message.
type Error struct {
	Method   string
	Endpoint string // as the vendor writes it, without ids
	Status   int    // 0: no answer
	Code     string // the API's code; the list is not exhaustive, Status decides first
	Message  string // free text of the API, bounded and without control characters
	Target   string // correlation id to quote to the vendor's support
	needs    string
	lacking  bool // the token does not hold needs
	// what came instead of the API's own words, for a person; empty: its words came, or a bare status that counts
	foreign string
	look    string
	after   time.Duration
	fate    machine.Trouble // set where the status does not decide
	cause   error
}

// Error names the request, what came back and, where a person must act, the way out.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Defender %s %s", e.Method, e.Endpoint)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %s", strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code)))
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %s", hide(e.cause.Error()))
	}
	if hint := e.wayOut(); hint != "" {
		fmt.Fprintf(&b, " (%s)", hint)
	}
	if e.Target != "" {
		fmt.Fprintf(&b, " [correlation %s]", e.Target)
	}
	return b.String()
}

// Cause is Error without what differs from one answer to the next: the correlation id, and numbers in words of others.
func (e *Error) Cause() string {
	same := *e
	same.Message = alert.Steady(e.Message)
	same.Target = ""
	same.after = 0
	if e.cause != nil {
		same.cause = errors.New(alert.Steady(hide(e.cause.Error())))
	}
	return same.Error()
}

// wayOut says what to do about an answer; without one, the cause says it.
func (e *Error) wayOut() string {
	trouble := e.Trouble()
	switch {
	case e.Status == 0:
		return ""
	case e.missingRole():
		return fmt.Sprintf("grant the application permission %s of WindowsDefenderATP with admin consent", e.needs)
	case e.foreign != "":
		return e.notTheAPIs(trouble)
	case e.Status == http.StatusUnauthorized:
		return "the token was refused: check CORDON_TENANT_ID, CORDON_CLOUD and CORDON_DEFENDER_AUDIENCE"
	case e.Status == http.StatusForbidden:
		return "the service itself refuses it, whatever the permissions: see whether the device, its group or a " +
			"feature of the tenant forbids it in the Defender portal, or act by hand"
	case e.Status == http.StatusTooManyRequests && e.after > 0:
		return fmt.Sprintf("quota used up: ask again in %s", e.after)
	case e.Status == http.StatusTooManyRequests:
		return "quota used up: ask again later"
	case trouble == machine.UnknownFate:
		return "it may have been carried out: " + e.look
	case trouble == machine.Unsupported:
		return "the machine does not know this action: act on it by hand"
	}
	return ""
}

// notTheAPIs says what to do about an answer of somebody on the way. It is no last word, so the request is made again.
func (e *Error) notTheAPIs(trouble machine.Trouble) string {
	text := "not the API's answer but " + e.foreign +
		", so it decides nothing and is tried again: look at what stands between the app and CORDON_DEFENDER_URL, " +
		"such as a proxy or a firewall"
	if e.Status >= 300 && e.Status < 400 {
		text += "; redirects are not followed"
	}
	if trouble == machine.UnknownFate {
		text += "; it may have been carried out: " + e.look
	}
	return text
}

// Unwrap returns what went wrong without an answer, or with reading it. Its text may show more than Error does.
func (e *Error) Unwrap() error { return e.cause }

// RetryAfter is how long the API, the authority or an endpoint's quota asked to wait; 0 if none did.
func (e *Error) RetryAfter() time.Duration { return e.after }

// Trouble says what became of the request, see machine.Trouble.
func (e *Error) Trouble() machine.Trouble {
	acting := e.Method != http.MethodGet
	switch {
	case e.fate != machine.NoTrouble:
		return e.fate
	case e.missingRole():
		return machine.Denied
	case acting && e.alreadyActive():
		return machine.AlreadyActive
	case acting && e.Status == http.StatusBadRequest &&
		(e.Code == "OsPlatformNotSupported" || e.Code == "ClientVersionNotSupported"):
		return machine.Unsupported
	case e.Status == http.StatusTooManyRequests:
		return machine.Transient
	case e.Status >= 500 || e.Status == http.StatusRequestTimeout || e.foreign != "":
		if acting {
			return machine.UnknownFate
		}
		return machine.Transient
	case e.Status == http.StatusNotFound:
		return machine.NotFound
	case e.Status == http.StatusUnauthorized:
		return machine.Denied
	}
	return machine.Refused
}

// alreadyActive knows a duplicate by its code, and by the sentence that the pages of the actions document without a
// code (Release device from isolation API page).
func (e *Error) alreadyActive() bool {
	return e.Code == "ActiveRequestAlreadyExists" ||
		e.Status == http.StatusBadRequest && strings.Contains(strings.ToLower(e.Message), "already in progress")
}

// missingRole reports whether a permission is missing: the API says so, or the token does not hold it. Its other 403
// are about devices, groups and features, and no permission would help.
func (e *Error) missingRole() bool {
	if e.Status != http.StatusForbidden {
		return false
	}
	return e.lacking || e.Code == "Forbidden" && saysMissing(e.Message)
}

// saysMissing knows how the API words a missing permission. It is documented nowhere; both were seen.
func saysMissing(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "missing application roles") ||
		strings.Contains(message, "the application does not have any of the required application permissions")
}

// unsent is the error of a request that was not sent.
func unsent(k call, fate machine.Trouble, cause error) error {
	return &Error{
		Method:   k.method,
		Endpoint: k.endpoint,
		fate:     fate,
		cause:    cause,
	}
}

// transportError keeps the cause but not the address, whose query does not belong into logs.
func transportError(k call, err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	e := &Error{
		Method:   k.method,
		Endpoint: k.endpoint,
		fate:     machine.Transient,
		cause:    err,
	}
	unexecuted := notExecuted(err)
	if k.acting() && !unexecuted {
		e.fate = machine.UnknownFate
	}
	// Tokens and paused endpoints say whether and when a repeat helps.
	var waiting interface{ RetryIn() (time.Duration, bool) }
	if unexecuted && errors.As(err, &waiting) {
		wait, again := waiting.RetryIn()
		e.after = wait
		if !again {
			e.fate = machine.Denied
		}
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
