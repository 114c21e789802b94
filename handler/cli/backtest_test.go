package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/archive"
	"cordon/handler/cli/call"
	"cordon/handler/decided"
	"cordon/handler/ledger/runs"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/poll"
	"cordon/local/defendersim"
	"cordon/local/tables"
)

const (
	highRule   = `{name: contain, on: alert, when: 'alert.severity == "High"', do: [{isolate: {type: Full}}]}`
	mediumRule = `{name: contain, on: alert, when: 'alert.severity == "Medium"', do: [{isolate: {type: Full}}]}`
)

// decisionsSite is an app in whose record a playbook decided about runs, every other one of a High alert.
func decisionsSite(t *testing.T, runs int) (env map[string]string, asked *[]string) {
	t.Helper()
	book := playbooktest.Load(t, playbooktest.Rules(highRule))
	asked = &[]string{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+strings.TrimPrefix(r.URL.Path, wire.Base))
		query := r.URL.Query()
		from, _ := strconv.Atoi(query.Get("after"))
		limit, _ := strconv.Atoi(query.Get("limit"))
		page := wire.Decisions{Decisions: []wire.Decision{}}
		for i := from; i < min(from+limit, runs); i++ {
			in := playbooktest.Input()
			in.Alert.ID = fmt.Sprintf("da%d_1", i)
			in.Alert.Severity = []alert.Severity{alert.High, alert.Low}[i%2]
			d := decided.Of(in, book.Decide(in))
			d.Run = alert.RunID(in.Alert.ID, 1)
			d.ObservedAt = noon.Add(-time.Duration(i) * time.Minute)
			d.Playbook = book.Hash()
			page.Decisions = append(page.Decisions, d)
		}
		if from+limit < runs {
			page.Next = strconv.Itoa(from + limit)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(web.Close)
	return map[string]string{"CORDON_APP": web.URL, "CORDON_TOKEN": "token"}, asked
}

// backtested is the JSON of backtest as far as tests read it.
type backtested struct {
	Source                          string
	Since, Until                    time.Time
	NotKnown                        []string
	Runs, Same, Differ, UnknownRuns int
	Changes                         []struct {
		Effect string
		Runs   int
		Then   struct{ Verdict playbook.Verdict }
		Now    struct{ Verdict playbook.Verdict }
	}
}

func TestAPlaybookIsTriedOnTheRecordOfAnApp(t *testing.T) {
	t.Parallel()
	env, asked := decisionsSite(t, 450)
	path := write(t, "new.yaml", playbooktest.Rules(mediumRule))
	code, stdout, stderr := command(t, env, "backtest", "--playbook", path, "--days", "7", "--json")
	var found backtested
	if err := json.Unmarshal([]byte(stdout), &found); err != nil || code != call.ExitDone || stderr != "" {
		t.Fatalf("code %d, %v, %s\n%s", code, err, stderr, stdout)
	}
	if found.Runs != 450 || found.Same != 225 || found.Differ != 225 || len(found.Changes) != 1 ||
		found.Changes[0].Effect != "was done, would not be" || found.Source != "record" ||
		found.Until.Sub(found.Since) != 7*24*time.Hour {
		t.Errorf("%+v", found)
	}
	if got := strings.Join(*asked, ", "); got != "GET /decisions, GET /decisions, GET /decisions" {
		t.Errorf("asked for %s", got)
	}
	for flag, want := range map[string][]string{
		"--app=" + env["CORDON_APP"]: {"450 runs of 2026-01-31 to 2026-03-02", "was done, would not be: 225 runs"},
		"--explain":                  {"run da0_1:v1 as this playbook decides it:", "1. contain: no match"},
		"--markdown":                 {"## Backtest\n", "### was done, would not be: 225 runs", "| `contain`: `do` |"},
	} {
		code, stdout, stderr := command(t, env, "backtest", "--playbook", path, flag)
		for _, text := range want {
			if code != call.ExitDone || stderr != "" || !strings.Contains(stdout, text) {
				t.Errorf("%s: code %d, %q is not in\n%s%s", flag, code, text, stdout, stderr)
			}
		}
	}
}

// TestABacktestReadsTheLedgerAndWritesNothing goes round the app: more runs than a page holds, of which the last are
// from before the span.
func TestABacktestReadsTheLedgerAndWritesNothing(t *testing.T) {
	t.Parallel()
	server := tables.New(tables.Options{})
	var writing, wrote atomic.Bool
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && !writing.Load() {
			wrote.Store(true)
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	writing.Store(true)
	connection := server.ConnectionString(web.URL)
	store := storeIn(t, connection, ours)
	if err := store.Switches.SetMark(t.Context(), poll.MarkPoll, noon, ""); err != nil {
		t.Fatal(err)
	}
	book := playbooktest.Load(t, playbooktest.Rules(highRule))
	kept := archive.Archive{
		Decisions: store.Decisions,
		Version:   version,
	}
	for i := range 220 {
		in := playbooktest.Input()
		in.Alert.ID = fmt.Sprintf("da%d_1", i)
		in.Alert.Severity = []alert.Severity{alert.High, alert.Low}[i%2]
		err := kept.Keep(t.Context(), archive.Made{
			Run: runs.Run{
				AlertID:    in.Alert.ID,
				Version:    1,
				ObservedAt: noon.Add(-time.Duration(i) * time.Hour),
			},
			Input:    in,
			Plan:     book.Decide(in),
			Playbook: book.Hash(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	writing.Store(false)
	env := withAll(map[string]string{"AzureWebJobsStorage": connection, "CORDON_TENANT_ID": ours})
	for rule, differ := range map[string]int{highRule: 0, mediumRule: 107} {
		path := write(t, "new.yaml", playbooktest.Rules(rule))
		code, stdout, stderr := direct(t, env, "backtest", "--playbook", path, "--days", "9", "--json")
		var found backtested
		err := json.Unmarshal([]byte(stdout), &found)
		if err != nil || code != call.ExitDone || found.Runs != 214 || found.Differ != differ {
			t.Errorf("code %d, %v, %s\n%+v", code, err, stderr, found)
		}
	}
	if wrote.Load() {
		t.Error("something was written")
	}
}

func TestABacktestThatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	env, asked := decisionsSite(t, 1)
	path := write(t, "new.yaml", playbooktest.Rules(mediumRule))
	for line, want := range map[string]string{
		"":                                  "backtest wants --playbook",
		"PATH --days 0":                     "--days 0 is out of bounds",
		"PATH --days 367":                   "expected 1 to 366",
		"PATH --days 181 --alerts-from-api": "Defender keeps alerts for 180 days",
		"PATH --mode loud":                  `"loud" is no mode: observe or enforce`,
		"PATH --markdown --json":            "goes with neither",
		"PATH --markdown --explain":         "goes with neither",
		"PATH --alerts-from-api --direct":   "goes with neither --app nor --direct",
		"PATH more":                         `backtest takes no "more"`,
	} {
		args := strings.Fields("backtest " + strings.Replace(line, "PATH", "--playbook "+path, 1))
		code, _, stderr := command(t, env, args...)
		if code != call.ExitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %s", line, code, stderr)
		}
	}
	none := write(t, "none.yaml", "version: 1\nrules: [")
	if code, _, stderr := command(t, env, "backtest", "--playbook", none); code != call.ExitFailed {
		t.Errorf("a broken playbook: code %d, %s", code, stderr)
	}
	if len(*asked) > 0 {
		t.Errorf("asked for %s", *asked)
	}
	env["CORDON_APP"] = strings.Replace(env["CORDON_APP"], "http://127.0.0.1:", "http://127.0.0.1:1", 1)
	if code, stdout, _ := command(t, env, "backtest", "--playbook", path); code != call.ExitFailed || stdout != "" {
		t.Errorf("an app that is not there: code %d, %s", code, stdout)
	}
}

// TestAPlaybookIsTriedOnTheAlertsOfATenant has no record and no ledger: an alert on a workstation, an older one, one
// on a protected machine, and one from before the span.
func TestAPlaybookIsTriedOnTheAlertsOfATenant(t *testing.T) {
	t.Parallel()
	p := healthy(t)
	p.up(t)
	for _, m := range []defendersim.Machine{
		{ID: strings.Repeat("a", 40), Name: "ws-1.contoso.com"},
		{ID: strings.Repeat("b", 40), Name: "dc-1.contoso.com", Tags: []string{"never-isolate"}},
	} {
		p.api.AddMachine(m)
	}
	for i, a := range []defendersim.Alert{
		{Created: noon.AddDate(0, 0, -1), MachineID: strings.Repeat("a", 40)},
		{Created: noon.AddDate(0, 0, -20), MachineID: strings.Repeat("A", 40)},
		{Created: noon.AddDate(0, 0, -2), MachineID: strings.Repeat("b", 40)},
		{Created: noon.AddDate(0, 0, -40), MachineID: strings.Repeat("a", 40)},
	} {
		a.ID = fmt.Sprintf("da%d_1", i)
		a.Severity = "High"
		a.Updated = a.Created.Add(time.Hour)
		p.api.AddAlert(a, a.Created)
	}
	path := write(t, "new.yaml", playbooktest.Rules(highRule)+"protect: {tags: [never-isolate]}\n")
	env := map[string]string{}
	for _, name := range []string{
		"CORDON_TENANT_ID", "CORDON_CLIENT_ID", "CORDON_CLIENT_SECRET", "CORDON_AUTHORITY_URL", "CORDON_CA_FILE",
		"CORDON_DEFENDER_URL",
	} {
		env[name] = p.env[name]
	}
	code, stdout, stderr := command(t, env, "backtest", "--playbook", path, "--alerts-from-api", "--json")
	var found backtested
	if err := json.Unmarshal([]byte(stdout), &found); err != nil || code != call.ExitDone {
		t.Fatalf("code %d, %v, %s\n%s", code, err, stderr, stdout)
	}
	verdicts := map[playbook.Verdict]int{}
	for _, c := range found.Changes {
		verdicts[c.Now.Verdict] += c.Runs
	}
	if found.Runs != 3 || found.Source != "api" || len(found.NotKnown) == 0 || verdicts[playbook.Do] != 2 ||
		verdicts[playbook.Held] != 1 {
		t.Errorf("%+v", found)
	}
	for _, a := range p.api.Actions() {
		t.Errorf("asked for %+v", a)
	}
	delete(env, "CORDON_TENANT_ID")
	code, _, stderr = command(t, env, "backtest", "--playbook", path, "--alerts-from-api")
	if code != call.ExitFailed || !strings.Contains(stderr, "CORDON_TENANT_ID") {
		t.Errorf("without a tenant: code %d, %s", code, stderr)
	}
}
