package httpretry

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// UnknownFateError says that a request which may have effects was sent, or may have been, and no answer came: it was
// executed or it was not. The caller looks up what happened before it sends the request again.
type UnknownFateError struct {
	Target string // method, host and path
	text   string
	err    error
}

// Error names the request and the cause.
func (e *UnknownFateError) Error() string {
	return fmt.Sprintf("%s: outcome unknown, look up whether it was executed: %s", e.Target, e.text)
}

// Unwrap returns the cause. Its text may hold the URL; do not print it.
func (e *UnknownFateError) Unwrap() error { return e.err }

// PausedError says that an endpoint takes no request before Until, which is further away than the caller lets this
// package wait. Nothing was sent; try again at Until.
type PausedError struct {
	Key   string // the endpoint, as Options.Budget names it
	Until time.Time
}

// Error names the endpoint and the time.
func (e *PausedError) Error() string {
	return fmt.Sprintf("endpoint %q is paused by its quota until %s: try again then", e.Key,
		e.Until.UTC().Format(time.RFC3339))
}

// NotExecuted is true.
func (e *PausedError) NotExecuted() bool { return true }

// RetryIn says that trying again helps, and in how long; 0 once Until has passed.
func (e *PausedError) RetryIn() (time.Duration, bool) {
	return max(time.Until(e.Until), 0), true
}

// NotExecuted says whether err proves that its request was not executed, so that sending it again is safe. False means
// that nothing is proven: an *UnknownFateError, and also an error that lost its origin on the way, as http.Client makes
// of a time-out of its own (give requests a context with a deadline instead of a Client.Timeout).
func NotExecuted(err error) bool {
	var unknown *UnknownFateError
	if errors.As(err, &unknown) {
		return false
	}
	var marked interface{ NotExecuted() bool }
	if errors.As(err, &marked) {
		return marked.NotExecuted()
	}
	return dialError(err)
}

// Do sends req with c and returns the transport's error without the *url.Error that http.Client puts around it, which
// repeats the whole URL, query string included.
func Do(c *http.Client, req *http.Request) (*http.Response, error) {
	resp, err := c.Do(req)
	if err == nil {
		return resp, nil
	}
	var own interface{ fromTransport() }
	if errors.As(err, &own) {
		return nil, own.(error)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return nil, &requestError{
		text:        target(req) + ": " + scrub(req, err),
		err:         err,
		notExecuted: NotExecuted(err),
	}
}

// requestError is every other failure: of a GET or HEAD, or of a request that was not executed.
type requestError struct {
	text        string
	err         error
	notExecuted bool
}

func (e *requestError) Error() string     { return e.text }
func (e *requestError) Unwrap() error     { return e.err }
func (e *requestError) NotExecuted() bool { return e.notExecuted }

func (e *requestError) fromTransport()     {}
func (e *UnknownFateError) fromTransport() {}

// target names a request without its query, fragment and user information.
func target(req *http.Request) string {
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	return method + " " + req.URL.Host + req.URL.EscapedPath()
}

// scrub returns err's text without what must not be shown: the request's query and credentials.
func scrub(req *http.Request, err error) string {
	hide := []string{req.URL.RawQuery, req.Header.Get("Authorization")}
	if u := req.URL.User; u != nil {
		password, _ := u.Password()
		hide = append(hide, u.String(), password)
	}
	text := err.Error()
	for _, s := range hide {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[hidden]")
		}
	}
	return text
}

// dialError says whether err is a failure to connect: it cannot come from a request that was sent.
func dialError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
