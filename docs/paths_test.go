package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEveryPathThatAPageNamesExists holds what pages say about where things are.
func TestEveryPathThatAPageNamesExists(t *testing.T) {
	t.Parallel()
	path := regexp.MustCompile("`((?:handler|functions|hunts|playbooks|infra|local|tools|docs)/[\\w./-]*)`")
	named := 0
	for _, page := range files(t, "..", ".md") {
		for _, m := range path.FindAllStringSubmatch(read(t, page), -1) {
			named++
			if _, err := os.Stat("../" + m[1]); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d paths are named", named)
	}
}

// TestEveryNameIsInTheFileThatAPageNames holds what pages say as `Name` in `file.go`.
func TestEveryNameIsInTheFileThatAPageNames(t *testing.T) {
	t.Parallel()
	said := regexp.MustCompile("`(\\w+)` (?:in|of|\\() ?`([a-z]+/[\\w/]+\\.go)`")
	named := 0
	for _, page := range files(t, "..", ".md") {
		text := strings.Join(strings.Fields(read(t, page)), " ")
		for _, m := range said.FindAllStringSubmatch(text, -1) {
			named++
			declared := regexp.MustCompile(`(?m)^(func (\([^)]*\) )?|type |const |var |\t)` + m[1] + `\b`)
			if body, err := os.ReadFile("../" + m[2]); err != nil || !declared.Match(body) {
				t.Errorf("%s names %s in %s, which does not declare it", page, m[1], m[2])
			}
		}
	}
	if named < 5 {
		t.Errorf("only %d names are said to be in a file", named)
	}
}

// TestEveryTargetThatAPageNamesExists holds what pages say that make does.
func TestEveryTargetThatAPageNamesExists(t *testing.T) {
	t.Parallel()
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z -]*):`).FindAllStringSubmatch(read(t, "../Makefile"), -1) {
		for target := range strings.FieldsSeq(m[1]) {
			targets[target] = true
		}
	}
	named := 0
	for _, page := range files(t, "..", ".md") {
		for _, m := range regexp.MustCompile("(?m)(?:`|^    )make ([a-z-]+)").FindAllStringSubmatch(read(t, page), -1) {
			named++
			if !targets[m[1]] {
				t.Errorf("%s names make %s, which does not exist", page, m[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d targets are named", named)
	}
}
