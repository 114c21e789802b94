package read_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"cordon/handler/playbook/condition/functions"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read"
	"cordon/handler/playbook/read/language"
)

// page is the language's page, whose tables are made from the code.
const page = "../../../docs/playbook.md"

func TestThePageAboutThePlaybookHasTheTables(t *testing.T) {
	t.Parallel()
	var steps, names, calls strings.Builder
	names.WriteString("| name | type | meaning |\n| --- | --- | --- |\n")
	for _, f := range facts.Environment() {
		fmt.Fprintf(&names, "| `%s` | %s | %s |\n", f.Name, f.Type, f.Meaning)
	}
	calls.WriteString("| function | meaning | example |\n| --- | --- | --- |\n")
	for _, h := range functions.All() {
		fmt.Fprintf(&calls, "| `%s` | %s | `%s` |\n", h.Signature(), h.Meaning, h.Example)
	}
	steps.WriteString("| step | what it does | permission | machines at most, if limits says nothing |\n| --- | " +
		"--- | --- | --- |\n")
	for _, h := range language.Steps() {
		fmt.Fprintf(&steps, "| `%s` | %s | %s | %s |\n", h.Example, h.Meaning, h.Permission, h.Rate)
	}
	body, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	for _, table := range []string{steps.String(), names.String(), calls.String()} {
		head, _, _ := strings.Cut(table, "\n")
		before, rest, found := strings.Cut(text, head+"\n")
		if !found {
			t.Fatalf("the page has no table %q", head)
		}
		end := strings.Index(rest, "\n\n") + 1
		if *update {
			text = before + table + rest[end:]
		} else if !strings.Contains(text, table) {
			t.Errorf("the table %q differs from the code: go test ./handler/playbook/read -run Page -update", head)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheExamplesOfThePageLoad holds the page's rules against the loader: every block that begins with version is a
// whole playbook.
func TestTheExamplesOfThePageLoad(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(body), "```yaml\n")
	loaded := 0
	for _, block := range blocks[1:] {
		source, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(source, "version:") {
			continue
		}
		if _, err := read.Load("page.yaml", []byte(source)); err != nil {
			t.Error(err)
		}
		loaded++
	}
	if loaded == 0 {
		t.Error("the page has no playbook")
	}
}
