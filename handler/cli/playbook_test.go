package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/cli/call"
	"cordon/handler/cli/cases"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook/read/language"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hold holds text against a golden file.
func hold(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", "playbook", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

func TestEveryExamplePlaybookDoesWhatItsCasesSay(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := command(t, nil, "test", "--strict", "../../playbooks")
	if code != call.ExitDone {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	files, err := filepath.Glob("../../playbooks/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, cases.Suffix) {
			continue
		}
		if _, err := os.Stat(strings.TrimSuffix(path, ".yaml") + cases.Suffix); err != nil {
			t.Errorf("%s has no cases", path)
		}
	}
}

func TestThePlaybookThatIsDeployedIsTheDefaultExample(t *testing.T) {
	t.Parallel()
	deployed, err := os.ReadFile("../../playbook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../playbooks/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(deployed), string(example)); diff != "" {
		t.Errorf("playbook.yaml and playbooks/default.yaml differ: %s", diff)
	}
}

const shadowed = `version: 1
rules:
  - {name: all, on: alert, when: "true", do: [mail: {}]}
  - {name: never, on: alert, when: alert.severity == "High", do: [isolate: {type: Full}]}
only: {os: [Windows11]}
`

// checked is the JSON of check.
type checked struct {
	Valid              bool
	Permissions        []struct{ Name, For string }
	Problems, Warnings []struct{ Line int }
}

func TestCheckNamesRulesThatNeverMatchAndThePermissions(t *testing.T) {
	t.Parallel()
	path := write(t, "p.yaml", shadowed)
	code, stdout, stderr := command(t, nil, "check", path)
	if code != call.ExitDone {
		t.Errorf("code %d, %s", code, stderr)
	}
	hold(t, "check-shadowed", strings.ReplaceAll(stdout, filepath.Dir(path)+string(filepath.Separator), ""))
	code, stdout, _ = command(t, nil, "check", "--json", path)
	var view checked
	err := json.Unmarshal([]byte(stdout), &view)
	if err != nil || code != call.ExitDone || !view.Valid || len(view.Warnings) != 1 || view.Warnings[0].Line != 4 ||
		len(view.Permissions) != 3 {
		t.Errorf("code %d, %v\n%s", code, err, stdout)
	}
}

func TestStrictCheckFailsOnWarnings(t *testing.T) {
	t.Parallel()
	warned, bare := write(t, "p.yaml", shadowed), write(t, "q.yaml",
		strings.Replace(shadowed, "only: {os: [Windows11]}\n", "", 1))
	for path, want := range map[string]string{warned: "1 warning(s)", bare: "2 warning(s)"} {
		for _, args := range [][]string{{"check", "--strict", path}, {"check", "--strict", "--json", path}} {
			if code, stdout, stderr := command(t, nil, args...); code != call.ExitFailed ||
				!strings.Contains(stderr, want) || !strings.Contains(stdout, "can never match") {
				t.Errorf("%v: code %d, %s%s", args, code, stdout, stderr)
			}
		}
	}
	code, _, stderr := command(t, nil, "check", "--strict", write(t, "p.yaml", "version: 2\n"))
	if code != call.ExitFailed || !strings.Contains(stderr, "version") {
		t.Errorf("a playbook that is none: code %d, %s", code, stderr)
	}
	for _, pattern := range []string{"../../playbook.yaml", "../../playbooks/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, cases.Suffix) {
				continue
			}
			if code, _, stderr := command(t, nil, "check", "--strict", path); code != call.ExitDone {
				t.Errorf("%s: code %d, %s", path, code, stderr)
			}
		}
	}
}

func TestCheckPrintsProblemsAsJSONAndFails(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := command(t, nil, "check", "--json", write(t, "p.yaml", "version: 2\nrules: []\n"))
	var view checked
	err := json.Unmarshal([]byte(stdout), &view)
	if err != nil || code != call.ExitFailed || view.Valid || len(view.Problems) != 2 || view.Problems[0].Line != 1 ||
		!strings.Contains(stderr, "2 problem(s)") {
		t.Errorf("code %d, %v\n%s%s", code, err, stdout, stderr)
	}
}

