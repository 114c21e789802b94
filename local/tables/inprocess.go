package tables

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
)

// Do answers a request without a network, as the transport of a client of the tables. The request is carried out whole,
// whatever becomes of its context.
func (s *Server) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	inner := r.Clone(context.Background())
	inner.Body, inner.RequestURI, inner.ContentLength = io.NopCloser(bytes.NewReader(body)), r.URL.RequestURI(), int64(len(body))
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, inner)
	answer := recorder.Result()
	answer.Request = r
	return answer, nil
}
