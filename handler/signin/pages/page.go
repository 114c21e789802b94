package pages

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
	"cordon/handler/signin"
)

const notSignedIn = "not_signed_in"

func unauthorized(code, detail string) *wire.Problem {
	return wire.NewProblem(http.StatusUnauthorized, code, detail)
}

// retryAfter is when a repeat may work, in seconds.
const retryAfter = 10

func unavailable(code, detail string) *wire.Problem {
	p := wire.NewProblem(http.StatusServiceUnavailable, code, detail)
	p.RetryAfter = retryAfter
	return p
}

// noLedger is trouble with the ledger: nobody is let through.
func (s *Sessions) noLedger(ctx context.Context, err error) *wire.Problem {
	s.refused.Warn(ctx, s.o.Log, "sessions could not be read or written", err)
	return unavailable("ledger_unavailable", "it cannot be told now who you are; try again a little later")
}

// problem is an error as it is answered.
func problem(err error) *wire.Problem {
	var p *wire.Problem
	if errors.As(err, &p) {
		return p
	}
	return unavailable("not_ready", "this could not be answered now; try again a little later")
}

// refuse answers with a problem, as a page where a person looks at it.
func (s *Sessions) refuse(
	w http.ResponseWriter,
	r *http.Request,
	p *wire.Problem,
) {
	usual := []string{notSignedIn, "renew", "session_over"}
	if p.Status == http.StatusUnauthorized && !slices.Contains(usual, p.Code) {
		s.refused.Warn(r.Context(), s.o.Log, "sign-ins were refused", p)
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		page(w, p.Status, p.Title, p.Detail)
		return
	}
	signin.Answer(w, p)
}

// page shows a sentence. It loads nothing and runs nothing.
func page(
	w http.ResponseWriter,
	status int,
	title, text string,
) {
	const style = `:root{color-scheme:light dark}` +
		`body{font:1rem/1.5 system-ui,"Segoe UI",Roboto,Arial,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;` +
		`overflow-wrap:anywhere}`
	const layout = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} · Cordon</title><style>` + style + `</style></head>
<body><main><h1>{{.Title}}</h1><p>{{.Text}}</p><p><a href="/api/signin/start">Sign in</a></p></main></body></html>
`
	header := w.Header()
	sum := sha256.Sum256([]byte(style))
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(sum[:])+"'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// Whoever asked has gone if this fails.
	_ = template.Must(template.New("").Parse(layout)).Execute(w, map[string]string{
		"Title": title,
		"Text":  text,
	})
}

func answer(w http.ResponseWriter, v any) {
	body, err := outgoing.Encode(v)
	if err != nil {
		signin.Answer(w, problem(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// Whoever asked has gone if this fails.
	_, _ = w.Write(body)
}
