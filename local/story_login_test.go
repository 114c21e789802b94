package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/local/entrasim/browser"
	"cordon/local/scenario"
	"cordon/local/world"
)

// laptop is a computer of a person, with nothing of the app on it but the program.
type laptop struct {
	s      *story
	binary string
	folder string // where sign-ins are kept
	web    *http.Client
}

func (s *story) laptop() *laptop {
	s.t.Helper()
	root, err := app()
	if err != nil {
		s.t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(s.Entra.CertPEM()) {
		s.t.Fatal("the tenant has no certificate authority")
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}}
	s.t.Cleanup(web.CloseIdleConnections)
	return &laptop{
		s:      s,
		binary: filepath.Join(root, "cordon"),
		folder: filepath.Join(s.t.TempDir(), "cordon"),
		web:    web,
	}
}

// command is a command of the program at this computer. Its authority is trusted as the app's settings say, for it is on
// this machine.
func (l *laptop) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, l.binary, args...)
	command.Env = []string{"CORDON_CONFIG_DIR=" + l.folder, "CORDON_CA_FILE=" + l.s.Settings["CORDON_CA_FILE"], "TZ=UTC"}
	return command
}

// runs runs a command to its end.
func (l *laptop) runs(args ...string) (code int, said string) {
	l.s.t.Helper()
	var out bytes.Buffer
	command := l.command(l.s.t.Context(), args...)
	command.Stdout, command.Stderr = &out, &out
	_ = command.Run() // its exit code says how it ended
	return command.ProcessState.ExitCode(), out.String()
}

// logsIn has somebody sign in at the browser whose address the program prints.
func (l *laptop) logsIn(who string, args ...string) (code int, said string) {
	l.s.t.Helper()
	ctx, cancel := context.WithTimeout(l.s.t.Context(), time.Minute)
	defer cancel()
	command := l.command(ctx, append([]string{"login"}, args...)...)
	var out, errs bytes.Buffer
	command.Stdout = &out
	lines, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		l.s.t.Fatal(err)
	}
	for scan := bufio.NewScanner(io.TeeReader(lines, &errs)); scan.Scan(); {
		if address := scan.Text(); strings.HasPrefix(address, "https://") {
			answer, err := browser.Person{Client: l.web, Username: who}.SignIn(ctx, address)
			if err != nil {
				l.s.t.Error(err)
				cancel()
				continue
			}
			page, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			errs.Write(page)
			if bytes.Contains(page, []byte("AADSTS")) {
				cancel() // the browser is not sent back, so the program would wait on
			}
		}
	}
	_ = command.Wait() // its exit code says how it ended
	return command.ProcessState.ExitCode(), out.String() + errs.String()
}

// TestStoryPeopleSignInAtAWorkstation has an operator, a reader and somebody without a role, each at a browser, and
// nothing else.
func TestStoryPeopleSignInAtAWorkstation(t *testing.T) {
	t.Parallel()
	s := newStory(t, world.Options{}, asleep())
	s.marked()
	operator := s.laptop()
	if code, said := operator.runs("isolated"); code != 1 || !strings.Contains(said, "cordon login --app") {
		t.Errorf("before a sign-in: code %d, %s", code, said)
	}
	code, said := operator.logsIn(scenario.Operator, "--app", s.AppURL, "--name", "prod", "--yes")
	if code != 0 || !strings.Contains(said, "signed in at prod as "+scenario.Operator+", who may operate") {
		t.Fatalf("login: code %d, %s", code, said)
	}
	for _, args := range [][]string{
		{"whoami"}, {"isolated"}, {"held", "list"}, {"journal"}, {"hunt", "list"}, {"deadletter", "list"},
		{"pause", "--reason", "the CMDB is wrong", "--yes"},
	} {
		if code, said := operator.runs(args...); code != 0 {
			t.Errorf("cordon %s: code %d, %s", strings.Join(args, " "), code, said)
		}
	}

	reader := s.laptop()
	if code, said := reader.logsIn(scenario.Reader, "--app", s.AppURL, "--yes"); code != 0 {
		t.Fatalf("login: code %d, %s", code, said)
	}
	var journal struct {
		Entries []struct{ Verb, By, Reason, Client, State string }
	}
	_, said = reader.runs("journal", "--json")
	if err := json.Unmarshal([]byte(said), &journal); err != nil || len(journal.Entries) != 1 ||
		journal.Entries[0].By != scenario.Operator || journal.Entries[0].Reason != "the CMDB is wrong" {
		t.Errorf("%v: %s", err, said)
	}
	if code, said := reader.runs("resume", "--yes"); code != 1 || !strings.Contains(said, "Cordon.Operator") {
		t.Errorf("a reader resumes: code %d, %s", code, said)
	}

	guest := s.laptop()
	if code, said := guest.logsIn(scenario.Guest, "--app", s.AppURL, "--yes"); code == 0 ||
		!strings.Contains(said, "AADSTS50105") {
		t.Errorf("a guest signs in: code %d, %s", code, said)
	}
	if code, said := operator.runs("logout"); code != 0 || said != "signed out of prod\n" {
		t.Errorf("logout: code %d, %s", code, said)
	}
	if code, said := operator.runs("resume", "--yes"); code != 1 ||
		!strings.Contains(said, "nobody is signed in at prod: cordon login --app prod") {
		t.Errorf("after a sign-out: code %d, %s", code, said)
	}
}
