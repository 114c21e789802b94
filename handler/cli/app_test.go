package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"cordon/handler/cli/call"
	"cordon/handler/operate/wire"
)

func TestWithoutASignInTheErrorSaysBothWays(t *testing.T) {
	t.Parallel()
	for _, args := range append(operated(), []string{"journal"}, []string{"machine", "ws-1"}, []string{"doctor"},
		[]string{"cancel", "a", "--reason", "x", "--yes"}, []string{"deadletter", "list"}, []string{"enqueue", "da1"},
		[]string{"case", "da1"}) {
		code, stdout, stderr := command(t, nil, args...)
		if args[0] != "run" &&
			(code != call.ExitFailed || stdout != "" || !strings.Contains(stderr, "cordon login --app") ||
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

// TestWhatABadRuleDidIsUndoneByOneCommand has more machines than one order may be about, and one that cannot be
// released.
func TestWhatABadRuleDidIsUndoneByOneCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t).isolate(250)
	s.machines[0].Releasable = false
	s.machines[0].Obstacle = "a release of it is under way already"
	code, stdout, stderr := command(t, s.env, "release", "--rule", "bad", "--reason", "bad rule", "--yes",
		"--command-id",
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
		if err := json.Unmarshal([]byte(stdout), &said); err != nil || code != call.ExitDone ||
			len(said.Entries) != want {
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
	if err := json.Unmarshal([]byte(stdout),
		&said); err != nil || code != call.ExitDone || !said.Paused || !said.Changed ||
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

// TestHelpFitsATerminal holds every help, and that of each command that does something refers to the one text about
// exit codes. Examples are for pasting, and stay on one line.
func TestHelpFitsATerminal(t *testing.T) {
	t.Parallel()
	for _, c := range allCommands(rootCommand(call.Program{}, new(bool))) {
		line := strings.TrimPrefix(c.CommandPath(), "cordon")
		code, stdout, _ := command(t, nil, append(strings.Fields(line), "--help")...)
		for text := range strings.Lines(stdout) {
			if len(text) > 81 && !strings.HasPrefix(text, "  cordon ") && !strings.HasPrefix(text, "  cd ") {
				t.Errorf("%s: %s", line, text)
			}
		}
		group := line == " held" || line == " hunt"
		if code != call.ExitDone || !group && !strings.Contains(stdout, "exit-codes") {
			t.Errorf("%s: code %d, no exit codes\n%s", line, code, stdout)
		}
	}
	_, topic, _ := command(t, nil, "help", "exit-codes")
	for text := range strings.Lines(topic) {
		if len(text) > 81 {
			t.Errorf("wider than a terminal: %s", text)
		}
	}
}

// allCommands are a command and those below it.
func allCommands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, below := range c.Commands() {
		if below.Runnable() {
			all = append(all, allCommands(below)...)
		}
	}
	return all
}

func TestAMachineIsShownByTheBeginningOfItsID(t *testing.T) {
	t.Parallel()
	s := newSite(t).isolate(3)
	code, stdout, stderr := command(t, s.env, "machine", "1e5bc90002", "--json")
	if code != call.ExitDone || !strings.Contains(stdout, s.machines[2].MachineID) {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	for typed, want := range map[string]string{
		"1e5bc9": "1e5bc9 is the beginning of 3 ids",
		"none":   "Defender knows no machine with the id or name none",
	} {
		if code, _, stderr := command(t, s.env, "machine", typed); code != call.ExitFailed ||
			!strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %s", typed, code, stderr)
		}
	}
}

func TestAHuntIsRunAtTheApp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	code, stdout, stderr := command(t, s.env, "hunt", "run", "tools", "--since", "7d", "--param", "least=9", "--csv")
	if code != call.ExitDone || !strings.Contains(stdout, "'=1+1,") ||
		!strings.Contains(stderr, "there are more rows") {
		t.Errorf("code %d, %q%s", code, stdout, stderr)
	}
	if want := `"hunt":"tools","since":"7d","params":{"least":"9"}`; len(s.orders) != 1 ||
		!strings.Contains(s.orders[0], want) {
		t.Errorf("ordered %q, want %s", s.orders, want)
	}
	if code, stdout, _ := command(t, s.env, "hunt", "run", "tools"); code != call.ExitDone ||
		strings.Contains(stdout, "\x1b") || !strings.Contains(stdout, "1 rows since 2026-03-02 12:00:00 +00:00") {
		t.Errorf("code %d, %q", code, stdout)
	}
}

func TestAnAppThatIsUnwellSaysSoByItsExitCode(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int{200: call.ExitDone, 503: call.ExitFailed} {
		s := newSite(t)
		s.health = status
		code, stdout, stderr := command(t, s.env, "health")
		well := fmt.Sprintf("{\n  \"ok\": %v,\n  \"mode\": \"\\u001b[2J\",\n", want == call.ExitDone)
		if code != want || !strings.HasPrefix(stdout, well) {
			t.Errorf("%d: code %d, %q%s", status, code, stdout, stderr)
		}
	}
}

// TestNobodyIsSignedInWithoutBeingAsked has command lines of login that are wrong, or would have to ask.
func TestNobodyIsSignedInWithoutBeingAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for line, want := range map[string]string{
		"login --app " + s.env["CORDON_APP"]:                    "elsewhere it wants --yes",
		"login --az --device-code --app " + s.env["CORDON_APP"]: "only one of them",
		"login x":      `login takes no "x"`,
		"logout x":     `logout takes no "x"`,
		"whoami x":     `whoami takes no "x"`,
		"version x":    `version takes no "x"`,
		"login --loud": "unknown flag",
	} {
		code, stdout, stderr := command(t, nil, strings.Fields(line)...)
		if code != call.ExitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %s%s", line, code, stdout, stderr)
		}
	}
	for line, want := range map[string]string{
		"login": "login wants --app", "logout": "nobody is signed in", "whoami": "cordon login --app",
		"login --app http://cordon.example.com": "https only",
		"login --app prod":                      "there is no app prod",
	} {
		code, _, stderr := command(t, nil, strings.Fields(line)...)
		if code != call.ExitFailed || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %s", line, code, stderr)
		}
	}
}
