// Package alerts is the client of the alerts of Microsoft Graph (alerts_v2), the second source of what package defender
// reads. It tells an alert in Defender's words, so that nobody behind it has to know where one was read; words.go holds
// the table.
//
// An alert of Graph may name several devices. It is handed over once for each of its machines: the main one under the
// alert's own id, the others under alert.OnMachine. Enumerations are open: an unknown member, or kind of evidence, is
// kept and never an error.
//
// Tokens, repeats and budgets live in the transport of the HTTP client that it is given; the client itself sends every
// request once.
package alerts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/graph"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
)

// Client is safe for concurrent use.
type Client struct{ o graph.Options }

// New makes a Client. Nothing is sent.
func New(o graph.Options) *Client {
	own := *o.HTTP
	// Graph redirects nowhere. Following would turn a change into a GET of something else, or send it twice.
	own.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	o.HTTP = &own
	return &Client{o}
}

// Limits of answers: one alert, a whole list, which is decoded as a stream, and what is read behind the JSON so that
// the connection can be used again.
const (
	maxEntity  = 16 << 20
	maxList    = 1 << 30
	maxTrailer = 64 << 10
)

// Time-outs of one request with its answer. A change is short, so that its fate is known, or known to be unknown, soon;
// a list may be long, and includes the waits for quota.
const (
	changeTimeout = 60 * time.Second
	readTimeout   = 4 * time.Minute
)

// do sends the request and has a successful answer read.
func (c *Client) do(ctx context.Context, k call, read func(*http.Response) error) error {
	timeout := readTimeout
	if k.acting() {
		timeout = changeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := c.request(ctx, k)
	if err != nil {
		return err
	}
	answer, err := c.o.HTTP.Do(request)
	if err != nil {
		return &Error{call: k, cause: graph.TransportError(err)}
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return &Error{call: k, cause: graph.AnswerError(answer)}
	}
	if err := read(answer); err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxTrailer)
	return nil
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	// JoinPath would resolve dots; every id in the path has passed alert.CheckID, which leaves none to resolve.
	target := c.o.Base.JoinPath(append([]string{"v1.0", "security", "alerts_v2"}, k.path...)...)
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
		return nil, unsent(k, machine.Denied, errors.New("the address is not usable; check CORDON_GRAPH_URL"))
	}
	request.Header.Set("Accept", "application/json")
	// Without it newer members of enumerations all come as unknownFutureValue.
	request.Header.Set("Prefer", "include-unknown-enum-members")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// checkID refuses an id that could change the meaning of a path, before anything is sent.
func checkID(k call, graphID string) error {
	if err := alert.CheckID(graphID); err != nil {
		return unsent(k, machine.Refused, fmt.Errorf("the alert id %w", err))
	}
	return nil
}
