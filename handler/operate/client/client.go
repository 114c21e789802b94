// Package client asks the operator API of an app over HTTP. What answers may be a proxy, a portal of a hotel or
// somebody who pretends to be the app: an answer is bounded, of the right form or an error that names the app, and no
// redirect is followed. What changes something carries the id of its command, so that it can be sent again when its
// answer got lost.
//
// Neighbours: handler/operate answers, handler/cli/session has the tokens.
package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"cordon/handler/httpretry"
	"cordon/handler/operate/wire"
)

// How long an answer is waited for, with all that is sent again.
const (
	patience     = time.Minute
	longPatience = 4 * time.Minute // the platform gives up before
)

// Options say which app is asked, and as whom.
type Options struct {
	Name    string   // of the app, as people know it
	URL     *url.URL // of the app: scheme and host
	Version string   // of this program
	// Token is what proves who asks; nil: nobody does.
	Token func(context.Context) (string, error)
	// Transport carries requests; nil: the default.
	Transport http.RoundTripper
	// Tell is told, in a sentence, of what is sent again; nil: nobody is.
	Tell func(string)
}

// Client is an operate.Desk over HTTP.
type Client struct {
	Options
	once    *http.Client // sends a request as it is
	patient *http.Client // and this one sends what changes nothing again
}

// New makes a client.
func New(o Options) *Client {
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	base := o.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	return &Client{
		Options: o,
		once:    sender(base),
		patient: sender(httpretry.New(httpretry.Options{Base: base})),
	}
}

// sender follows no redirect: the token is for one host, and what answers elsewhere is not the app.
func sender(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// get asks for something.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	return asked[T](ctx, c, patience, c.patient, request{
		method: http.MethodGet,
		path:   path,
		query:  query,
	})
}

// asked sends a request and reads its answer.
func asked[T any](
	ctx context.Context,
	c *Client,
	limit time.Duration,
	by *http.Client,
	r request,
) (answer T, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, body, err := c.ask(ctx, by, r)
	if err == nil {
		err = c.read(body, &answer)
	}
	return answer, err
}

// How often a command is sent, and how long is waited before the second time; then twice as long each time.
const (
	commandTries = 4
	commandWait  = time.Second
	longestWait  = 20 * time.Second
)

// post gives a command. If its answer got lost it is sent again under the same id, which does nothing twice.
func post[T any](
	ctx context.Context,
	c *Client,
	path, command string,
	order any,
	mine func(T) bool,
) (answer T, err error) {
	wait := commandWait
	for try := 1; ; try++ {
		answer, err = asked[T](ctx, c, longPatience, c.patient, request{
			method: http.MethodPost,
			path:   path,
			order:  order,
		})
		if err == nil && !mine(answer) {
			err = c.foreign("answered about another command")
		}
		pause, lost := repeat(err, wait)
		if !lost {
			return answer, err
		}
		gone := &LostError{Command: command, err: err}
		if try == commandTries || ctx.Err() != nil {
			return answer, gone
		}
		c.Tell(err.Error() + "; sending command " + command + " again, which does nothing twice")
		if sleep(ctx, pause) != nil {
			return answer, gone
		}
		wait *= 2
	}
}

// repeat says whether a command is sent again, and after which time: not if it was answered, or never sent.
func repeat(err error, wait time.Duration) (pause time.Duration, again bool) {
	if err == nil {
		return 0, false
	}
	var answer *wire.Problem
	if !errors.As(err, &answer) {
		var unsent *unsentError
		return wait, !errors.As(err, &unsent)
	}
	asks := time.Duration(answer.RetryAfter) * time.Second
	again = answer.Status >= http.StatusInternalServerError && asks <= longestWait
	return max(wait, asks), again
}

// LostError says that nobody knows whether a command was done: its answer did not arrive.
type LostError struct {
	Command string
	err     error
}

// Error says it, with the way out.
func (e *LostError) Error() string {
	return e.err.Error() + "; it is not known whether it was done: look, or give the same command again with " +
		"--command-id " + e.Command + ", which does nothing twice"
}

// Unwrap is why there is no answer.
func (e *LostError) Unwrap() error { return e.err }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
