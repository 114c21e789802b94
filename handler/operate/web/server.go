// Package web answers the operator API over HTTP: which route is asked, who asks and whether that person may, the order
// in the body, and the answer or the problem.
//
// Neighbours: handler/operate does what is asked for, handler/signin says who asks.
package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"cordon/handler/ledger/journal"
	"cordon/handler/operate"
	"cordon/handler/operate/openapi"
	"cordon/handler/operate/wire"
	"cordon/handler/outgoing"
	"cordon/handler/signin"
)

// Server answers the operator API over HTTP. It believes bearer tokens only, and makes no call before one is proven.
type Server struct {
	office   *operate.Office
	verifier *signin.Verifier
	signIn   wire.SignIn
	log      *slog.Logger
	answers  map[string]answering
}

// NewServer makes a Server. signIn is what it tells anybody.
func NewServer(
	office *operate.Office,
	verifier *signin.Verifier,
	signIn wire.SignIn,
	log *slog.Logger,
) *Server {
	return &Server{
		office:   office,
		verifier: verifier,
		signIn:   signIn,
		log:      log,
		answers:  answers(),
	}
}

// reply is what a route answers with.
type reply struct {
	status int // 0: 200
	body   any // written as JSON
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, wire.Base)
	found, err := s.reply(r, path)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.write(w, r, found)
}

func (s *Server) reply(r *http.Request, path string) (reply, error) {
	switch {
	case r.Method == http.MethodGet && path == "/signin":
		return reply{body: s.signIn}, nil
	case r.Method == http.MethodGet && path == "/openapi.json":
		return reply{body: openapi.Description()}, nil
	}
	who, err := s.verifier.Bearer(r.Context(), r.Header)
	if err != nil {
		return reply{}, err
	}
	route, err := routeOf(r.Method, path)
	if err != nil {
		return reply{}, err
	}
	if err := who.May(route.Role); err != nil {
		return reply{}, err
	}
	if err := asked(r, route); err != nil {
		return reply{}, err
	}
	me := wire.Me{
		Name:     who.Name,
		ObjectID: who.ObjectID,
		Tenant:   who.Tenant,
		Roles:    who.Roles,
		App:      who.App,
		Until:    who.Until,
	}
	by := journal.Author{
		Name:    who.Name,
		ID:      who.ObjectID,
		Client:  who.Client,
		Address: signin.Address(r.Header),
	}
	return s.answers[key(route.Method, route.Path)](r, s.office.As(me, by))
}

func routeOf(method, path string) (wire.Route, error) {
	other := ""
	for _, route := range wire.Routes() {
		switch {
		case route.Path != path:
		case route.Method == method:
			return route, nil
		default:
			other = route.Method
		}
	}
	if other != "" {
		return wire.Route{}, wire.NewProblem(http.StatusMethodNotAllowed, "method",
			fmt.Sprintf("%s is answered to %s only", path, other))
	}
	return wire.Route{}, wire.NewProblem(http.StatusNotFound, "no_route",
		"there is nothing at this address; GET "+wire.Base+"/openapi.json lists what there is")
}

// asked checks the query: a name that is not known, or is there twice, is a mistake that would change the answer.
func asked(r *http.Request, route wire.Route) error {
	given := r.URL.Query()
	for name, values := range given {
		known := false
		for _, p := range route.Query {
			known = known || p.Name == name
		}
		switch {
		case !known:
			return wire.NewProblem(http.StatusBadRequest, "query", fmt.Sprintf("%s takes no %.40q", route.Path, name))
		case len(values) > 1 || strings.Contains(values[0], ","):
			return wire.NewProblem(http.StatusBadRequest, "query",
				fmt.Sprintf("%s is given twice, or holds a comma", name))
		}
	}
	for _, p := range route.Query {
		if p.Required && given.Get(p.Name) == "" {
			return wire.NewProblem(http.StatusBadRequest, "query",
				fmt.Sprintf("%s wants %s: %s", route.Path, p.Name, p.Says))
		}
	}
	return nil
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, found reply) {
	body, err := outgoing.Encode(found.body)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	if r.Method == http.MethodGet {
		sum := sha256.Sum256(body)
		tag := `"` + hex.EncodeToString(sum[:16]) + `"`
		header.Set("ETag", tag)
		if found.status == 0 && strings.Contains(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if found.status != 0 {
		w.WriteHeader(found.status)
	}
	// Whoever asked has gone if this fails.
	_, _ = io.Copy(w, bytes.NewReader(body))
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var p *wire.Problem
	if !errors.As(err, &p) {
		p = wire.NewProblem(http.StatusInternalServerError, "broken", "something went wrong; the app's log has more")
		s.log.ErrorContext(r.Context(), "the operator API failed",
			"path", r.URL.Path,
			"error", err.Error())
	} else if p.Status >= http.StatusInternalServerError {
		s.log.WarnContext(r.Context(), "the operator API could not answer",
			"path", r.URL.Path, "code", p.Code, "error", p.Detail)
	}
	signin.Answer(w, p)
}
