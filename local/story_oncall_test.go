package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/operate/wire"
	"cordon/local/defendersim"
	"cordon/local/scenario"
	"cordon/local/world"
)

// nightRules isolate for High alerts, and by a rule that turns out to be a bad one.
const nightRules = `version: 1
mode: enforce
rules:
  - name: noisy
    on: alert
    when: alert.severity == "Medium"
    do:
      - isolate: { type: Full }
      - mail: {}
  - name: contain
    on: alert
    when: alert.severity == "High" && alert.status != "Resolved"
    do:
      - isolate: { type: Full }
      - mail: {}
protect:
  tags: [never-isolate]
limits:
  isolate: { perHour: 90, perDay: 90, then: hold }
`

// workstation is a shell of somebody who signed in, and has nothing else.
type workstation struct {
	s     *story
	token string
}

func (s *story) signedIn(username string) workstation {
	s.t.Helper()
	token, err := s.Token(username)
	if err != nil {
		s.t.Fatal(err)
	}
	return workstation{s, token}
}

// runs runs a command with nothing but the sign-in.
func (w workstation) runs(args ...string) (code int, stdout, stderr string) {
	w.s.t.Helper()
	root, err := app()
	if err != nil {
		w.s.t.Fatal(err)
	}
	command := exec.CommandContext(w.s.t.Context(), filepath.Join(root, "cordon"), args...)
	command.Env = []string{
		"HOME=" + w.s.t.TempDir(),
		"CORDON_APP=http://" + w.s.host.Addr(),
		"CORDON_TOKEN=" + w.token,
	}
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.s.t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

func (w workstation) does(args ...string) string {
	w.s.t.Helper()
	code, stdout, stderr := w.runs(args...)
	if code != 0 {
		w.s.t.Fatalf("cordon %s: code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

func (w workstation) refuses(why string, args ...string) {
	w.s.t.Helper()
	code, stdout, stderr := w.runs(args...)
	if code != 1 || !strings.Contains(stdout+stderr, why) {
		w.s.t.Errorf("cordon %s: code %d, want 1 and %q\n%s%s", strings.Join(args, " "), code, why, stdout, stderr)
	}
}

// reads runs a command with --json and reads its answer.
func (w workstation) reads(into any, args ...string) {
	w.s.t.Helper()
	said := w.does(append(args, "--json")...)
	if err := json.Unmarshal([]byte(said), into); err != nil {
		w.s.t.Fatalf("cordon %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// isolated are the machines that the API lists as isolated, by rule.
func (w workstation) isolated() map[string][]wire.Isolation {
	var all wire.Isolated
	w.reads(&all, "isolated")
	found := map[string][]wire.Isolation{}
	for _, i := range all.Machines {
		if i.API == "isolated" {
			found[i.Rule] = append(found[i.Rule], i)
		}
	}
	return found
}

// alertOn puts a machine and an alert on it into the tenant.
func (s *story) alertOn(n int, severity string, offline bool) (alertID, name string) {
	name = fmt.Sprintf("ws-%04d", n)
	id := fmt.Sprintf("%040x", 0xc0ffee00+n)
	alertID = fmt.Sprintf("da63899441720441%04d_-1184209733", n)
	s.Defender.AddMachine(defendersim.Machine{
		ID:      id,
		Name:    name + ".corp.contoso.com",
		OS:      "Windows11",
		Offline: offline,
	})
	now := time.Now().UTC()
	s.Defender.AddAlert(defendersim.Alert{
		ID:         alertID,
		IncidentID: int64(50000 + n),
		Title:      "A tool for remote control was started",
		Severity:   severity,
		Status:     "New",
		MachineID:  id,
		Created:    now,
		Updated:    now,
	}, now)
	return alertID, name
}

// TestStoryANightOnCallWithNothingButASignIn goes through a night from a workstation: who is isolated and why, one
// release, twenty after a bad rule, a pause, what is held, a cancelled action, a dead letter; and the journal of it.
func TestStoryANightOnCallWithNothingButASignIn(t *testing.T) {
	t.Parallel()
	s := newStage(t, world.Options{Playbook: nightRules}, nil)
	s.setAside("night")
	s.host = s.open(nil).Host
	operator := s.signedIn(scenario.Operator)
	reader := s.signedIn(scenario.Reader)

	_, contained := s.alertOn(1, "High", false)
	for n := range 20 {
		s.alertOn(100+n, "Medium", false)
	}
	s.eventually("21 isolations", func() bool {
		found := reader.isolated()
		return len(found["noisy"]) == 20 && len(found["contain"]) == 1
	})
	one := reader.isolated()["contain"][0]
	if one.Title != "A tool for remote control was started" || one.Severity != "High" || one.RunID == "" ||
		!one.Releasable || one.Until.IsZero() {
		t.Errorf("why %s is isolated: %+v", contained, one)
	}
	var run wire.Run
	reader.reads(&run, "run", "show", one.RunID)
	if run.Outcome != "isolated" || run.Rule != "contain" || !strings.Contains(run.Decision, `alert.severity = "High"`) ||
		!strings.Contains(run.Decision, "1. noisy: ") || len(run.Told) == 0 {
		t.Errorf("run show %s: %+v", one.RunID, run)
	}
	if out := reader.does("whoami"); !strings.Contains(out, scenario.Reader) {
		t.Error(out)
	}
	reader.refuses("Cordon.Operator", "release", contained, "--reason", "x", "--yes")
	s.released(operator, contained)
	s.held(operator)
	s.cancelled(operator)
	s.replayed(operator)
	s.journalled(reader)
}

// released undoes one isolation, and then all of the bad rule.
func (s *story) released(operator workstation, contained string) {
	s.t.Helper()
	operator.does("release", contained, "--reason", "reimaged", "--yes")
	operator.does("release", "--rule", "noisy", "--reason", "the rule was wrong", "--yes")
	s.eventually("all of them to be released", func() bool { return len(operator.isolated()) == 0 })
	releases := map[string]int{}
	for _, a := range s.Defender.Actions() {
		if string(a.Type) == "Unisolate" {
			releases[a.MachineID]++
			if !strings.Contains(a.Comment, "Released by "+scenario.Operator+": ") {
				s.t.Errorf("the comment of a release says %q", a.Comment)
			}
		}
	}
	for id, n := range releases {
		if n != 1 {
			s.t.Errorf("%d releases of %s", n, id)
		}
	}
	if len(releases) != 21 {
		s.t.Errorf("%d machines were released", len(releases))
	}
}

// held pauses acting, and decides of two steps that are held.
func (s *story) held(operator workstation) {
	s.t.Helper()
	operator.does("pause", "--reason", "the CMDB import is wrong", "--yes")
	s.eventually("the mail about the pause", func() bool { return s.mailed("Acting is paused") })
	wanted, _ := s.alertOn(2, "High", false)
	unwanted, _ := s.alertOn(3, "High", false)
	var list wire.Held
	s.eventually("two held steps", func() bool {
		operator.reads(&list, "held", "list")
		return len(list.Held) == 2
	})
	operator.refuses("acting is paused", "held", "run", wanted, "--reason", "x", "--yes")
	operator.does("resume", "--reason", "the import is mended", "--yes")
	operator.does("held", "run", wanted, "--reason", "spoke to the owner", "--yes")
	operator.does("held", "drop", unwanted, "--reason", "false alarm", "--yes")
	s.eventually("the isolation", func() bool { return len(operator.isolated()["contain"]) == 1 })
	operator.reads(&list, "held", "list")
	if len(list.Held) != 0 {
		s.t.Errorf("still held: %+v", list.Held)
	}
}

// cancelled takes an isolation back that waits for a machine which is offline.
func (s *story) cancelled(operator workstation) {
	s.t.Helper()
	_, name := s.alertOn(4, "High", true)
	var m wire.Machine
	s.eventually("the request", func() bool {
		code, stdout, _ := operator.runs("machine", name, "--json")
		m = wire.Machine{}
		return code == 0 && json.Unmarshal([]byte(stdout), &m) == nil && len(m.Actions) == 1 &&
			m.Isolation != nil && m.State == "isolation requested"
	})
	operator.does("cancel", m.Actions[0].ID, "--reason", "the machine is in a drawer", "--yes")
	s.eventually("the end of the action", func() bool {
		operator.reads(&m, "machine", name)
		return m.Actions[0].Status == "Cancelled"
	})
}

// replayed sends a dead letter again.
func (s *story) replayed(operator workstation) {
	s.t.Helper()
	var list wire.DeadLetters
	operator.reads(&list, "deadletter", "list")
	if len(list.DeadLetters) != 1 || list.DeadLetters[0].AlertID != "da638994417204415533_-1184209733" {
		s.t.Fatalf("dead letters: %+v", list)
	}
	operator.does("deadletter", "replay", fmt.Sprint(list.DeadLetters[0].Number), "--reason", "mended", "--yes")
	operator.reads(&list, "deadletter", "list")
	if len(list.DeadLetters) != 0 {
		s.t.Errorf("dead letters: %+v", list)
	}
}

// journalled holds what the journal says of the night.
func (s *story) journalled(reader workstation) {
	s.t.Helper()
	var journal wire.Journal
	reader.reads(&journal, "journal", "--limit", "200")
	var verbs []string
	for _, e := range journal.Entries {
		verbs = append(verbs, e.Verb+" "+e.State)
		if e.By != scenario.Operator || e.ByID == "" || e.Client != world.CLIID || e.Reason == "" {
			s.t.Errorf("the journal says %+v", e)
		}
	}
	slices.Sort(verbs)
	want := []string{
		"cancel done", "continue done", "continue refused", "drop done", "pause done", "replay done", "resume done",
	}
	verbs = slices.DeleteFunc(verbs, func(v string) bool { return v == "release done" })
	if !slices.Equal(verbs, want) || len(journal.Entries) != len(want)+21 {
		s.t.Errorf("the journal has %d entries, besides releases %v", len(journal.Entries), verbs)
	}
	if !slices.IsSortedFunc(journal.Entries, func(a, b wire.Entry) int { return b.At.Compare(a.At) }) {
		s.t.Error("the journal is not newest first")
	}
}

// mailed reports whether a mail has a subject that holds a text.
func (s *story) mailed(text string) bool {
	for _, m := range s.Mail.Mails() {
		if strings.Contains(m.Subject, text) {
			return true
		}
	}
	return false
}

// TestStoryAReleaseWhoseProcessEndsIsAskedForOnce ends the process between Defender's answer and the person's: the
// command line sends the same order again, and the next process finds what the first one did.
func TestStoryAReleaseWhoseProcessEndsIsAskedForOnce(t *testing.T) {
	t.Parallel()
	var s *story
	var once sync.Once
	s = newStory(t, world.Options{Between: func(to http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/unisolate") {
				to.ServeHTTP(w, r)
				return
			}
			to.ServeHTTP(httptest.NewRecorder(), r) // carried out; its answer reaches nobody
			once.Do(func() {
				if err := s.host.Kill("Operate", 0); err != nil {
					t.Error(err)
				}
			})
		})
	}}, nil)
	s.highAlert()
	operator := s.signedIn(scenario.Operator)
	s.eventually("the isolation", func() bool { return len(operator.isolated()) == 1 })
	order := []string{"release", machineID, "--reason", "reimaged", "--yes", "--command-id", "c0ffee00-1234"}
	operator.does(order...)
	s.eventually("the release", func() bool { return !s.Defender.Isolated(machineID) })
	operator.does(order...)          // given again it says what became of it, and does nothing
	if n := s.isolations(); n != 2 { // the isolation and the release
		t.Errorf("%d machine actions", n)
	}
	var journal wire.Journal
	operator.reads(&journal, "journal")
	if len(journal.Entries) != 1 || journal.Entries[0].State != "done" || journal.Entries[0].Action == "" {
		t.Errorf("the journal says %+v", journal.Entries)
	}
}
