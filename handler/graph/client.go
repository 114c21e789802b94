// Package graph is the client of Microsoft Graph, one file per vendor resource, and the only place that knows its
// errors. Tokens, repeats and budgets live in the transport of the HTTP client that it is given; the client itself
// sends every request once.
package graph

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Options says how to reach Graph. Both are required.
type Options struct {
	Base *url.URL     // https://graph.microsoft.com, without the version
	HTTP *http.Client // adds tokens, repeats what is safe to repeat; it is copied, and redirects are not followed
}

// Client is safe for concurrent use.
type Client struct {
	o     Options
	turns chan struct{} // holds a token for each request under way
}

// New makes a Client. Nothing is sent.
func New(o Options) *Client {
	own := *o.HTTP
	// Graph redirects nowhere. Following would send a mail elsewhere, or the token.
	own.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	o.HTTP = &own
	return &Client{o, make(chan struct{}, maxConcurrent)}
}

// maxConcurrent is how many requests of an app a mailbox takes at once
// (https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits). Mail goes from one mailbox.
const maxConcurrent = 4

// enter waits for a turn.
func (c *Client) enter(ctx context.Context) error {
	select {
	case c.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Client) leave() { <-c.turns }

// Budget names the endpoint of a request for quotas, ids left out, and how many calls a minute it allows: 30 mails a
// minute and mailbox, which Exchange's limits page says of the mailbox and the vendor's people of Graph too
// (https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits).
// A request to anything else has no key. It fits httpretry's Options.
func Budget(r *http.Request) (key string, perMinute int) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/sendMail") {
		return "POST /v1.0/users/{id}/sendMail", 30
	}
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/security/runHuntingQuery") {
		return "POST /v1.0/security/runHuntingQuery", 45 // for the tenant ("Advanced hunting quotas and usage limits")
	}
	if strings.Contains(r.URL.Path, "/security/alerts_v2") {
		return "/v1.0/security/alerts_v2", 150 // for the app in the tenant, whatever is asked of alerts
	}
	return "", 0
}
