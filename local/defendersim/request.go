package defendersim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody is the largest request body that is read.
const maxBody = 1 << 20

// endpoint is one operation of the API.
type endpoint struct {
	name  string   // method and path template; the unit that quotas are counted in
	roles []string // application permissions, any of which is enough
	serve func(*Sim, *request) answer
}

// request is a call as endpoints read it.
type request struct {
	at       time.Time
	method   string
	path     string
	base     string // scheme and host that the client used
	endpoint endpoint
	id       string // what stands for {id}
	rawQuery string
	query    url.Values
	body     []byte
	claims   Claims
	known    bool // the caller is who it says
}

// endpoints are the operations, with the permissions that their pages name.
func endpoints() []endpoint {
	readAlerts := []string{"Alert.Read.All", "Alert.ReadWrite.All"}
	readMachines := []string{"Machine.Read.All", "Machine.ReadWrite.All"}
	writeMachines := []string{"Machine.ReadWrite.All"}
	anyAction := []string{
		"Machine.Isolate", "Machine.RestrictExecution", "Machine.Scan", "Machine.CollectForensics",
		"Machine.StopAndQuarantine", "Machine.LiveResponse", "Machine.Offboard",
	}
	all := []endpoint{
		{"GET /api/alerts", readAlerts, (*Sim).listAlerts},
		{"GET /api/alerts/{id}", readAlerts, (*Sim).getAlert},
		{"PATCH /api/alerts/{id}", []string{"Alert.ReadWrite.All"}, (*Sim).patchAlert},
		{"GET /api/machines", readMachines, (*Sim).listMachines},
		{"GET /api/machines/{id}", readMachines, (*Sim).getMachine},
		{"POST /api/machines/{id}/tags", writeMachines, (*Sim).tag},
		{"GET /api/machineactions", readMachines, (*Sim).listActions},
		{"GET /api/machineactions/{id}", readMachines, (*Sim).getAction},
		{"POST /api/machineactions/{id}/cancel", anyAction, (*Sim).cancel},
	}
	for _, k := range kinds() {
		all = append(all,
			endpoint{"POST /api/machines/{id}/" + k.path, []string{k.role}, func(s *Sim, q *request) answer {
				return s.act(q, k)
			}})
	}
	return all
}

// read takes a request apart. The answer is set if it cannot be read.
func (s *Sim) read(r *http.Request) (*request, *answer) {
	q := &request{at: s.now(), method: r.Method, path: r.URL.Path, base: "http://" + r.Host, rawQuery: r.URL.RawQuery}
	if r.TLS != nil {
		q.base = "https://" + r.Host
	}
	q.endpoint, q.id = s.route(r.Method, r.URL.EscapedPath())
	q.claims, q.known = s.authenticate(r, q.at)
	var broken error
	if q.query, broken = url.ParseQuery(r.URL.RawQuery); broken != nil {
		a := s.fail(http.StatusBadRequest, "BadRequest", "The query string cannot be read.")
		return q, &a
	}
	q.body, broken = io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if broken != nil {
		a := s.fail(http.StatusBadRequest, "InvalidRequestBody", "The request body cannot be read.")
		return q, &a
	}
	return q, nil
}

// route finds the endpoint of a path and the part that stands for {id}. Without one, serve is nil.
func (s *Sim) route(method, escaped string) (endpoint, string) {
	path, found := strings.CutPrefix(escaped, "/api/v1.0/")
	if !found {
		if path, found = strings.CutPrefix(escaped, "/api/"); !found {
			return endpoint{}, ""
		}
	}
	parts := strings.Split(path, "/")
	for _, e := range s.endpoints {
		verb, template, _ := strings.Cut(e.name, " /api/")
		if verb != method {
			continue
		}
		if id, ok := match(strings.Split(template, "/"), parts); ok {
			return e, id
		}
	}
	return endpoint{}, ""
}

func match(template, parts []string) (id string, ok bool) {
	if len(template) != len(parts) {
		return "", false
	}
	for i, want := range template {
		got, err := url.PathUnescape(parts[i])
		switch {
		case err != nil, want != "{id}" && got != want, got == "":
			return "", false
		case want == "{id}":
			id = got
		}
	}
	return id, true
}

// object reads the body as members whose names keep their case.
func (q *request) object() (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(q.body, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errors.New("null is no object")
	}
	return members, nil
}

// commentOf is the comment that a request carries, for the record.
func commentOf(body []byte) string {
	var members map[string]json.RawMessage
	if len(body) == 0 || json.Unmarshal(body, &members) != nil {
		return ""
	}
	for _, name := range []string{"Comment", "comment"} {
		var comment string
		if json.Unmarshal(members[name], &comment) == nil && comment != "" {
			return comment
		}
	}
	return ""
}
