// Package inprocess carries requests to a handler of the same process, with no connection, so that waits take no time
// under a fake clock.
package inprocess

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
)

// Transport is the way to a handler, for clients of net/http and those of the Azure SDK.
type Transport struct{ To http.Handler }

// RoundTrip serves a request. Whoever has given up meanwhile does not hear the answer, and a handler that aborts breaks
// the connection off.
func (t Transport) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		switch broken := recover(); {
		case broken == nil:
		case errors.Is(asError(broken), http.ErrAbortHandler):
			answer, err = nil, io.ErrUnexpectedEOF
		default:
			panic(broken)
		}
	}()
	answer, err = serve(t.To, r)
	return answer, cmp.Or(err, r.Context().Err())
}

func asError(broken any) error {
	err, _ := broken.(error)
	return err
}

// Do is the same for the Azure SDK's clients.
func (t Transport) Do(r *http.Request) (*http.Response, error) { return t.RoundTrip(r) }

// Serve carries a request out whole, whatever becomes of its context, and returns the answer.
func Serve(h http.Handler, r *http.Request) (*http.Response, error) {
	answer, err := serve(h, r.WithContext(context.WithoutCancel(r.Context())))
	if err != nil {
		return nil, err
	}
	answer.Request = r
	return answer, nil
}

// serve hands a request to a handler as a server reads it from a connection.
func serve(h http.Handler, r *http.Request) (*http.Response, error) {
	inner := r.Clone(r.Context())
	inner.RequestURI, inner.Host = r.URL.RequestURI(), cmp.Or(r.Host, r.URL.Host)
	inner.Body = http.NoBody
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		inner.Body, inner.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, inner)
	answer := recorder.Result()
	answer.Request = r
	return answer, nil
}
