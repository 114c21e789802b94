package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"cordon/handler/httpretry"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
)

// maxAnswer is how many bytes an answer may have: the longest list has some hundred rows of a few KiB.
const maxAnswer = 8 << 20

// request is one request below wire.Base.
type request struct {
	method string
	path   string
	query  url.Values
	order  any  // nil: no body
	unwell bool // 503 with a report is an answer too
}

// unsentError says that a request did not leave, so that nothing was done.
type unsentError struct{ error }

// Unwrap is why.
func (e *unsentError) Unwrap() error { return e.error }

// ask sends a request and answers with status and body of a success. Everything else is an error: a *wire.Problem if
// the app said so in its form.
func (c *Client) ask(
	ctx context.Context,
	by *http.Client,
	r request,
) (status int, body []byte, err error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return 0, nil, &unsentError{err}
	}
	answer, err := httpretry.Do(by, req)
	if err != nil {
		return 0, nil, c.unanswered(err)
	}
	defer answer.Body.Close()
	status = answer.StatusCode
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case status >= 300 && status < 400:
		return status, nil, &unsentError{c.foreign("answered with a redirect to %s, which no command follows: give "+
			"the app's own address to cordon login --app", shown(answer.Header.Get("Location")))}
	case err != nil:
		return status, nil, c.foreign("broke its answer off: %v", err)
	case len(body) > maxAnswer:
		return status, nil, c.foreign("answered with more than 8 MiB, which Cordon never does")
	case status == http.StatusOK, r.unwell && status == http.StatusServiceUnavailable && isJSON(answer):
		return status, body, c.mustBeJSON(answer, plainJSON)
	}
	return status, nil, c.refusal(answer, body)
}

// request makes the HTTP request, with who asks.
func (c *Client) request(ctx context.Context, r request) (*http.Request, error) {
	for name, values := range r.query {
		if len(values) != 1 || strings.Contains(values[0], ",") {
			return nil, fmt.Errorf("%s %s cannot be asked for: a comma separates values", name, shown(values[0]))
		}
	}
	if c.URL.Scheme != "https" && !loopback(c.URL.Hostname()) {
		return nil, fmt.Errorf("%s is asked over https only", c.app())
	}
	to := *c.URL
	to.Path = wire.Base + r.path
	to.RawQuery = r.query.Encode()
	var body io.Reader
	if r.order != nil {
		text, err := outgoing.Encode(r.order)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, to.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", "cordon/"+c.Version)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token == nil {
		return req, nil
	}
	token, err := c.Token(ctx)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// unanswered is a request that got no answer at all.
func (c *Client) unanswered(err error) error {
	said := fmt.Errorf("%s does not answer: %w", c.app(), err)
	if httpretry.NotExecuted(err) {
		return &unsentError{said}
	}
	return said
}
