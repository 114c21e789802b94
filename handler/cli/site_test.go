package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/operate/wire"
)

// site is an app as a command sees it.
type site struct {
	mu       sync.Mutex
	machines []wire.Isolation
	actions  []wire.MachineAction // of every machine
	entries  int                  // in the journal
	orders   []string             // path and body
	lose     int                  // so many answers to orders get lost
	health   int
	decision wire.Decision // of its only run
	env      map[string]string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{}
	web := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(web.Close)
	s.env = map[string]string{"CORDON_APP": web.URL, "CORDON_TOKEN": "token"}
	return s
}

// isolate has n machines isolated, of which every other one is by another rule.
func (s *site) isolate(n int) *site {
	for i := range n {
		s.machines = append(s.machines, wire.Isolation{
			MachineID:   fmt.Sprintf("1e5bc9%04x%030d", i, 0),
			MachineName: fmt.Sprintf("ws-%04d.contoso.com", i),
			API:         "isolated",
			Since:       noon.Add(-time.Duration(i) * time.Hour),
			ActionID:    fmt.Sprintf("%08x-7557-4ab7-9782-d50480024a4e", 0x5382f7ea+i),
			By:          "cordon",
			Rule:        []string{"bad", "good"}[i%2],
			Releasable:  true,
		})
	}
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer any
	query := r.URL.Query()
	switch path := strings.TrimPrefix(r.URL.Path, wire.Base); path {
	case "/isolated":
		answer = wire.Isolated{Machines: s.machines}
	case "/signin":
		answer = wire.SignIn{Tenant: ours, API: appID, CLI: ours, Cloud: "global"}
	case "/health":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(s.health)
		answer = wire.Health{
			OK:   s.health == http.StatusOK,
			Mode: "\x1b[2J",
		}
	case "/hunts/run":
		answer = wire.HuntRows{
			Hunt:    "tools",
			Since:   noon,
			Until:   noon,
			Columns: []string{"DeviceName", "Count"},
			Rows:    [][]string{{"=1+1", "\x1b[2J"}},
			Cut:     true,
		}
	case "/decision":
		if query.Get("run") != s.decision.Run {
			problem(w, 404, "there is no run "+query.Get("run"))
			return
		}
		answer = s.decision
	case "/mails":
		answer = wire.Mails{Mails: []wire.Mail{{
			ID:    "incident:7:" + query.Get("state"),
			State: query.Get("state"),
			About: query.Get("limit") + " at most",
			To:    []string{},
		}}}
	case "/held":
		answer = wire.Held{Held: []wire.HeldEntry{}}
	case "/pause":
		answer = wire.Pause{}
		if r.Method == http.MethodPost {
			answer = wire.PauseResult{Pause: wire.Pause{Paused: true, By: "alice@contoso.com", Reason: "x"}, Changed: true}
		}
	case "/machine":
		at := slices.IndexFunc(s.machines, func(i wire.Isolation) bool { return i.MachineID == query.Get("machine") })
		if at < 0 {
			problem(w, 404, "Defender knows no machine with the id or name "+query.Get("machine"))
			return
		}
		answer = wire.Machine{
			ID:      s.machines[at].MachineID,
			Name:    s.machines[at].MachineName,
			Actions: s.actions,
		}
	case "/journal":
		page := wire.Journal{Entries: []wire.Entry{}, Next: "next"}
		limit := 0
		_, _ = fmt.Sscan(query.Get("limit"), &limit)
		for range min(limit, s.entries) {
			s.entries--
			page.Entries = append(page.Entries, wire.Entry{By: "alice@contoso.com", Verb: "release", State: "done"})
		}
		if s.entries == 0 {
			page.Next = ""
		}
		answer = page
	default:
		answer = s.results(r)
	}
	if body, _ := io.ReadAll(r.Body); r.Method == http.MethodPost && len(s.orders) == 0 {
		s.orders = append(s.orders, string(body))
	}
	if s.lose > 0 && r.Method == http.MethodPost {
		s.lose--
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	text, _ := json.Marshal(answer)
	_, _ = w.Write(text)
}

// results notes an order and does all of it.
func (s *site) results(r *http.Request) wire.Results {
	var order struct {
		wire.Order
		Machines, Alerts, Mails []string
		Action                  string
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &order)
	s.orders = append(s.orders, string(body))
	all := wire.Results{Command: order.Command}
	things := slices.Concat(order.Machines, order.Alerts, order.Mails)
	if order.Action != "" {
		things = append(things, order.Action)
	}
	for _, id := range things {
		all.Results = append(all.Results, wire.Result{Object: id, Done: true, Outcome: "asked for"})
	}
	return all
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	text, _ := json.Marshal(wire.Problem{Detail: detail})
	_, _ = w.Write(text)
}
