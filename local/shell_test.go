package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cordon/handler/operate/wire"
	"cordon/local/pagetest"
	"cordon/local/scenario"
)

// program is the command of this folder, built once.
var program = sync.OnceValues(func() (string, error) {
	root, err := app()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".local") // goes with the app
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// running is `local run` in a process of its own, over an app and a folder for temporary files that nobody else has.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr bytes.Buffer
	app    string
	temp   string
}

func startRun(t *testing.T, args ...string) *running {
	t.Helper()
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, app: filepath.Join(t.TempDir(), "dist"), temp: t.TempDir()}
	if err := restage(root, r.app); err != nil {
		t.Fatal(err)
	}
	r.cmd = exec.Command(path, append([]string{"run", "--app", r.app, "--addr", "127.0.0.1:0"}, args...)...)
	r.cmd.Env = append(os.Environ(), "TMPDIR="+r.temp)
	r.cmd.Stderr = &r.stderr
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.lines = bufio.NewScanner(out)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait() // it was waited for, or it was killed
	})
	return r
}

// until reads lines up to one that holds a text.
func (r *running) until(text string) string {
	r.t.Helper()
	for r.lines.Scan() {
		if strings.Contains(r.lines.Text(), text) {
			return r.lines.Text()
		}
	}
	r.t.Fatalf("it ended without a line that holds %q: %s", text, r.stderr.String())
	return ""
}

// interrupt is Ctrl-C. It holds that the process ends as one that was told to, and that nothing is left of it.
func (r *running) interrupt() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		r.t.Fatal(err)
	}
	for r.lines.Scan() { // to its end
	}
	_ = r.cmd.Wait() // the state says it better
	status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	told := ok && status.Signaled() && status.Signal() == syscall.SIGINT // before it heeds signals
	if code := r.cmd.ProcessState.ExitCode(); code != 0 && code != 130 && !told {
		r.t.Errorf("it ended with %v", r.cmd.ProcessState)
	}
	for _, bad := range []string{"goroutine ", "panic", "broken:", "canceled"} {
		if strings.Contains(r.stderr.String(), bad) {
			r.t.Errorf("it said %q: %s", bad, r.stderr.String())
		}
	}
	if left, err := os.ReadDir(r.temp); err != nil || len(left) > 0 {
		r.t.Errorf("left are the files %v, %v", left, err)
	}
	if left := processesOf(r.t, r.app); len(left) > 0 {
		r.t.Errorf("left are the processes %q", left)
	}
}

// processesOf are the command lines of the processes that run a binary of a folder.
func processesOf(t *testing.T, folder string) (found []string) {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "args").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.HasPrefix(line, folder+"/") {
			found = append(found, line)
		}
	}
	return found
}

func TestCtrlCEndsARunAtAnyMoment(t *testing.T) {
	t.Parallel()
	for name, moment := range map[string]func(*running){
		"at once":             func(*running) {},
		"before it listens":   func(r *running) { r.untilFolder() },
		"before alerts come":  func(r *running) { r.until("second  severity") },
		"between the alerts":  func(r *running) { r.until("isolated") },
		"after the first one": func(r *running) { r.until("High") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRun(t)
			moment(r)
			r.interrupt()
		})
	}
}

// untilFolder waits for the first file of the world's.
func (r *running) untilFolder() {
	r.t.Helper()
	if !until(r.t.Context(), time.Millisecond, func() bool {
		made, err := os.ReadDir(r.temp)
		return err == nil && len(made) > 0
	}) {
		r.t.Fatal("it made no folder")
	}
}

