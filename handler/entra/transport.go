package entra

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// drainLimit is how much of a refused answer is read so that its connection can be used again.
const drainLimit = 64 << 10

// Transport is an http.RoundTripper that puts a token on each request to one host, and answers a claims challenge by
// asking for a token with those claims and sending the request once more: a request answered 401 was not executed, so
// that is safe for a POST too. It is safe for concurrent use.
type Transport struct {
	Base   http.RoundTripper // nil means http.DefaultTransport
	Source TokenSource
	Scope  string // of the API, "https://api.securitycenter.microsoft.com/.default"
	// AllowedHost is the one host, with port unless it is the scheme's own, that is ever shown the token, over https or
	// to a loopback address. A request to another one is refused; a redirect to another one goes out without any token.
	AllowedHost string
}

// notSentError is a failure before the request was sent, or after it was answered 401.
type notSentError struct{ err error }

func (e *notSentError) Error() string { return e.err.Error() }
func (e *notSentError) Unwrap() error { return e.err }

// NotExecuted tells whoever repeats requests that this one had no effect.
func (e *notSentError) NotExecuted() bool { return true }

// RoundTrip sends req with a token. When there is none, the error is the Source's, marked by a method NotExecuted()
// bool: req was not executed. Other answers and errors are Base's.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.allowed(req.URL) {
		return t.outside(req)
	}
	token, err := t.Source.Token(req.Context(), t.Scope)
	if err != nil {
		closeBody(req.Body)
		return nil, &notSentError{err}
	}
	resp, err := t.send(req, req.Body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	claims, challenged := claimsChallenge(resp.Header.Values("WWW-Authenticate"))
	if !challenged {
		return resp, nil
	}
	body, ok := rewind(req)
	if !ok {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	resp.Body.Close()
	token, err = t.Source.TokenForClaims(req.Context(), t.Scope, claims)
	if err != nil {
		closeBody(body)
		return nil, &notSentError{err}
	}
	return t.send(req, body, token)
}

// CloseIdleConnections passes http.Client's call of the same name on to Base.
func (t *Transport) CloseIdleConnections() {
	c, ok := t.base().(interface{ CloseIdleConnections() })
	if ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

func (t *Transport) send(req *http.Request, body io.ReadCloser, token Token) (*http.Response, error) {
	own := req.Clone(req.Context())
	own.Body = body
	if own.Header == nil {
		own.Header = http.Header{}
	}
	own.Header.Set("Authorization", "Bearer "+token.Value.Reveal())
	return t.base().RoundTrip(own)
}

// outside handles a request that must not carry the token. http.Client sets Response on the requests it makes to follow
// a redirect.
func (t *Transport) outside(req *http.Request) (*http.Response, error) {
	if req.Response == nil {
		closeBody(req.Body)
		return nil, &notSentError{fmt.Errorf("entra: refusing to send a token to %s://%s: it is for https://%s only",
			req.URL.Scheme, req.URL.Host, t.AllowedHost)}
	}
	own := req.Clone(req.Context())
	own.Header.Del("Authorization")
	return t.base().RoundTrip(own)
}

func (t *Transport) allowed(u *url.URL) bool {
	if t.AllowedHost == "" || !strings.EqualFold(hostPort(u.Host, u.Scheme), hostPort(t.AllowedHost, u.Scheme)) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func hostPort(host, scheme string) string {
	defaultPort := ":443"
	if scheme == "http" {
		defaultPort = ":80"
	}
	return strings.TrimSuffix(host, defaultPort)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func rewind(req *http.Request) (io.ReadCloser, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

func closeBody(body io.Closer) {
	if body != nil {
		body.Close()
	}
}