// aimedAlert is an alert as the API answers it, with a title that a terminal would obey.
const aimedAlert = `{"@odata.context":"x","id":"da1_-2","incidentId":7,"severity":"High","status":"New",
"title":"\u001b[2J\u202etxt.exe","machineId":"1e5bc9d7e413ddd7902c2932e418702b84d0cc07",
"alertCreationTime":"2026-03-02T11:00:00.1234567Z","lastUpdateTime":"2026-03-02T11:30:00Z",
"evidence":[{"entityType":"File","fileName":"a.exe","sha1":null}]}`

const aMachine = `{"id":"1e5bc9d7e413ddd7902c2932e418702b84d0cc07","computerDnsName":"pc1.contoso.com",
"osPlatform":"Windows11","healthStatus":"Active","onboardingStatus":"Onboarded",
"lastSeen":"2026-03-02T10:00:00Z","machineTags":["office"]}`

func TestExplainShowsEveryRuleClauseValueAndRail(t *testing.T) {
	t.Parallel()
	alert, machine := write(t, "a.json", aimedAlert), write(t, "m.json", aMachine)
	actions := write(
		t,
		"actions.json",
		`{"value":[{"id":"x","type":"Isolate","status":"Succeeded","requestor":"alice@contoso.com",
"machineId":"1e5bc9d7e413ddd7902c2932e418702b84d0cc07","creationDateTimeUtc":"2026-03-01T10:00:00Z"},
{"id":"y","type":"RunAntiVirusScan","status":"Pending","machineId":"another",
"creationDateTimeUtc":"2026-03-01T10:00:00Z"}]}`,
	)
	const when = "2026-03-02T12:00:00Z"
	env := map[string]string{"CORDON_MODE": "enforce"}
	for name, args := range map[string][]string{
		"explain": {"--alert", alert, "--machine", machine, "--now", when},
		"explain-actions": {
			"--alert", alert, "--machine", machine, "--actions", actions, "--now", when,
			"../../playbooks/workstations.yaml",
		},
		"explain-no-actions": {
			"--alert", alert, "--machine", machine, "--now", when, "../../playbooks/workstations.yaml",
		},
		"explain-no-machine": {"--alert", alert, "--now", when},
		"explain-wrong-machine": {
			"--alert", write(t, "wrong.json", strings.Replace(aimedAlert, `"machineId":"`, `"machineId":"pc 1 `, 1)),
			"--machine", machine, "--now", when, "../../playbooks/workstations.yaml",
		},
		"explain-json": {"--json", "--alert", alert, "--machine", machine, "--now", when},
	} {
		args = append([]string{"explain"}, args...)
		if !strings.HasSuffix(args[len(args)-1], ".yaml") {
			args = append(args, "../../playbook.yaml")
		}
		code, stdout, stderr := command(t, env, args...)
		if code != call.ExitDone {
			t.Errorf("%s: code %d, %s", name, code, stderr)
		}
		if i := strings.IndexFunc(stdout, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: %q reaches the terminal", name, stdout[i:i+4])
		}
		hold(t, name, stdout)
	}
}

// TestThePlaybookIsShownAsItIsDeployed reads the one that this repository deploys.
func TestThePlaybookIsShownAsItIsDeployed(t *testing.T) {
	t.Parallel()
	env := map[string]string{"CORDON_MODE": "enforce", "CORDON_PLAYBOOK": "../../playbook.yaml"}
	code, stdout, stderr := command(t, env, "playbook", "--direct")
	if code != call.ExitDone {
		t.Errorf("code %d, %s", code, stderr)
	}
	hold(t, "deployed", stdout)
	code, stdout, stderr = command(t, env, "playbook", "--direct", "--text")
	text, err := os.ReadFile("../../playbook.yaml")
	if diff := cmp.Diff(string(text), stdout); code != call.ExitDone || err != nil || diff != "" {
		t.Errorf("code %d, %s, %v: %s", code, stderr, err, diff)
	}
	code, stdout, stderr = command(t, env, "playbook", "--direct", "--json")
	var is wire.Playbook
	if err := json.Unmarshal([]byte(stdout), &is); code != call.ExitDone || err != nil || is.Text != string(text) ||
		is.Mode != "observe" || is.Ceiling != "enforce" {
		t.Errorf("code %d, %s, %v: %+v", code, stderr, err, is)
	}
	env["CORDON_PLAYBOOK"] = write(t, "broken.yaml", "version: 1\nrules: 7\n")
	code, _, stderr = command(t, env, "playbook", "--direct")
	if code != call.ExitFailed || !strings.Contains(stderr, "broken.yaml:2:8") {
		t.Errorf("a broken one: code %d, %s", code, stderr)
	}
}