// TestAnyPlaybookIsPlayedAndAShellSignedIn runs as people do: with a playbook of theirs, until Ctrl-C, with another
// shell that the line which is printed signs in.
func TestAnyPlaybookIsPlayedAndAShellSignedIn(t *testing.T) {
	t.Parallel()
	r := startRun(t, "--playbook", "../playbooks/observe-only.yaml")
	r.until("this one is not judged")
	address := strings.Fields(r.until("console "))[1]
	r.until("on-call.md")
	line := strings.TrimSpace(r.until("eval"))
	operator := r.signedIn(line)
	if me := operator.me(t); me.Name != scenario.Operator || len(me.Roles) != 1 || me.Roles[0] != wire.Operator ||
		me.App || time.Until(me.Until) < 23*time.Hour {
		t.Errorf("signed in is %+v", me)
	}
	if me := r.signedIn(strings.Replace(line, "/operator", "/reader", 1)).me(t); me.Name != scenario.Reader {
		t.Errorf("signed in is %+v", me)
	}
	if want := filepath.Join(r.app, "cordon"); operator.command != want {
		t.Errorf("cordon is %q, want %q", operator.command, want)
	}
	commands := exec.Command("sh", "-e", "-c", line+`
cordon whoami
cordon isolated --json
cordon pause --reason "a try" --yes
cordon resume --reason "a try" --yes`)
	commands.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	if out, err := commands.CombinedOutput(); err != nil || !strings.Contains(string(out), scenario.Operator) {
		t.Errorf("the commands of that shell: %v\n%s", err, out)
	}
	// The line below has the settings of the app, for what goes round it.
	around := exec.Command("sh", "-e", "-c", line+"\n"+strings.TrimSpace(r.until("settings"))+`
cordon runs --direct --limit 1
cordon check
cordon export --direct --to record.jsonl.gz
CORDON_TABLE_PREFIX=copy cordon import record.jsonl.gz --direct --yes --reason 'a try'`)
	around.Env, around.Dir = commands.Env, t.TempDir()
	if out, err := around.CombinedOutput(); err != nil || !strings.Contains(string(out), "playbook.yaml is valid") {
		t.Errorf("the commands round the app: %v\n%s", err, out)
	}
	t.Run("in a browser", func(t *testing.T) { signsInAt(t, address) })
	r.interrupt()
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("a run that served ends with %d", code)
	}
}

// signsInAt has people of the scenario go to the console in a browser, as the lines that are printed tell them to.
func signsInAt(t *testing.T, address string) {
	browser := pagetest.Open(t)
	for _, p := range scenario.People() {
		tab := browser.Tab()
		tab.Open(address)
		tab.Click(p.Name + " <" + p.Username + ">")
		text := tab.Text()
		if len(p.Roles) == 0 {
			if !strings.Contains(text, "AADSTS50105") {
				t.Errorf("%s: %s", p.Username, text)
			}
			continue
		}
		if tab.URL() != address || tab.Status() != http.StatusOK || !strings.Contains(text, p.Username) {
			t.Errorf("%s is at %s: %d %s", p.Username, tab.URL(), tab.Status(), text)
		}
	}
}

// shell is what a shell knows after the line.
type shell struct{ app, token, command string }

func (r *running) signedIn(line string) shell {
	r.t.Helper()
	out, err := exec.Command("sh", "-c", line+`
printf '%s\n' "$CORDON_APP" "$CORDON_TOKEN"; command -v cordon`).Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) != 3 {
		r.t.Fatalf("%s: %v, %q", line, err, out)
	}
	return shell{fields[0], fields[1], fields[2]}
}

// me asks the app who is signed in.
func (s shell) me(t *testing.T) (me wire.Me) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.app+wire.Base+"/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || json.Unmarshal(body, &me) != nil {
		t.Errorf("%d %s %v", answer.StatusCode, body, err)
	}
	return me
}

func TestAPlaybookThatCannotBePlayedIsRefused(t *testing.T) {
	t.Parallel()
	root, err := app()
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("version: 1\nmode: perhaps\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const good = "../playbooks/observe-only.yaml"
	for want, o := range map[string]runOptions{
		"perhaps":         {playbook: bad},
		"no such file":    {playbook: bad + ".gone"},
		"leave out ONCE":  {playbook: good, once: true},
		"and FAULT":       {playbook: good, fault: "drop-mail"},
		"of this machine": {playbook: good, addr: "0.0.0.0:7071"},
		"host:port":       {playbook: good, addr: "7071"},
	} {
		o.app, o.source, o.out = root, "defender", io.Discard
		if err := o.run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}

func TestTheFrontIsOfThisMachineAlone(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":7072":            "127.0.0.1:7072",
		"localhost:7072":   "127.0.0.1:7072",
		"127.0.0.2:7072":   "127.0.0.2:7072",
		"192.0.2.1:7072":   "",
		"[::1]:7072":       "",
		"example.com:7072": "",
		"127.0.0.1":        "",
		"":                 "",
	} {
		if got, err := frontAddress(addr); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", addr, got, err)
		}
	}
}

// TestABusyAddressIsSaidBeforeAnythingIsTouched runs make, as people do.
func TestABusyAddressIsSaidBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	command := exec.Command("make", "-C", "..", "run", "ADDR="+taken.Addr().String())
	command.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	out, err := command.CombinedOutput()
	text := string(out)
	if err == nil || !strings.Contains(text, "something listens on "+taken.Addr().String()) ||
		!strings.Contains(text, "ADDR=") || strings.Contains(text, "./handler") {
		t.Errorf("%v: %s", err, text)
	}
}
