package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/handler/cli/call"
)

func TestTestWritesReportsWhereItIsAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	report := filepath.Join(dir, "report.xml")
	for name, text := range map[string]string{
		"p.yaml": "version: 1\nrules:\n  - {name: r, on: alert, when: alert.severity == \"High\", do: [mail: " +
			"{}]}\n",
		"a.test.yaml": "playbook: p.yaml\ncases: [{name: \"a:\\n::error::b\", alert: {severity: High}, want: {rule: " +
			"q}}]\n",
		"b.yaml": "playbook: p.yaml\ncases: [{name: fine, want: {rule: ''}}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"test", dir, filepath.Join(dir, "b.yaml"), "--github", "--junit", report}
	code, stdout, stderr := command(t, nil, args...)
	annotation := "\n::error file=" + filepath.Join(dir, "a.test.yaml") + ",line=2,title=a%3A%0A%3A%3Aerror%3A%3Ab::" +
		"- rule: q%0A+ rule: r%0A+ mail: would do\n"
	if code != call.ExitFailed || !strings.Contains(stderr, "1 of 2 case(s)") || !strings.Contains(stdout, annotation) {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(report)
	if err != nil || !strings.Contains(string(text), `tests="2" failures="1" errors="0"`) {
		t.Errorf("%v, %s", err, text)
	}
	if _, stdout, _ := command(t, nil, args[:3]...); strings.Contains(stdout, "\n::error") {
		t.Errorf("an annotation that nobody asked for:\n%s", stdout)
	}
	for _, args := range [][]string{{"--json", "--watch"}, {"--json", "--github"}, {"--watch", "-"}} {
		if code, _, stderr := command(t, nil, append([]string{"test"}, args...)...); code != call.ExitUsage {
			t.Errorf("%v: code %d, %s", args, code, stderr)
		}
	}
	if code, _, stderr := command(t, nil, "test", dir, "--junit", dir); code != call.ExitFailed ||
		!strings.Contains(stderr, "is a directory") {
		t.Errorf("code %d, %s", code, stderr)
	}
}
