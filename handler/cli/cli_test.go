package cli

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/cli/call"
)

// version is the program's, for tests.
const version = "v1.2.3-test"

const appID = "1f7e6c5d-42a8-4e57-8f19-0c6de25a7341"

var update = flag.Bool("update", false, "rewrite golden files")

// direct is command round the app.
func direct(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if at < 0 {
		at = len(args)
	}
	return command(t, env, slices.Insert(slices.Clone(args), at, "--direct")...)
}

// command runs the program with a command line and an environment, in which nobody is signed in and noon is that of UTC.
func command(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	folder := t.TempDir()
	var out, errs bytes.Buffer
	code = Run(ctx, Process{
		Version: version,
		Args:    append([]string{}, args...),
		Getenv: func(name string) string {
			usual := map[string]string{"TZ": "UTC", "CORDON_CONFIG_DIR": filepath.Join(folder, "cordon")}
			return cmp.Or(env[name], usual[name])
		},
		In:  strings.NewReader(""),
		Out: &out,
		Err: &errs,
		Now: func() time.Time { return noon.Add(3 * time.Hour) },
	})
	return code, out.String(), errs.String()
}

func TestMissingSettingsAndABrokenPlaybookAreAllToldAtOnce(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "playbook.yaml")
	text := "version: 1\nrules:\n  - name: x\n    on: alert\n" +
		"    when: alert.sevrity == \"High\"\n    do: [{mail: {}}]\n"
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := command(
		t,
		map[string]string{
			"CORDON_PLAYBOOK":           broken,
			"CORDON_MODE":               "loud",
			"CORDON_POLL_OVERLAP":       "soon",
			"CORDON_CLIENT_SECRET":      "@Microsoft.KeyVault(SecretUri=x)",
			"CORDON_CLIENT_ID":          "my-app",
			"CORDON_SMTP_URL":           "mail.example.com",
			"CORDON_CLIENT_CERTIFICATE": filepath.Join(t.TempDir(), "none.pem"),
		},
	)
	if code != call.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		"CORDON_MODE", "loud", "CORDON_POLL_OVERLAP", "soon", "CORDON_TENANT_ID", "CORDON_CLIENT_ID",
		"CORDON_CLIENT_SECRET", "ServiceBus", "AzureWebJobsStorage", "CORDON_MAIL_FROM", "CORDON_MAIL_TO",
		"CORDON_SMTP_URL", "CORDON_CLIENT_CERTIFICATE", "none.pem does not exist", "playbook.yaml:5:", "sevrity",
		"severity",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr does not name %q:\n%s", want, stderr)
		}
	}
	if strings.Contains(stderr, "SecretUri") {
		t.Error("a secret's value is printed")
	}
}

func TestSettingsThatAreWrongOnlyWhenTheyAreUsedStandInTheSameList(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none.pem")
	env := map[string]string{
		"CORDON_PLAYBOOK":           "../../playbook.yaml",
		"CORDON_CLIENT_ID":          appID,
		"CORDON_CLIENT_CERTIFICATE": none,
		"CORDON_CA_FILE":            none,
	}
	_, _, stderr := command(t, env)
	head, list, _ := strings.Cut(stderr, "\n")
	named, lines := 0, strings.Split(strings.TrimSpace(list), "\n")
	for _, line := range strings.Split(strings.TrimRight(list, "\n"), "\n") {
		if !strings.HasPrefix(line, "  ") {
			t.Errorf("%q stands outside of the list:\n%s", line, stderr)
		}
		if strings.Contains(line, "none.pem") {
			named++
		}
	}
	if want := fmt.Sprintf("cordon: %d settings are wrong:", len(lines)); head != want || named != 2 {
		t.Errorf("want %q and two files:\n%s", want, stderr)
	}
}

func TestCheckTellsWhatThePlaybookDoes(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := command(t, nil, "check", "../../playbook.yaml")
	if code != call.ExitDone || !strings.Contains(stdout, "mode observe") ||
		!strings.Contains(stdout, "contain-high-severity") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}

func TestCheckRefusesABrokenPlaybookWithPositionAndWayOut(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(broken, []byte("version: 1\nmode: enforcing\nrules: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := command(t, nil, "check", broken)
	if code != call.ExitFailed || !strings.Contains(stderr, "p.yaml:2:") || !strings.Contains(stderr, "way out") {
		t.Errorf("code %d\n%s", code, stderr)
	}
	if code, _, stderr := command(t, nil, "check", filepath.Join(t.TempDir(), "none.yaml")); code != call.ExitFailed ||
		!strings.Contains(stderr, "CORDON_PLAYBOOK") {
		t.Errorf("a missing playbook: code %d\n%s", code, stderr)
	}
}

func TestWrongCommandLinesHaveAnExitCodeOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"serv"}, {"--loud"}, {"check", "a", "b"}, {"check", "--loud"}} {
		if code, _, stderr := command(t, nil, args...); code != call.ExitUsage || stderr == "" {
			t.Errorf("%v: code %d, %q", args, code, stderr)
		}
	}
	if code, stdout, _ := command(t, nil, "--help"); code != call.ExitDone ||
		!strings.Contains(stdout, "FUNCTIONS_CUSTOMHANDLER_PORT") || !strings.Contains(stdout, "check") {
		t.Errorf("--help: code %d\n%s", code, stdout)
	}
	if code, stdout, _ := command(t, nil, "--version"); code != call.ExitDone || !strings.Contains(stdout, version) {
		t.Errorf("--version: code %d, %s", code, stdout)
	}
}

func TestACertificateFileThatIsNoneStopsTheStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(path, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command(
		t,
		map[string]string{
			"CORDON_PLAYBOOK":                     "../../playbook.yaml",
			"CORDON_TENANT_ID":                    "94fe6bd2-8d0e-4b7b-9a64-5c2d71e0b9f4",
			"CORDON_CLIENT_ID":                    appID,
			"CORDON_CLIENT_CERTIFICATE":           path,
			"ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net",
			"AzureWebJobsStorage__accountName":    "acc",
			"CORDON_MAIL_FROM":                    "cordon@example.com",
			"CORDON_MAIL_TO":                      "soc@example.com",
		},
	)
	if code != call.ExitFailed ||
		!strings.Contains(stderr, "CORDON_CLIENT_CERTIFICATE: "+path+" holds nothing in PEM form") || stdout != "" {
		t.Errorf("code %d, %q\n%s", code, stdout, stderr)
	}
}
