package playbook

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// page is the language's page, whose tables are made from the code.
const page = "../../docs/playbook.md"

func TestEveryFactHasAMeaning(t *testing.T) {
	t.Parallel()
	known := meanings()
	names := map[string]bool{}
	for _, f := range Environment() {
		names[f.Name] = true
		if _, ok := known[f.Name]; !ok {
			t.Errorf("%s has no entry in meanings", f.Name)
		}
	}
	for name := range known {
		if !names[name] {
			t.Errorf("%s is explained and does not exist", name)
		}
	}
}

func TestEveryFactCanBeReadByItsName(t *testing.T) {
	t.Parallel()
	for _, f := range Environment() {
		value := map[string]string{"text": `len(%s) == 1`, "number": "%s == 1", "true/false": "%s", "time": "%s.IsZero()", "duration": `%s < duration("1h")`,
			"list of texts": `"x" in %s`, "list": "len(%s) == 1"}[f.Type]
		list, entry, inList := strings.Cut(f.Name, "[]")
		switch {
		case inList:
			value = fmt.Sprintf("any(%s, %s)", list, fmt.Sprintf(value, entry))
		case value == "":
			continue // a fact with fields of its own
		default:
			value = fmt.Sprintf(value, f.Name)
		}
		if _, problems := newCompiler().compile(value); len(problems) > 0 {
			t.Errorf("%s: %+v", value, problems)
		}
	}
}

func TestTheExamplesOfHelpersWork(t *testing.T) {
	t.Parallel()
	for _, h := range Helpers() {
		if _, problems := newCompiler().compile(h.Example); len(problems) > 0 {
			t.Errorf("%s: %+v", h.Example, problems)
		}
		if !strings.HasPrefix(h.Signature, h.Name+"(") {
			t.Errorf("%s is written %s", h.Name, h.Signature)
		}
	}
}

func TestThePageAboutThePlaybookHasTheTables(t *testing.T) {
	t.Parallel()
	var steps, facts, helpers strings.Builder
	facts.WriteString("| name | type | meaning |\n| --- | --- | --- |\n")
	for _, f := range Environment() {
		fmt.Fprintf(&facts, "| `%s` | %s | %s |\n", f.Name, f.Type, f.Meaning)
	}
	helpers.WriteString("| function | meaning | example |\n| --- | --- | --- |\n")
	for _, h := range Helpers() {
		fmt.Fprintf(&helpers, "| `%s` | %s | `%s` |\n", h.Signature, h.Meaning, h.Example)
	}
	steps.WriteString("| step | what it does | permission | machines at most, if limits says nothing |\n| --- | --- | --- | --- |\n")
	for _, h := range Steps() {
		fmt.Fprintf(&steps, "| `%s` | %s | %s | %s |\n", h.Example, h.Meaning, h.Permission, h.Rate)
	}
	body, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	for _, table := range []string{steps.String(), facts.String(), helpers.String()} {
		head, _, _ := strings.Cut(table, "\n")
		before, rest, found := strings.Cut(text, head+"\n")
		if !found {
			t.Fatalf("the page has no table %q", head)
		}
		end := strings.Index(rest, "\n\n") + 1
		if *update {
			text = before + table + rest[end:]
		} else if !strings.Contains(text, table) {
			t.Errorf("the table %q differs from the code: go test ./handler/playbook -run Page -update", head)
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
		if _, err := Load("page.yaml", []byte(source)); err != nil {
			t.Error(err)
		}
		loaded++
	}
	if loaded == 0 {
		t.Error("the page has no playbook")
	}
}
