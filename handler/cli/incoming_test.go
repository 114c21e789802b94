package cli

import (
	"os"
	"path/filepath"
	"testing"

	"cordon/handler/cli/call"
	"cordon/handler/cli/cases"
)

// byteOrderMark is what editors and shells of Windows put in front of a file.
const byteOrderMark = "\ufeff"

// TestAByteOrderMarkInFrontOfAFileIsNoPartOfIt hands every command that reads files such ones.
func TestAByteOrderMarkInFrontOfAFileIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, path := range []string{
		"../../playbooks/workstations.yaml", "../../playbooks/workstations" + cases.Suffix,
		"../../hunts/sensor-not-active.kql",
	} {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), append([]byte(byteOrderMark), body...),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	marked := func(name, text string) string { return write(t, name, byteOrderMark+text) }
	playbook := filepath.Join(folder, "workstations.yaml")
	const machine = `{"id":"1e5bc9d7e413ddd7902c2932e418702b84d0cc07"}`
	for name, args := range map[string][]string{
		"check": {"check", playbook},
		"explain": {
			"explain", "--alert", marked("a.json", aimedAlert), "--machine", marked("m.json", machine), "--actions",
			marked("l.json", `{"value":[]}`), playbook,
		},
		"test":  {"test", folder},
		"hunts": {"hunt", "check", folder},
	} {
		code, stdout, stderr := command(t, nil, args...)
		if code != call.ExitDone {
			t.Errorf("%s: code %d\n%s%s", name, code, stdout, stderr)
		}
	}
}
