package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/handler/cli/call"
	"cordon/handler/poll"
)

const oneHunt = `// name: tools
// schedule: 0 0 * * * *
// timespan: 2h
// param: least long = 3

DeviceEvents | where Timestamp >= {{since}} and n > {{least}}
`

// TestTheHuntsThatComeWithCordonAreRight holds every file of hunts/.
func TestTheHuntsThatComeWithCordonAreRight(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := command(t, nil, "hunt", "check", "../../hunts")
	if code != call.ExitDone || strings.Count(stdout, "../../hunts/") < 3 {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}

func TestHuntCheckNamesFileAndLine(t *testing.T) {
	t.Parallel()
	p := healthy(t)
	p.write(t, "hunts/a.kql", strings.Replace(oneHunt, "2h", "two hours", 1))
	folder := filepath.Join(p.app, "hunts")
	code, _, stderr := command(t, nil, "hunt", "check", folder)
	if code != call.ExitFailed || !strings.Contains(stderr, filepath.ToSlash(folder)+"/a.kql:3: timespan") ||
		!strings.Contains(stderr, "way out") {
		t.Errorf("code %d\n%s", code, stderr)
	}
	for _, args := range [][]string{
		{"hunt"}, {"hunt", "walk"}, {"hunt", "check", "a", "b"}, {"hunt", "run"},
		{"hunt", "run", "a", "--csv", "--json"}, {"hunt", "list", "x"},
	} {
		if code, _, stderr := command(t, nil, args...); code != call.ExitUsage {
			t.Errorf("%v: code %d, %s", args, code, stderr)
		}
	}
	if code, _, stderr := command(t, nil, "hunt", "check", t.TempDir()); code != call.ExitFailed ||
		!strings.Contains(stderr, "no .kql file") {
		t.Errorf("an empty folder: code %d, %s", code, stderr)
	}
}

func TestAFolderOfHuntsThatIsNamedAndMissingIsNoEmptyCatalogue(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, folder := range []string{"huntz", filepath.Join(root, "none")} {
		path := folder
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, folder)
		}
		env := map[string]string{"FUNCTIONS_APP_ROOT_PATH": root, "CORDON_HUNTS": folder}
		code, _, stderr := command(t, env, "hunt", "check")
		if want := "CORDON_HUNTS: the folder " + path + " does not exist"; code != call.ExitFailed ||
			!strings.Contains(stderr, want) {
			t.Errorf("%q: %d %s", folder, code, stderr)
		}
	}
}

func TestHuntCheckWarnsOfGaps(t *testing.T) {
	t.Parallel()
	p := healthy(t)
	p.write(t, "hunts/a.kql", strings.NewReplacer("2h", "1h", "0 0 * * * *", "0 0 6 * * *").Replace(oneHunt))
	folder := filepath.Join(p.app, "hunts")
	code, stdout, _ := command(t, nil, "hunt", "check", folder)
	if code != call.ExitDone || !strings.Contains(stdout, "1 warning(s)") ||
		!strings.Contains(stdout, "/a.kql:3: a turn looks back 1h, and 1d can pass between two turns") {
		t.Errorf("code %d\n%s", code, stdout)
	}
	if code, _, stderr := command(t, nil, "hunt", "check", "--strict", folder); code != call.ExitFailed ||
		!strings.Contains(stderr, "1 warning(s)") {
		t.Errorf("code %d\n%s", code, stderr)
	}
	if code, _, stderr := command(t, nil, "hunt", "check", "--strict", "../../hunts"); code != call.ExitDone {
		t.Errorf("code %d\n%s", code, stderr)
	}
}

func TestHuntRunAsksAndRecordsNothing(t *testing.T) {
	t.Parallel()
	p := healthy(t)
	p.write(t, "hunts/a.kql", oneHunt)
	p.up(t)
	var asked struct{ Query, Timespan string }
	graph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") ||
			json.NewDecoder(r.Body).Decode(&asked) != nil {
			t.Errorf("asked %s", r.URL)
		}
		_, _ = w.Write(
			[]byte(
				`{"schema":[{"name":"DeviceName","type":"String"}],` +
					`"results":[{"DeviceName":"=1+1"},{"DeviceName":"host\u001b[2J"}]}`,
			),
		)
	}))
	t.Cleanup(graph.Close)
	p.env["CORDON_GRAPH_URL"] = graph.URL
	hunted := func(args ...string) (int, string, string) {
		return direct(t, p.env, append([]string{"hunt"}, args...)...)
	}

	code, stdout, stderr := hunted("run", "tools", "--since", "7d", "--param", "least=9", "--csv")
	if code != call.ExitDone || !strings.Contains(stdout, "'=1+1\r\n") {
		t.Fatalf("code %d\n%q%s", code, stdout, stderr)
	}
	from, to, _ := strings.Cut(asked.Timespan, "/")
	since, err := time.Parse(time.RFC3339, from)
	until, err2 := time.Parse(time.RFC3339, to)
	if err != nil || err2 != nil || until.Sub(since) != 7*24*time.Hour ||
		!strings.Contains(asked.Query, "datetime("+since.Format("2006-01-02T15:04:05")+".0000000Z) and n > long(9)") {
		t.Errorf("asked %+v", asked)
	}
	if code, stdout, _ := hunted("run", "tools"); code != call.ExitDone || strings.Contains(stdout, "\x1b") ||
		!strings.Contains(stdout, "2 rows") {
		t.Errorf("code %d\n%q", code, stdout)
	}
	var view struct {
		Rows []map[string]string
		Cut  bool
	}
	if code, stdout, _ := hunted("run", "tools", "--json"); code != call.ExitDone ||
		json.Unmarshal([]byte(stdout), &view) != nil || len(view.Rows) != 2 || view.Rows[0]["DeviceName"] != "=1+1" {
		t.Errorf("code %d\n%s", code, stdout)
	}
	for says, args := range map[string][]string{
		"no hunt":            {"run", "other"},
		"neither a duration": {"run", "tools", "--since", "ago(1d)"},
		"30 days":            {"run", "tools", "--since", "60d"},
		"no parameter":       {"run", "tools", "--param", "most=1"},
		"no whole number":    {"run", "tools", "--param", "least=1 or true"},
		"name=value":         {"run", "tools", "--param", "least"},
	} {
		if code, _, stderr := hunted(args...); code != call.ExitUsage || !strings.Contains(stderr, says) {
			t.Errorf("%v: code %d, %s", args, code, stderr)
		}
	}
	if err := storeIn(t, p.env["AzureWebJobsStorage"], ours).Switches.SetMark(t.Context(), poll.MarkPoll, noon,
		""); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := hunted("list"); code != call.ExitDone || !strings.Contains(stdout, "never") ||
		!strings.Contains(stdout, "tools") {
		t.Errorf("after runs by hand: code %d\n%s%s", code, stdout, stderr)
	}
}
