// Package httpretry is an http.RoundTripper that waits, paces and repeats requests to an API with quotas, and repeats
// only what is safe to repeat: isolating a machine twice is worse than reporting that the outcome is not known.
//
//   - GET and HEAD are repeated on 429, 500, 502, 503, 504 and on network errors.
//   - Every other method is repeated only when the request certainly was not executed: the API answered 429, no
//     connection could be had, or no token could be had. After anything else (reset, EOF, time-out with a connection
//     in hand) it is sent no second time and the error is an *UnknownFateError. A 5xx is returned as the response that
//     it is.
//   - Each endpoint may have a budget per minute, kept for all users of one Transport, and is paused for as long as its
//     last 429 asked for; other processes are told of the pause, see Pauses. After it one request goes ahead of the
//     others.
//
// Errors name method, host and path, never a query string or a token.
package httpretry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	defaultMaxAttempts = 4
	defaultMaxWait     = 20 * time.Second

	// drainLimit is how much of an answer that is thrown away is read so that its connection can be used again.
	drainLimit = 64 << 10
)

// ErrTooLate says that the time set by SendBy came before the request had a connection.
var ErrTooLate = errors.New("the time by which the request had to be sent has passed")

// Options are the settings of a Transport. The zero value is usable.
type Options struct {
	// Base sends each attempt; nil means http.DefaultTransport. A Base that fails before it sends anything (no token,
	// say) tells so by an error with a method NotExecuted() bool; such an error is repeated only if it, or an error it
	// wraps, also has RetryIn() (time.Duration, bool) and that returns true.
	Base http.RoundTripper
	// MaxAttempts is how often one request is sent at most; 0 means 4, 1 means no repeats.
	MaxAttempts int
	// MaxWait is the longest time that is slept before one attempt; 0 means 20 s. When an answer asks for more, the
	// answer is returned as it is; when a paused or used-up endpoint asks for more, the error is a *PausedError.
	MaxWait time.Duration
	// Budget names the endpoint of a request (method and path template: few and constant values, since each is kept for
	// the life of the Transport) and how many requests a minute it takes. An empty key means no budget and no shared
	// pause; perMinute 0 or less means pauses only. Nil means an empty key for every request. It must not change the
	// request.
	Budget func(*http.Request) (key string, perMinute int)
	// Pauses tells other processes of pauses, and of theirs; nil means that each process finds out for itself.
	Pauses Pauses
	// OnRetry is told of every repeat before its wait begins; nil means nobody is.
	OnRetry func(Retry)
}

// Retry describes one repeat to come.
type Retry struct {
	Method  string
	Key     string        // from Options.Budget
	Attempt int           // the attempt that failed, 1 for the first
	Wait    time.Duration // time until the next attempt, before pacing
	Status  int           // of the answer, 0 when there was none
	Err     error         // nil when there was an answer
}

// Transport repeats and paces requests as the package comment says. It is safe for concurrent use; budgets and pauses
// are shared by all requests of one Transport.
type Transport struct {
	opts  Options
	gates gates
}

// New returns a Transport with o's gaps filled by the defaults.
func New(o Options) *Transport {
	if o.Base == nil {
		o.Base = http.DefaultTransport
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = defaultMaxAttempts
	}
	if o.MaxWait <= 0 {
		o.MaxWait = defaultMaxWait
	}
	return &Transport{opts: o, gates: gates{byKey: map[string]*gate{}}}
}

type sendByKey struct{}

// SendBy returns a context under which no attempt is begun, and none still waiting for a token or a connection goes on,
// after t. An attempt that has its connection by then is left to end. What comes of it is ErrTooLate, a *PausedError or
// the last answer as it came; as ever, NotExecuted tells whether the request may be sent again.
func SendBy(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, sendByKey{}, t)
}

// RoundTrip sends req, waiting and repeating as the package comment says. For methods other than GET and HEAD ask
// NotExecuted about an error: unless it says yes, the request may have been executed. Redirects are returned, not
// followed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c := t.newCall(req)
	for attempt := 1; ; attempt++ {
		if err := c.admit(); err != nil {
			closeBody(c.body)
			return nil, c.fail(err, true)
		}
		resp, ev, err := c.send()
		v := judge(req, resp, err, ev)
		wait := v.wait
		if wait <= 0 {
			wait = c.backoff.NextBackOff()
		}
		switch until := time.Now().Add(wait); {
		case v.throttled:
			t.gates.pause(c.key, until)
			t.share(req.Context(), c.key, until)
		default:
			t.gates.answered(c.key, err == nil)
		}
		if !v.repeat ||
			attempt >= t.opts.MaxAttempts ||
			time.Now().Add(wait).After(c.limit()) ||
			!c.rewind() {
			return c.finish(resp, err, v)
		}
		c.announce(attempt, wait, resp, err)
		drain(resp)
		if err := sleep(req.Context(), wait); err != nil {
			closeBody(c.body)
			return nil, c.fail(err, true)
		}
	}
}

