package alerts

import (
	"net/http"
	"net/url"
)

// call describes one request: the endpoint as the vendor writes it, for errors, and what stands behind it in the path.
type call struct {
	method   string
	endpoint string // /v1.0/security/alerts_v2/{id}
	path     []string
	query    url.Values
	body     any    // nil: none
	needs    string // the application permission that the endpoint asks for, for the error text
}

// acting reports whether the request changes something.
func (k call) acting() bool { return k.method != http.MethodGet }
