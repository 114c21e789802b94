// Package defender is the client of the Defender for Endpoint API, one file per vendor resource, and the only place
// that knows the API's JSON. It fills the domain types of alert and machine. Tokens, repeats and budgets live in the
// transport of the HTTP client that it is given; the client itself sends every request once.
//
// Decoding never fails on what the vendor may add or change: unknown fields are skipped, unknown enum values kept, and
// a field of an unexpected type is read as far as it goes.
package defender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
)

// Options says how to reach the API. Base and HTTP are required.
type Options struct {
	Base *url.URL     // https://api.security.microsoft.com, without the /api part
	HTTP *http.Client // adds tokens, repeats what is safe to repeat; it is copied, and redirects are not followed
	// SendBy marks a context so that the transport does not send a request after a time; nil: acting requests are sent
	// whenever the transport gets to it.
	SendBy func(ctx context.Context, by time.Time) context.Context
	// Lacks reports that the app's token is known not to hold a permission, nor a wider one; nil: tokens cannot be
	// looked into.
	Lacks func(ctx context.Context, permission string) bool
}

// Client is safe for concurrent use.
type Client struct{ o Options }

// New makes a Client. Nothing is sent.
func New(o Options) *Client {
	own := *o.HTTP
	// The API redirects nowhere. Following would turn an act into a GET of something else, or send it twice.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTP = &own
	return &Client{o}
}

// Limits of answers: an error body, one entity, and a whole list, which is decoded as a stream.
const (
	maxErrorBody = 64 << 10
	maxTrailer   = 64 << 10 // behind the JSON, read so that the connection can be used again
	maxEntity    = 16 << 20
	maxList      = 1 << 30
)

// call describes one request: the endpoint as the vendor writes it, for errors and budgets, and the path itself.
type call struct {
	method   string
	endpoint string // /api/machines/{id}/isolate
	path     []string
	query    url.Values
	body     any    // nil: none
	needs    string // the application permissions that the endpoint asks for, for the error text
	look     string // of a request that changes something: what to do when its fate is not known, for the error text
}

// send sends the request and returns a successful answer; the caller closes its body.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, k.timeout())
	request, err := c.request(ctx, k)
	if err != nil {
		cancel()
		return nil, err
	}
	answer, err := c.o.HTTP.Do(request)
	if err != nil {
		cancel()
		return nil, transportError(k, err)
	}
	answer.Body = &endingBody{ReadCloser: answer.Body, end: cancel}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		defer answer.Body.Close()
		return nil, c.apiError(ctx, k, answer)
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	// JoinPath would resolve dots; every id in the path has passed alert.CheckID, which leaves none to resolve.
	target := c.o.Base.JoinPath(append([]string{"api"}, k.path...)...)
	target.RawQuery = strings.ReplaceAll(k.query.Encode(), "+", "%20")
	var body io.Reader
	if k.body != nil {
		encoded, err := outgoing.Encode(k.body)
		if err != nil {
			return nil, unsent(k, machine.Refused, fmt.Errorf("the request's body: %w", err))
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, k.method, target.String(), body)
	if err != nil {
		// The error would show the address with its query.
		return nil, unsent(k, machine.Denied, errors.New("the address is not usable; check CORDON_DEFENDER_URL"))
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// checkID refuses an id that could change the meaning of a path or a filter, before anything is sent.
func checkID(k call, what, id string) error {
	if err := alert.CheckID(id); err != nil {
		return unsent(k, machine.Refused, fmt.Errorf("the %s id %w", what, err))
	}
	return nil
}

// Time-outs of one request with its answer. An act is short, so that its fate is known, or known to be unknown, soon; a
// list may be long, and includes the waits for quota.
const (
	actTimeout  = 60 * time.Second
	readTimeout = 4 * time.Minute
)

func (k call) timeout() time.Duration {
	if k.acting() {
		return actTimeout
	}
	return readTimeout
}

// acting reports whether the request changes something.
func (k call) acting() bool { return k.method != http.MethodGet }

// endingBody ends the request's time-out when the answer has been read.
type endingBody struct {
	io.ReadCloser
	end context.CancelFunc
}

func (b *endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// stampFormat is how times are written in filters: bare, in UTC (Get alerts API page).
const stampFormat = "2006-01-02T15:04:05.9999999Z"

func stamp(t time.Time) string { return t.UTC().Format(stampFormat) }

// What every endpoint of this client allows an app in a minute and in an hour (limitations on each API page).
const (
	CallsPerMinute = 100
	CallsPerHour   = 1500
)

// Budget names the endpoint of a request for quotas, ids left out, and how many calls a minute it allows. A request to
// anything else has no key. It fits httpretry's Options.
func Budget(r *http.Request) (key string, perMinute int) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	for i := range len(parts) - 1 {
		if parts[i] != "api" || !slices.Contains([]string{"alerts", "machines", "machineactions"}, parts[i+1]) {
			continue
		}
		template := parts[i:]
		if len(template) > 2 {
			template[2] = "{id}"
		}
		return r.Method + " /" + strings.Join(template, "/"), CallsPerMinute
	}
	return "", 0
}
