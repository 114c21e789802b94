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

	"cordon/handler/cli/call"
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
		Machines, Alerts []string
		Action           string
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &order)
	s.orders = append(s.orders, string(body))
	all := wire.Results{Command: order.Command}
	things := append(append([]string{}, order.Machines...), order.Alerts...)
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

func TestWithoutASignInTheErrorSaysBothWays(t *testing.T) {
	t.Parallel()
	for _, args := range append(operated(), []string{"journal"}, []string{"machine", "ws-1"}, []string{"doctor"},
		[]string{"cancel", "a", "--reason", "x", "--yes"}, []string{"deadletter", "list"}, []string{"enqueue", "da1"}) {
		code, stdout, stderr := command(t, nil, args...)
		if args[0] != "run" && (code != call.ExitFailed || stdout != "" || !strings.Contains(stderr, "cordon login --app") ||
			!strings.Contains(stderr, "--direct")) {
			t.Errorf("%q: code %d, %s%s", args, code, stdout, stderr)
		}
	}
}

func TestAMachineIsReleasedByWhatAListShowsOfIt(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"ws-0001", "WS-0001.contoso.com", fmt.Sprintf("1e5bc9%04x%030d", 1, 0),
		"1E5BC90001"} {
		s := newSite(t).isolate(3)
		code, stdout, stderr := command(t, s.env, "release", typed, "--reason", "reimaged", "--yes")
		if code != call.ExitDone || !strings.Contains(stdout, "ws-0001.contoso.com (") ||
			!strings.Contains(stdout, ": asked for") {
			t.Errorf("%s: code %d, %s%s", typed, code, stdout, stderr)
		}
		want := `"reason":"reimaged","machines":["` + s.machines[1].MachineID + `"]`
		if len(s.orders) != 1 || !strings.Contains(s.orders[0], want) {
			t.Errorf("%s: ordered %q, want %s", typed, s.orders, want)
		}
	}
	for typed, want := range map[string]string{
		"ws-0009": "no isolated machine has the id or name ws-0009",
		"1e5bc9":  "1e5bc9 is the beginning of 3 ids",
		"\x1b[2J": `no isolated machine has the id or name \x1b[2J`,
	} {
		s := newSite(t).isolate(3)
		code, _, stderr := command(t, s.env, "release", typed, "--reason", "x", "--yes")
		if code != call.ExitFailed || !strings.Contains(stderr, want) || len(s.orders) > 0 {
			t.Errorf("%q: code %d, %s, ordered %q", typed, code, stderr, s.orders)
		}
	}
}

// TestAMachineThatLostItsNameIsNotReleasedByIt has a list that remembers a name which another machine has by now.
func TestAMachineThatLostItsNameIsNotReleasedByIt(t *testing.T) {
	t.Parallel()
	s := newSite(t).isolate(2)
	web := s.env["CORDON_APP"]
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == wire.Base+"/machine" {
			w.Header().Set("Content-Type", "application/json")
			text, _ := json.Marshal(wire.Machine{ID: r.URL.Query().Get("machine"), Name: "renamed.contoso.com"})
			_, _ = w.Write(text)
			return
		}
		answer, err := http.Get(web + r.URL.Path)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		_, _ = io.Copy(w, answer.Body)
	}))
	defer front.Close()
	s.env["CORDON_APP"] = front.URL
	code, _, stderr := command(t, s.env, "release", "ws-0001", "--reason", "x", "--yes")
	if code != call.ExitFailed || !strings.Contains(stderr, "no isolated machine has the id or name ws-0001") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

// TestWhatABadRuleDidIsUndoneByOneCommand has more machines than one order may be about, and one that cannot be released.
func TestWhatABadRuleDidIsUndoneByOneCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t).isolate(250)
	s.machines[0].Releasable = false
	s.machines[0].Obstacle = "a release of it is under way already"
	code, stdout, stderr := command(t, s.env, "release", "--rule", "bad", "--reason", "bad rule", "--yes", "--command-id",
		"undo-0001")
	if code != call.ExitDone || strings.Count(stdout, ": asked for\n") != 124 || strings.Contains(stdout, "ws-0001") {
		t.Errorf("code %d, %d released\n%s", code, strings.Count(stdout, ": asked for\n"), stderr)
	}
	for _, want := range []string{"left out: ws-0000", "a release of it is under way already", "1 to 100 of 124",
		"101 to 124 of 124 (command undo-0001-2)"} {
		if !strings.Contains(strings.Join(strings.Fields(stderr), " "), want) {
			t.Errorf("%q is not said:\n%s", want, stderr)
		}
	}
	if len(s.orders) != 2 || !strings.Contains(s.orders[0], `"command":"undo-0001",`) ||
		!strings.Contains(s.orders[1], `"command":"undo-0001-2"`) {
		t.Errorf("%d orders", len(s.orders))
	}
	for line, want := range map[string]string{
		"release --rule none --reason x --yes":          "no isolated machine is like that",
		"release --all ws-1 --reason x --yes":           "either machines or --rule",
		"release --reason x --yes":                      "release wants machines",
		"release --since yesterday --reason x --yes":    "--since",
		"release ws-0000 ws-0001 --reason x --yes":      "ws-0000.contoso.com (",
		"release --all --yes":                           "wants --reason",
		"release --all --reason x":                      "wants --yes",
		"release --all --reason x --yes --by alice":     "--by goes with --direct",
		"release --all --reason x --yes --command-id x": "--command-id x is none",
	} {
		before := len(s.orders)
		code, _, stderr := command(t, s.env, strings.Fields(line)...)
		if code == call.ExitDone || !strings.Contains(stderr, want) || len(s.orders) != before {
			t.Errorf("%s: code %d, %s, %d orders", line, code, stderr, len(s.orders)-before)
		}
	}
}

