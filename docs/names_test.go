package docs

import (
	"regexp"
	"strings"
	"testing"
)

// TestEveryCommandThatAPageNamesExists holds what pages tell people to type.
func TestEveryCommandThatAPageNamesExists(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"help": true, "completion": true} // the library's own
	for _, file := range files(t, "../handler/cli", ".go") {
		for _, m := range regexp.MustCompile(`Use:\s+"([a-z]+)`).FindAllStringSubmatch(read(t, file), -1) {
			known[m[1]] = true
		}
	}
	typed := regexp.MustCompile("(?m)(?:`|^    |dist/)cordon ([a-z]+)")
	named := 0
	for _, page := range files(t, "..", ".md") {
		for _, m := range typed.FindAllStringSubmatch(strings.ReplaceAll(read(t, page), "`cordon\n", "`cordon "), -1) {
			named++
			if !known[m[1]] {
				t.Errorf("%s names cordon %s, which does not exist", page, m[1])
			}
		}
	}
	if named < 40 {
		t.Errorf("only %d commands are named", named)
	}
}

// TestEveryFaultIsOnItsPage holds the lists of what can be broken on purpose.
func TestEveryFaultIsOnItsPage(t *testing.T) {
	t.Parallel()
	for source, page := range map[string]string{
		"../local/faults.go":         "getting-started.md",
		"../local/chaos/sabotage.go": "chaos.md",
	} {
		names := regexp.MustCompile(`(?m)^\t+\{"([a-z-]+)", "`).FindAllStringSubmatch(read(t, source), -1)
		if len(names) < 5 {
			t.Errorf("%s has only %d names", source, len(names))
		}
		for _, name := range names {
			if !strings.Contains(read(t, page), "`"+name[1]+"`") {
				t.Errorf("%s does not name %s of %s", page, name[1], source)
			}
		}
	}
}