func TestExplainSaysWhatItCanNotRead(t *testing.T) {
	t.Parallel()
	alert, list := write(t, "a.json", aimedAlert), write(t, "l.json", `{"value":[`+aimedAlert+`]}`)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, call.ExitUsage, "--alert"},
		{[]string{"--alert", alert, "--now", "noon"}, call.ExitUsage, "noon"},
		{[]string{"--alert", alert, "a", "b"}, call.ExitUsage, "one playbook"},
		{[]string{"--alert", list}, call.ExitFailed, `no "id"`},
		{[]string{"--alert", "./none.json"}, call.ExitFailed, "none.json"},
		{[]string{"--alert", alert, "--machine", "none.json"}, call.ExitFailed, "the machine in none.json"},
		{[]string{"--alert", alert, "--actions", alert}, call.ExitFailed, `no "value"`},
		{[]string{"--alert", "da1_-2"}, call.ExitFailed, "CORDON_TENANT_ID"},
	} {
		args := append([]string{"explain"}, c.args...)
		code, _, stderr := command(t, map[string]string{"CORDON_PLAYBOOK": "../../playbook.yaml"}, args...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: code %d, %s", c.args, code, stderr)
		}
	}
}

// TestACaseSaysWhoIsolatedTheMachine holds the fact that cases and explain make of machine actions and the time.
func TestACaseSaysWhoIsolatedTheMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	isolation := func(since, requestor, comment string) string {
		return `[{id: x, type: Isolate, status: Succeeded, requestor: "` + requestor + `", ` +
			`requestorComment: "` + comment + `", lastUpdateDateTimeUtc: "` + since + `"}]`
	}
	cases := "playbook: p.yaml\ncases:\n"
	for name, actions := range map[string]string{
		"nobody":    isolation("2025-12-29T12:00:00Z", "alice@contoso.com", "by hand"), // lifted after seven days
		"person":    isolation("2025-12-29T12:00:01Z", "alice@contoso.com", "by hand"),
		"automatic": isolation("2026-01-04T12:00:01Z", "", ""),
		"cordon":    isolation("2026-01-04T12:00:00Z", "app", "[cordon da1_1:v1 e1] why"),
		"unknown":   isolation("2026-01-04T12:00:00Z", "app", "why"),
	} {
		cases += "  - {name: by " + name + ", alert: {severity: High}, machine: {osPlatform: Windows11}, " +
			"actions: " + actions + ", want: {rule: \"" + name + "\", steps: [{mail: do}]}}\n"
	}
	book := "version: 1\nmode: enforce\nrules:\n"
	for name, by := range map[string]string{
		"nobody":    "",
		"person":    "person",
		"automatic": "automatic",
		"cordon":    "cordon",
		"unknown":   "unknown",
	} {
		book += fmt.Sprintf(
			"  - {name: %s, on: alert, when: machine.isolatedBy == %q && machine.isolated == %v, do: [mail: {}]}\n",
			name,
			by,
			by != "",
		)
	}
	for name, text := range map[string]string{"p.yaml": book, "a.test.yaml": cases} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, stdout, stderr := command(t, nil, "test", dir); code != call.ExitDone {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
}

