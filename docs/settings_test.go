package docs

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"cordon/handler/config"
)

var update = flag.Bool("update", false, "rewrite the tables that are made from the code")

// TestSettingsHaveTheirTable holds settings.md against the code.
func TestSettingsHaveTheirTable(t *testing.T) {
	t.Parallel()
	const page, head = "settings.md", "| name | type | default | unit, bounds | if empty | meaning |\n"
	table := head + "| --- | --- | --- | --- | --- | --- |\n"
	for _, s := range config.Settings() {
		table += settingRow(s)
	}
	text := read(t, page)
	before, rest, found := strings.Cut(text, head)
	if !found {
		t.Fatalf("%s has no table %q", page, head)
	}
	if strings.Contains(text, table) {
		return
	}
	if !*update {
		t.Fatalf("the table in %s differs from config.Settings(): go test ./docs -run Settings -update", page)
	}
	end := strings.Index(rest, "\n\n") + 1
	if err := os.WriteFile(page, []byte(before+table+rest[end:]), 0o644); err != nil {
		t.Fatal(err)
	}
}

func settingRow(s config.Setting) string {
	value := ""
	switch {
	case s.Required:
		value = "required"
	case s.Default != "":
		value = "`" + s.Default + "`"
	}
	empty := s.Empty
	if slices.ContainsFunc(config.Settings(), func(other config.Setting) bool { return other.Name == empty }) {
		empty = "`" + empty + "`"
	}
	if s.Required && s.Empty == "" {
		empty = "refused"
	} else if s.Default != "" {
		empty = "the default"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |\n", s.Name, s.Type, value, s.Unit, empty, s.Meaning)
}

// TestEverySettingSaysItsTypeAndWhatEmptyMeans keeps the table's columns filled.
func TestEverySettingSaysItsTypeAndWhatEmptyMeans(t *testing.T) {
	t.Parallel()
	for _, s := range config.Settings() {
		if s.Type == "" || s.Default == "" && s.Empty == "" && !s.Required {
			t.Errorf("%s: type %q, default %q, empty means %q", s.Name, s.Type, s.Default, s.Empty)
		}
		if s.Type == "duration" && s.Unit == "" {
			t.Errorf("%s has no bounds", s.Name)
		}
	}
}
