package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"cordon/local/scenario"
	"cordon/local/world"
)

// fault is one way to break a promise on the way between the handler and the stand-ins, to prove that the verdict sees
// it. The handler itself is never told.
type fault struct {
	name string
	what string
}

// faults lists what FAULT=<name> may be.
var faults = []fault{
	{"duplicate-isolate", "an isolate request reaches the API twice"},
	{"swap-machine", "an isolate request reaches a look-alike machine"},
	{"protected-machine", "an isolate request reaches a protected machine"},
	{"hide-alert", "the API never lists one High alert"},
	{"drop-push", "the webhook accepts a pushed alert and its message is lost"},
	{"lose-finding", "the message about a finding of a hunt is lost"},
	{"erase-memory", "what says that the rows of a hunt were reported is erased"},
	{"fail-action", "an isolation fails on the machine, and so do both that are asked for after it"},
	{"hide-failure", "an isolation fails on the machine, and the API's answer says that it succeeded"},
	{"drop-mail", "the mail server accepts a mail and loses it"},
	{"erase-run", "the record of a run is erased"},
	{"poison", "a message that nobody can read reaches the queue of alerts"},
	{"erase-latch", "the latch of an isolated machine is erased while more alerts come"},
}

func checkFault(name string) error {
	if name == "" || slices.ContainsFunc(faults, func(f fault) bool { return f.name == name }) {
		return nil
	}
	var names []string
	for _, f := range faults {
		names = append(names, fmt.Sprintf("  %-18s %s", f.name, f.what))
	}
	return fmt.Errorf("there is no fault %q; there are:\n%s", name, strings.Join(names, "\n"))
}

// meddler sits between the handler and the stand-ins of Defender and of Graph's alerts.
type meddler struct {
	name     string
	scenario scenario.Scenario

	mu   sync.Mutex
	done bool // the fault has happened
}

// once is true for the first caller.
func (m *meddler) once() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done {
		return false
	}
	m.done = true
	return true
}

// between puts the meddler before a stand-in.
func (m *meddler) between(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(next, w, r) })
}

// listsAlerts reports whether a request asks for a list of alerts.
func listsAlerts(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == "/api/alerts" || r.URL.Path == "/v1.0/security/alerts_v2")
}

func (m *meddler) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	isolate := world.IsIsolate(r)
	switch {
	case m.name == "duplicate-isolate" && isolate && m.once():
		world.Before(next, r)
	case m.name == "swap-machine" && isolate && m.once():
		r.URL.Path = "/api/machines/" + m.machine("PC10").ID + "/isolate"
	case m.name == "protected-machine" && isolate && m.once():
		r.URL.Path = "/api/machines/" + m.machine("WS-CEO").ID + "/isolate"
	case m.name == "hide-alert" && listsAlerts(r):
		world.Rewrite(next, w, r, m.withoutHidden)
		return
	case listsAlerts(r):
		world.Rewrite(next, w, r, m.withoutPushed)
		return
	case m.name == "hide-failure" && r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/machineactions"):
		world.Rewrite(next, w, r, func(_ int, body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"status":"Failed"`), []byte(`"status":"Succeeded"`))
		})
		return
	}
	next.ServeHTTP(w, r)
}

// withoutHidden takes the victim out of a list.
func (m *meddler) withoutHidden(status int, body []byte) []byte {
	return without(m.withoutPushed(status, body), func(a json.RawMessage) bool {
		return bytes.Contains(a, []byte(m.victim().ID))
	})
}

// withoutPushed takes out what no list shows.
func (m *meddler) withoutPushed(_ int, body []byte) []byte {
	return without(body, func(a json.RawMessage) bool {
		return slices.ContainsFunc(m.scenario.Alerts, func(s scenario.Alert) bool {
			return s.Pushed && bytes.Contains(a, []byte(s.ID))
		})
	})
}

// without takes alerts out of a list.
func without(body []byte, hidden func(json.RawMessage) bool) []byte {
	var list map[string]json.RawMessage
	var alerts []json.RawMessage
	if json.Unmarshal(body, &list) != nil || json.Unmarshal(list["value"], &alerts) != nil {
		return body
	}
	alerts = slices.DeleteFunc(alerts, hidden)
	list["value"], _ = json.Marshal(alerts)
	changed, err := json.Marshal(list)
	if err != nil {
		return body
	}
	return changed
}

// victim is the alert that a fault strikes: the only High one of its machine.
func (m *meddler) victim() scenario.Alert {
	id := m.machine("WS-0148").ID
	at := slices.IndexFunc(m.scenario.Alerts, func(a scenario.Alert) bool { return a.MachineID == id && a.High() })
	return m.scenario.Alerts[at]
}

func (m *meddler) machine(name string) scenario.Machine {
	at := slices.IndexFunc(m.scenario.Machines, func(x scenario.Machine) bool {
		return strings.HasPrefix(x.Name, name+".")
	})
	return m.scenario.Machines[at]
}
