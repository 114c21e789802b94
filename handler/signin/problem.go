package signin

import (
	"net/http"
	"strconv"
	"time"

	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
)

func unauthorized(code, detail string) *wire.Problem {
	return wire.NewProblem(http.StatusUnauthorized, code, detail)
}

// later is a refusal that may pass.
func later(code, detail string, wait time.Duration) *wire.Problem {
	p := wire.NewProblem(http.StatusServiceUnavailable, code, detail)
	p.RetryAfter = int((wait + time.Second - 1) / time.Second)
	return p
}

// Answer writes a problem document (RFC 9457) with the headers that belong to it: a 401 names the scheme that is wanted
// (RFC 6750), and whoever may try again is told when.
func Answer(w http.ResponseWriter, p *wire.Problem) {
	header := w.Header()
	if p.Status == http.StatusUnauthorized {
		challenge := "Bearer"
		if p.Code != notSignedIn {
			challenge = `Bearer error="invalid_token", error_description=` + strconv.QuoteToASCII(p.Detail)
		}
		header.Set("WWW-Authenticate", challenge)
	}
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	body, _ := outgoing.Encode(p) // texts and numbers: it cannot fail
	w.WriteHeader(p.Status)
	// Whoever asked has gone if this fails.
	_, _ = w.Write(body)
}