func TestTestShowsWhatDiffers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"p.yaml": "version: 1\nmode: enforce\nrules:\n" +
			"  - {name: r, on: alert, when: alert.severity == \"High\", do: [isolate: {type: Full}, mail: {}]}\n",
		"a.test.yaml": "playbook: p.yaml\ncases:\n" +
			"  - {name: right, alert: {severity: High}, machine: {computerDnsName: pc1, osPlatform: Linux}, " +
			"want: {rule: r, steps: [{isolate Full: do}, {mail: do}]}}\n" +
			"  - {name: \"wrong\\e[2J\", alert: {severity: High}, " +
			"want: {rule: q, steps: [{isolate Selective: do}, {mail: do}, {mail: do}], why: paused by}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := command(t, nil, "test", dir)
	if code != call.ExitFailed || !strings.Contains(stderr, "1 of 2 case(s)") {
		t.Errorf("code %d, %s", code, stderr)
	}
	hold(t, "test-differs", strings.ReplaceAll(stdout, dir+string(filepath.Separator), ""))
	code, stdout, _ = command(t, nil, "test", "--json", dir)
	var view struct{ Cases []cases.Result }
	err := json.Unmarshal([]byte(stdout), &view)
	if err != nil || code != call.ExitFailed || len(view.Cases) != 2 || !view.Cases[0].OK || view.Cases[1].OK ||
		!strings.Contains(view.Cases[1].Diff, "- rule: q\n+ rule: r") {
		t.Errorf("code %d, %v, %s", code, err, stdout)
	}
}

func TestATestThatTestsNothingFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"no cases":      {"playbook: p.yaml\ncases: []\n", "no cases"},
		"no playbook":   {"cases: [{name: a}]\n", "playbook is missing"},
		"empty":         {"", "is empty"},
		"unknown key":   {"playbook: ../p.yaml\ncases: [{name: a, wants: {}}]\n", "wants"},
		"no name":       {"playbook: p.yaml\ncases: [{alert: {severity: High}}]\n", "no name"},
		"twice":         {"playbook: p.yaml\ncases: [{name: a}, {name: a}]\n", "taken"},
		"no time":       {"playbook: p.yaml\ncases: [{name: a, now: noon}]\n", "noon"},
		"no mode":       {"playbook: p.yaml\ncases: [{name: a, mode: loud}]\n", "loud"},
		"no duration":   {"playbook: p.yaml\ncases: [{name: a, staleAfter: long}]\n", "long"},
		"another book":  {"playbook: none.yaml\ncases: [{name: a}]\n", "none.yaml"},
		"no YAML":       {"playbook: [\n", "playbook"},
		"alias of none": {"playbook: *x\n", "YAML aliases are not used here"},
		"anchor":        {"playbook: &x p.yaml\ncases: [{name: a}]\n", "YAML anchors are not used here"},
		"alias bomb":    {aliasBomb(), "YAML anchors are not used here"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(shadowed), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a"+cases.Suffix), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := command(t, nil, "test", dir); code != call.ExitFailed ||
			!strings.Contains(stderr, c.want) {
			t.Errorf("%s: code %d, %s", name, code, stderr)
		}
	}
	if code, _, stderr := command(t, nil, "test", t.TempDir()); code != call.ExitFailed ||
		!strings.Contains(stderr, "nothing is tested") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

// aliasBomb is a small file that would fill the memory when it is decoded.
func aliasBomb() string {
	text := "playbook: p.yaml\ncases:\n  - name: x\n    alert:\n      a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	last := "*a0"
	for i := range 20 {
		text += fmt.Sprintf("      a%d: &a%d [%s%s]\n", i+1, i+1, strings.Repeat(last+", ", 8), last)
		last = fmt.Sprintf("*a%d", i+1)
	}
	return text
}

func TestSchemaIsPrintedAsItIs(t *testing.T) {
	t.Parallel()
	code, stdout, _ := command(t, nil, "schema")
	if code != call.ExitDone || stdout != string(language.Schema()) || !json.Valid([]byte(stdout)) {
		t.Errorf("code %d, %s", code, stdout)
	}
	for _, args := range [][]string{{"schema", "x"}, {"test", "--loud"}, {"explain", "--loud"}} {
		if code, _, _ := command(t, nil, args...); code != call.ExitUsage {
			t.Errorf("%v: code %d", args, code)
		}
	}
	for _, name := range []string{"check", "explain", "test", "schema"} {
		if code, help, _ := command(t, nil, name, "--help"); code != call.ExitDone ||
			!strings.Contains(help, "Exit codes:") || !strings.Contains(help, "Examples:") {
			t.Errorf("%s --help: code %d\n%s", name, code, help)
		}
	}
}