// CloseIdleConnections passes http.Client's call of the same name on to Base.
func (t *Transport) CloseIdleConnections() {
	c, ok := t.opts.Base.(interface{ CloseIdleConnections() })
	if ok {
		c.CloseIdleConnections()
	}
}

// call is one RoundTrip under way.
type call struct {
	t         *Transport
	req       *http.Request
	body      io.ReadCloser // for the next attempt
	key       string
	perMinute int
	sendBy    time.Time // zero: no limit
	backoff   *backoff.ExponentialBackOff
}

func (t *Transport) newCall(req *http.Request) *call {
	c := &call{t: t, req: req, body: req.Body}
	c.sendBy, _ = req.Context().Value(sendByKey{}).(time.Time)
	if t.opts.Budget != nil {
		c.key, c.perMinute = t.opts.Budget(req)
	}
	// A randomization of 1 spreads each wait evenly over 0 to twice the interval, which is full jitter under 0.5 s, 1
	// s, 2 s, ...
	c.backoff = &backoff.ExponentialBackOff{
		InitialInterval:     250 * time.Millisecond,
		RandomizationFactor: 1,
		Multiplier:          2,
		MaxInterval:         5 * time.Second,
	}
	return c
}

// admit waits until the request may be sent.
func (c *call) admit() error {
	c.t.learn(c.req.Context(), c.key)
	err := c.t.gates.pass(c.req.Context(), c.key, c.perMinute, c.limit())
	if err != nil {
		return err
	}
	if !c.sendBy.IsZero() && time.Now().After(c.sendBy) {
		return ErrTooLate
	}
	return nil
}

// limit is the latest time at which a wait that begins now may end.
func (c *call) limit() time.Time {
	limit := time.Now().Add(c.t.opts.MaxWait)
	d, ok := c.req.Context().Deadline()
	if ok && d.Before(limit) {
		limit = d
	}
	if !c.sendBy.IsZero() && c.sendBy.Before(limit) {
		limit = c.sendBy
	}
	return limit
}

// send makes one attempt and tells what was seen of its connection.
func (c *call) send() (*http.Response, *evidence, error) {
	ev := &evidence{}
	ctx, stop := c.attemptContext(ev)
	req := c.req.Clone(ctx)
	req.Body = c.body
	resp, err := c.t.opts.Base.RoundTrip(req)
	if err != nil {
		cause := context.Cause(ctx)
		if errors.Is(cause, ErrTooLate) && !errors.Is(err, ErrTooLate) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		stop()
		return nil, ev, err
	}
	resp.Body = &stoppingBody{ReadCloser: resp.Body, stop: stop}
	return resp, ev, nil
}

// rewind readies the body for another attempt; false means that the request cannot be repeated.
func (c *call) rewind() bool {
	if c.req.Body == nil || c.req.Body == http.NoBody {
		return true
	}
	if c.req.GetBody == nil {
		return false
	}
	body, err := c.req.GetBody()
	if err != nil {
		return false
	}
	c.body = body
	return true
}

func (c *call) announce(attempt int, wait time.Duration, resp *http.Response, err error) {
	if c.t.opts.OnRetry == nil {
		return
	}
	r := Retry{
		Method:  c.req.Method,
		Key:     c.key,
		Attempt: attempt,
		Wait:    wait,
	}
	if err != nil {
		r.Err = c.fail(err, false)
	}
	if resp != nil {
		r.Status = resp.StatusCode
	}
	c.t.opts.OnRetry(r)
}

// finish hands the last answer or error to the caller.
func (c *call) finish(resp *http.Response, err error, v verdict) (*http.Response, error) {
	if err == nil {
		return resp, nil
	}
	if !safeMethod(c.req.Method) && !v.notExecuted {
		return nil, &UnknownFateError{
			Target: target(c.req),
			text:   scrub(c.req, err),
			err:    err,
		}
	}
	return nil, c.fail(err, v.notExecuted)
}

func (c *call) fail(err error, notExecuted bool) error {
	return &requestError{
		text:        target(c.req) + ": " + scrub(c.req, err),
		err:         err,
		notExecuted: notExecuted,
	}
}

func closeBody(body io.Closer) {
	if body != nil {
		body.Close()
	}
}

func drain(resp *http.Response) {
	if resp == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	resp.Body.Close()
}
