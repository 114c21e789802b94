package alertsim

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cordon/local/internal/coding"
	"cordon/local/internal/graphapi"
)

// maxBody is the largest request body that is read.
const maxBody = 1 << 20

// endpoint is one operation.
type endpoint struct {
	name  string   // method and path
	roles []string // application permissions, any of which is enough
	serve func(*Sim, *request) (any, graphapi.Refusal)
}

func endpoints() []endpoint {
	const path = "/v1.0/security/alerts_v2"
	read, write := []string{"SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"},
		[]string{"SecurityAlert.ReadWrite.All"}
	return []endpoint{
		{"GET " + path, read, (*Sim).list},
		{"GET " + path + "/{id}", read, (*Sim).get},
		{"PATCH " + path + "/{id}", write, (*Sim).patch},
		{"POST " + path + "/{id}/comments", write, (*Sim).comment},
	}
}

// request is a call as endpoints read it.
type request struct {
	at     time.Time
	base   string // scheme and host that the client used
	path   string
	id     string
	query  url.Values
	body   []byte
	kind   string // Content-Type
	claims Claims
	newer  bool // newer members of enumerations are asked for
	empty  bool // a fault empties lists
}

// serve handles a request, records it, and only then answers: a client that has an answer finds the call in Calls.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	s.mu.Lock()
	next := s.fault
	s.mu.Unlock()
	fault := graphapi.Next(next, r)
	q, no := s.read(r)
	q.empty = fault.Empty
	var after time.Duration
	var answer any
	switch {
	case fault.Status != 0:
		no, after = fault.Refusal(), fault.RetryAfter
		no.Code = cmp.Or(no.Code, usualCode(no.Status))
	case no.Status == 0:
		answer, no, after = s.handle(q, e)
	}
	call := Call{
		At:       q.at,
		AppID:    q.claims.AppID,
		Method:   r.Method,
		Path:     r.URL.Path,
		Endpoint: e.name,
		Query:    q.query,
		Body:     string(q.body),
		Status:   no.Status,
		Code:     no.Code,
		Lost:     fault.LoseAnswer || fault.Cut,
	}
	if no.Status == 0 {
		call.Status = http.StatusOK
	}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	if !graphapi.Wait(r, fault.Delay) {
		return
	}
	if fault.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Date", q.at.Format(http.TimeFormat))
	if no.Status != 0 {
		graphapi.Refuse(w, no, after)
		return
	}
	write(w, r, answer, fault.Cut)
}

// read takes a request apart.
func (s *Sim) read(r *http.Request) (q *request, no graphapi.Refusal) {
	q = &request{
		at:   s.now(),
		base: "http://" + r.Host,
		path: r.URL.Path,
		id:   r.PathValue("id"),
		kind: r.Header.Get("Content-Type"),
	}
	if r.TLS != nil {
		q.base = "https://" + r.Host
	}
	for _, header := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			q.newer = q.newer || strings.TrimSpace(preference) == "include-unknown-enum-members"
		}
	}
	var err error
	if q.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return q, badRequest("The query string cannot be read.")
	}
	if q.body, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody)); err != nil {
		return q, badRequest("The request body cannot be read.")
	}
	gate := graphapi.Gate{Verify: s.o.Verify, Audience: s.o.Audience}
	q.claims, no = gate.Claims(r)
	return q, no
}

// handle checks what every endpoint checks, and then asks the endpoint.
func (s *Sim) handle(q *request, e endpoint) (any, graphapi.Refusal, time.Duration) {
	if e.serve == nil {
		return nil, graphapi.No(http.StatusNotFound, "ResourceNotFound", "Resource not found for the segment."), 0
	}
	if after := s.overQuota(q.claims.AppID, q.at); after > 0 {
		return nil, graphapi.No(http.StatusTooManyRequests, "TooManyRequests", "Please retry again later."), after
	}
	holds := func(role string) bool { return slices.Contains(q.claims.Roles, role) }
	if s.o.Verify != nil && !slices.ContainsFunc(e.roles, holds) {
		// The words were observed, with two permissions of incidents among those that are required.
		return nil, graphapi.No(http.StatusForbidden, "Forbidden", "Missing application roles. API required roles: "+
			strings.Join(e.roles, ",")+", application roles: "+strings.Join(q.claims.Roles, ",")+"."), 0
	}
	answer, no := e.serve(s, q)
	return answer, no, 0
}

// overQuota counts a call of an app, and says how long to wait if it is one too many. Calls that are refused count too.
func (s *Sim) overQuota(app string, now time.Time) (after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := slices.DeleteFunc(s.asked[app], func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if n := len(asked); s.o.PerMinute > 0 && n >= s.o.PerMinute {
		after = asked[n-s.o.PerMinute].Add(time.Minute).Sub(now)
	}
	s.asked[app] = append(asked, now)
	return after
}

// usualCode goes with a status that a fault asks for. Those of 404 and 410 are assumptions.
func usualCode(status int) string {
	return map[int]string{
		http.StatusForbidden:           "Forbidden",
		http.StatusNotFound:            "ResourceNotFound",
		http.StatusGone:                "Gone",
		http.StatusTooManyRequests:     "TooManyRequests",
		http.StatusInternalServerError: "InternalServerError",
		http.StatusServiceUnavailable:  "ServiceUnavailable",
	}[status]
}

// write answers with JSON, or with the first half of it.
func write(w http.ResponseWriter, r *http.Request, answer any, cut bool) {
	var body bytes.Buffer
	// Nothing fails here: a buffer takes everything, and what is answered can be written as JSON.
	if coding.AcceptsGzip(r.Header.Get("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(&body)
		_ = json.NewEncoder(zip).Encode(answer)
		_ = zip.Close()
	} else {
		_ = json.NewEncoder(&body).Encode(answer)
	}
	graphapi.Identify(w)
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("Content-Type",
		"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	if !cut {
		_, _ = w.Write(body.Bytes()) // the only failure is a client that has gone away
		return
	}
	_, _ = w.Write(body.Bytes()[:body.Len()/2])
	_ = http.NewResponseController(w).Flush() // a connection that cannot is broken all the same
	panic(http.ErrAbortHandler)
}
