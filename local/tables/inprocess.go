package tables

import (
	"net/http"

	"cordon/local/inprocess"
)

// Do answers a request without a network, as the transport of a client of the tables. The request is carried out whole,
// whatever becomes of its context.
func (s *Server) Do(r *http.Request) (*http.Response, error) { return inprocess.Serve(s, r) }
