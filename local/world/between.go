package world

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// IsIsolate reports whether a request asks the Defender API for an isolation.
func IsIsolate(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/isolate")
}

// Before has a stand-in serve a request whose answer nobody hears; the request can then be served again.
func Before(next http.Handler, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	first := r.Clone(r.Context())
	first.Body, r.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(httptest.NewRecorder(), first)
}

// Rewrite has a stand-in serve a request and changes the body of its answer, before anybody hears of it.
func Rewrite(next http.Handler, w http.ResponseWriter, r *http.Request, change func(status int, body []byte) []byte) {
	r.Header.Del("Accept-Encoding")
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	body := change(answer.Code, answer.Body.Bytes())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body) // a client that went away needs no answer
}
