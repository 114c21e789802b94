package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/cli/call"
	"cordon/handler/decided"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// nightBook decides the run of these tests.
const nightBook = `version: 1
mode: enforce
rules:
  - name: contain
    on: alert
    when: alert.severity == "High" && !machine.isolated
    do: [isolate: {type: Full}, tag: {add: seen}, mail: {to: ["soc-{{.Machine.RBACGroupName}}@contoso.com"]}]
protect: {names: ["DC*"]}
`

// night has a run at an app that the book has decided: of an alert whose texts an attacker wrote, on a machine that is
// protected by its name.
func night(t *testing.T) (s *site, path string) {
	t.Helper()
	path = write(t, "p.yaml", nightBook)
	in := playbooktest.Input()
	in.Alert.Title = "\u202eexe: *x\n&y \x1b[2J of alice"
	in.Alert.RelatedUser = alert.User{Name: "alice", Domain: "CONTOSO"}
	in.Alert.Evidence = append(in.Alert.Evidence, alert.Evidence{Kind: "Process", AccountName: "alice", ProcessID: 7,
		CommandLine: `C:\Users\alice\a.exe -h 10.20.3.4 --password=Hunter2`})
	in.Machine.ComputerDNSName = "DC07.corp.contoso.com"
	in.Machine.RBACGroupName = "Berlin"
	in.OpenActions = append(in.OpenActions, machine.Action{ID: "5382f7ea", Type: "Isolate", Status: machine.Pending,
		MachineID: in.Machine.ID, Requestor: "bob@contoso.com", Comment: "for alice", Created: in.Now})
	plan := playbooktest.Load(t, nightBook).Decide(in)
	d := decided.Of(in, plan)
	d.AlertID, d.Version, d.Run = in.Alert.ID, 2, alert.RunID(in.Alert.ID, 2)
	d.Playbook = playbooktest.Load(t, nightBook).Hash()
	s = newSite(t)
	s.decision = d
	return s, path
}

// portable is what a command printed, without the folder of its test.
func portable(text, path string) string {
	return strings.ReplaceAll(text, filepath.ToSlash(filepath.Dir(path))+"/", "")
}

func TestARunBecomesACaseThatPasses(t *testing.T) {
	t.Parallel()
	s, path := night(t)
	for name, args := range map[string][]string{"case": nil, "case-anonymous": {"--anonymous"}} {
		code, stdout, stderr := command(t, s.env,
			append([]string{"case", s.decision.Run, "--playbook", path}, args...)...)
		if code != call.ExitDone || !strings.HasPrefix(stderr, "Its facts are not whole: alert.evidence[2]") ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("code %d, %s", code, stderr)
		}
		hold(t, name, portable(stdout, path))
		file := write(t, "x.test.yaml", stdout)
		if code, stdout, stderr := command(t, nil, "test", file); code != call.ExitDone {
			t.Errorf("%s: code %d, %s%s", name, code, stdout, stderr)
		}
		for _, named := range []string{
			"alice", "bob", "dc07", "corp.", "1e5bc9d7", "5382f7ea", "10.20.3.4", "Hunter2",
		} {
			if name == "case-anonymous" && strings.Contains(strings.ToLower(stdout), strings.ToLower(named)) {
				t.Errorf("%s is left:\n%s", named, stdout)
			}
		}
	}
}

func TestACaseThatIsDecidedOtherwiseSaysSo(t *testing.T) {
	t.Parallel()
	s, path := night(t)
	other := write(t, "p.yaml", strings.Replace(nightBook, `"DC*"`, `"SRV*"`, 1))
	code, stdout, stderr := command(t, s.env, "case", s.decision.Run, "--playbook", other)
	const says = "the plan is another than it was: rule contain, isolate Full: do, tag add seen: do"
	if code != call.ExitDone || !strings.Contains(stderr, says) ||
		!strings.Contains(stdout, "\n# With the playbook ") ||
		!strings.Contains(stderr, "is not the one that decided; --playbook names another.\n") ||
		!strings.Contains(stdout, "- isolate Full: held\n") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	if code, _, _ := command(t, nil, "test", write(t, "x.test.yaml", stdout)); code != call.ExitFailed {
		t.Errorf("and yet it passes: code %d", code)
	}
	// A stand-in that no pattern can save.
	s.decision.Facts.Alert.RelatedUser.Name = "carol"
	book := strings.Replace(nightBook, "!machine.isolated",
		`!machine.isolated && alert.relatedUser.userName == "carol"`, 1)
	if err := os.WriteFile(path, []byte(book), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, anonymous := range []bool{false, true} {
		args := []string{"case", s.decision.Run, "--playbook", path}
		if anonymous {
			args = append(args, "--anonymous")
		}
		_, stdout, stderr := command(t, s.env, args...)
		const says = "the plan is another than it was: no rule."
		if anonymous != strings.Contains(stderr, says) || anonymous != strings.Contains(stdout, says) {
			t.Errorf("anonymous %t: %s%s", anonymous, stdout, stderr)
		}
	}
	code, stdout, stderr = command(t, s.env, "case", s.decision.Run, "--playbook", "../none.yaml")
	if code != call.ExitDone ||
		!strings.Contains(stderr, "It was not tried: the playbook ../none.yaml cannot be read") ||
		!strings.Contains(stdout, `playbook: "../none.yaml"`) {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	if code, _, stderr := command(t, s.env, "case", "da9"); code != call.ExitFailed ||
		!strings.Contains(stderr, "da9") {
		t.Errorf("code %d, %s", code, stderr)
	}
	if code, _, _ := command(t, s.env, "case"); code != call.ExitUsage {
		t.Errorf("code %d", code)
	}
}

// TestNoCaseIsMadeOfWhatIsLost has a run of which only that it was decided is kept.
func TestNoCaseIsMadeOfWhatIsLost(t *testing.T) {
	t.Parallel()
	s, path := night(t)
	s.decision.Facts = decided.Facts{}
	s.decision.Left = []string{"all: they are too large"}
	code, stdout, stderr := command(t, s.env, "case", s.decision.Run, "--playbook", path)
	if code != call.ExitFailed || stdout != "" || !strings.Contains(stderr, "is lost: all: they are too large") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
}

// TestACaseHoldsTheStepsOfThePlaybookAlone has a run whose step a person let go on: the case wants it held.
func TestACaseHoldsTheStepsOfThePlaybookAlone(t *testing.T) {
	t.Parallel()
	s, path := night(t)
	s.decision.Continued = []string{playbook.Step{Kind: playbook.Isolate}.Key()}
	_, stdout, _ := command(t, s.env, "case", s.decision.Run, "--playbook", path)
	if !strings.Contains(stdout, "- isolate Full: held\n") {
		t.Errorf("%s", stdout)
	}
}