func TestAnOrderWhoseAnswerGotLostIsGivenAgainAndSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t).isolate(1)
	s.lose = 1
	code, stdout, stderr := command(t, s.env, "release", "ws-0000", "--reason", "x", "--yes", "--json")
	var said wire.Results
	if err := json.Unmarshal([]byte(stdout), &said); err != nil || code != call.ExitDone {
		t.Fatalf("code %d, %v: %s%s", code, err, stdout, stderr)
	}
	if len(s.orders) != 2 || s.orders[0] != s.orders[1] || !strings.Contains(s.orders[0], said.Command) ||
		!strings.Contains(stderr, "sending command "+said.Command+" again") {
		t.Errorf("ordered %q, command %s, %s", s.orders, said.Command, stderr)
	}
}

func TestAnActionIsCancelledByTheBeginningOfItsID(t *testing.T) {
	t.Parallel()
	s := newSite(t).isolate(2)
	s.actions = []wire.MachineAction{{ID: "9382f7ea-7557-4ab7-9782-d50480024a4e", Type: "Isolate", Status: "Cancelled"}}
	for line, want := range map[string]string{
		"cancel 5382f7eb --reason x --yes":                                                   s.machines[1].ActionID,
		"cancel 9382f7ea --machine " + s.machines[0].MachineID + " --reason x --yes":         s.actions[0].ID,
		"cancel 9382f7ea --machine " + s.machines[0].MachineID + " --watch --reason x --yes": s.actions[0].ID,
		"cancel 7777f7ea-7557-4ab7-9782-d50480024a4e --reason x --yes":                       "7777f7ea-7557-4ab7-9782-d50480024a4e",
	} {
		s.orders = nil
		code, _, stderr := command(t, s.env, strings.Fields(line)...)
		if code != call.ExitDone || len(s.orders) != 1 || !strings.Contains(s.orders[0], `"action":"`+want+`"`) {
			t.Errorf("%s: code %d, %s, ordered %q", line, code, stderr, s.orders)
		}
	}
}

func TestTheJournalIsReadPageByPage(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{50: 50, 450: 450, 600: 470} {
		s := newSite(t)
		s.entries = 470
		code, stdout, stderr := command(t, s.env, "journal", "--limit", fmt.Sprint(limit), "--json")
		var said wire.Journal
		if err := json.Unmarshal([]byte(stdout), &said); err != nil || code != call.ExitDone || len(said.Entries) != want {
			t.Errorf("%d: code %d, %v, %d entries, %s", limit, code, err, len(said.Entries), stderr)
		}
	}
}

func TestAPauseIsOrderedOnceAndSaysItsCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	code, stdout, stderr := command(t, s.env, "pause", "--reason", "x", "--yes", "--json")
	var said struct {
		Paused, Changed bool
		Command         string
	}
	if err := json.Unmarshal([]byte(stdout), &said); err != nil || code != call.ExitDone || !said.Paused || !said.Changed ||
		len(s.orders) != 1 || !strings.Contains(s.orders[0], `"command":"`+said.Command+`"`) {
		t.Errorf("code %d, %v, %s%s, ordered %q", code, err, stdout, stderr, s.orders)
	}
	if code, stdout, _ := command(t, s.env, "resume", "--yes"); code != call.ExitDone ||
		stdout != "acting is not paused\n" || len(s.orders) != 1 {
		t.Errorf("code %d, %s", code, stdout)
	}
}

func TestMistypedCommandsAreGuessed(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"isolatd":       `unknown command "isolatd"; did you mean isolated? See cordon --help`,
		"relase ws-1":   `unknown command "relase"; did you mean release? See cordon --help`,
		"held lst":      "there is no command held lst; did you mean list? See cordon held --help",
		"deadletter xx": "there is no command deadletter xx; see cordon deadletter --help",
		"\x1b[2J":       `unknown command "\\x1b[2J"; see cordon --help`,
	} {
		code, _, stderr := command(t, nil, strings.Fields(line)...)
		if code != call.ExitUsage || stderr != "cordon: "+want+"\n" {
			t.Errorf("%s: code %d, %s", line, code, stderr)
		}
	}
}

// TestHelpFitsATerminal holds every help, and that each refers to the one text about exit codes.
func TestHelpFitsATerminal(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"", "login", "logout", "whoami", "isolated", "machine", "release", "cancel", "held", "held list", "held run",
		"held drop", "pause", "resume", "enqueue", "journal", "doctor", "health", "hunt", "hunt list", "hunt run",
		"deadletter", "deadletter list", "version",
	} {
		code, stdout, _ := command(t, nil, append(strings.Fields(line), "--help")...)
		about, _, _ := strings.Cut(stdout, "Examples:")
		for text := range strings.Lines(about) {
			if len(text) > 81 {
				t.Errorf("%s: %s", line, text)
			}
		}
		if code != call.ExitDone || line != "held" && line != "hunt" && !strings.Contains(stdout, "exit-codes") {
			t.Errorf("%s: code %d, no exit codes\n%s", line, code, stdout)
		}
	}
	_, topic, _ := command(t, nil, "help", "exit-codes")
	_, all, _ := command(t, nil, "--help")
	for text := range strings.Lines(topic + all) {
		if len(text) > 81 {
			t.Errorf("wider than a terminal: %s", text)
		}
	}
}
