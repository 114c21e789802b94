package alerts

import (
	"fmt"
	"net/http"
	"time"

	"cordon/handler/graph"
	"cordon/handler/machine"
)

// Error is a request that failed: refused here or by Graph, or without an answer. It says what is missing and holds no
// token, no query and no more of the answer than Graph's own message.
type Error struct {
	call  call
	cause *graph.Error
	fate  machine.Trouble // set where the status does not decide
}

// Error names the request, what came back and, where a person must act, the way out.
func (e *Error) Error() string {
	return e.cause.Words(
		"Microsoft Graph "+e.call.method+" "+e.call.endpoint,
		e.wayOut(),
	)
}

// Cause is Error without what differs from one answer to the next: the request's id, and numbers in words of others.
func (e *Error) Cause() string {
	return (&Error{e.call, e.cause.Steady(), e.fate}).Error()
}

// Unwrap returns what Graph said, or what went wrong without it.
func (e *Error) Unwrap() error { return e.cause }

// Status is the answer's status; 0: there was none that could be read.
func (e *Error) Status() int { return e.cause.Status }

// RetryAfter is how long Graph, the authority or the quota asked to wait; 0 if none did.
func (e *Error) RetryAfter() time.Duration {
	after, _ := e.cause.RetryIn()
	return after
}

// Trouble says what became of the request, see machine.Trouble.
func (e *Error) Trouble() machine.Trouble {
	_, again := e.cause.RetryIn()
	status := e.cause.Status
	open := machine.Transient
	if e.call.acting() {
		open = machine.UnknownFate
	}
	switch {
	case e.fate != machine.NoTrouble:
		return e.fate
	case status == 0 && e.cause.UnknownFate():
		return open
	case status == 0 && again:
		return machine.Transient
	case status == 0:
		return machine.Denied
	case status == http.StatusTooManyRequests:
		return machine.Transient
	case status >= 500 || status == http.StatusRequestTimeout || e.cause.Foreign():
		return open
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return machine.Denied
	case status == http.StatusNotFound:
		return machine.NotFound
	}
	return machine.Refused
}

// wayOut says what to do about an answer; without one, the cause says it.
func (e *Error) wayOut() string {
	status := e.cause.Status
	after := e.RetryAfter()
	switch {
	case e.Trouble() == machine.UnknownFate && e.cause.Foreign():
		return graph.NotGraphs + "; " + itMayBeSo
	case e.Trouble() == machine.UnknownFate:
		return itMayBeSo
	case e.cause.Foreign():
		return graph.NotGraphs
	case status == http.StatusUnauthorized:
		return "the token was refused: check CORDON_GRAPH_AUDIENCE, CORDON_CLOUD and CORDON_TENANT_ID"
	case status == http.StatusForbidden:
		return fmt.Sprintf("grant the application permission %s of Microsoft Graph with admin consent", e.call.needs)
	case status == http.StatusGone:
		return "Graph has no alerts here any more: read them from the API of Defender"
	case status == http.StatusTooManyRequests && after > 0:
		return fmt.Sprintf("quota used up: ask again in %s", after)
	case status == http.StatusTooManyRequests:
		return "quota used up: ask again later"
	case status >= 300 && status < 400:
		return "redirects are not followed: check CORDON_GRAPH_URL"
	}
	return ""
}

const itMayBeSo = "it may have been carried out: read the alert and its comments before asking again"

// unsent is the error of a request that was not sent.
func unsent(k call, fate machine.Trouble, cause error) error {
	return &Error{k, graph.Unsent(cause, false), fate}
}

// unreadable is the error of a 2xx whose body is cut, broken or none of Graph's. That is trouble on the way: reads are
// repeated, changes are looked up.
func unreadable(k call, err error) error {
	fate := machine.Transient
	if k.acting() {
		fate = machine.UnknownFate
	}
	return &Error{k, graph.Unsent(fmt.Errorf("the answer cannot be read: %w", err), true), fate}
}

var _ machine.APIError = (*Error)(nil)
