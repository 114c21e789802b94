package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/handler/cli/call"
)

// TestTheRecordIsTakenOutAndPutInByCommand exports a ledger into a folder and a file, and imports it elsewhere.
func TestTheRecordIsTakenOutAndPutInByCommand(t *testing.T) {
	t.Parallel()
	from, to, folder := account(t), account(t), t.TempDir()
	if err := storeIn(t, from, ours).Switches.SetMark(t.Context(), "poll", noon, ""); err != nil {
		t.Fatal(err)
	}
	old := withAll(map[string]string{"AzureWebJobsStorage": from, "CORDON_TENANT_ID": ours})
	moved := withAll(map[string]string{"AzureWebJobsStorage": to, "CORDON_TENANT_ID": ours})
	file := filepath.Join(folder, "record.jsonl.gz")
	refused := func(env map[string]string, code int, want string, args ...string) {
		t.Helper()
		got, stdout, stderr := command(t, env, args...)
		if got != code || !strings.Contains(stdout+stderr, want) {
			t.Errorf("%s: code %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, want, stdout, stderr)
		}
	}
	refused(old, call.ExitUsage, "goes with --direct", "export", "--to", file)
	refused(old, call.ExitUsage, "wants --to", "export", "--direct")
	refused(old, call.ExitFailed, "no such file", "export", "--direct", "--to", filepath.Join(folder, "none", "file"))
	refused(moved, call.ExitUsage, "goes with --direct", "import", file, "--reason", "x", "--yes")
	refused(moved, call.ExitUsage, "wants --reason", "import", file, "--direct", "--yes")
	refused(moved, call.ExitUsage, "wants --yes", "import", file, "--direct", "--reason", "x")
	refused(moved, call.ExitUsage, "takes one file", "import", "--direct", "--reason", "x", "--yes")
	refused(moved, call.ExitFailed, "no such file", "import", file, "--direct", "--reason", "x", "--yes")
	refused(moved, call.ExitFailed, "no app has worked", "export", "--direct", "--to", file)

	for _, to := range []string{file, folder} {
		if code, stdout, stderr := command(t, old, "export", "--direct", "--to", to); code != call.ExitDone ||
			!strings.Contains(stdout, "1 rows are in "+folder) {
			t.Fatalf("export: code %d\n%s%s", code, stdout, stderr)
		}
	}
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("the folder has %q, %v", left, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the file: %v, %v", info.Mode(), err)
	}
	refused(old, call.ExitFailed, "never overwrites", "export", "--direct", "--to", file)

	other := withAll(map[string]string{
		"AzureWebJobsStorage": to, "CORDON_TENANT_ID": "11111111-2222-4333-8444-555555555555",
	})
	refused(other, call.ExitFailed, "nothing was written: the export is of tenant", "import", file, "--direct", "--reason",
		"x", "--yes")
	if names, err := tablesOf(t, to); err != nil || len(names) > 0 {
		t.Errorf("tables %q were made for a file that is refused, %v", names, err)
	}
	code, stdout, stderr := command(t, moved, "import", file, "--direct", "--reason", "the account was deleted", "--yes")
	if code != call.ExitDone || !strings.Contains(stdout, "1 rows were put in, 0 were there") ||
		!strings.Contains(stdout, "are held for a person") {
		t.Fatalf("import: code %d\n%s%s", code, stdout, stderr)
	}
	began, err := storeIn(t, to, ours).Switches.Beginning(t.Context())
	if err != nil || began.At.IsZero() || !strings.Contains(began.Why, "the account was deleted") {
		t.Errorf("the beginning is %+v, %v", began, err)
	}
	if code, stdout, _ := command(t, moved, "import", file, "--direct", "--reason", "again", "--yes", "--json"); code !=
		call.ExitDone || !strings.Contains(stdout, `"new": 0`) || !strings.Contains(stdout, `"there": 1`) {
		t.Errorf("a second time: code %d, %s", code, stdout)
	}
}
