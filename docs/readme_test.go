package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plan is the page with the tables of functions and of folders.
const plan = "architecture.md"

// TestTheMapNamesEveryFunctionAndPackage keeps the map honest.
func TestTheMapNamesEveryFunctionAndPackage(t *testing.T) {
	t.Parallel()
	text := read(t, plan)
	functions, err := os.ReadDir("../functions")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		if !strings.Contains(text, "| "+f.Name()+" |") {
			t.Errorf("the table of functions in %s lacks %s", plan, f.Name())
		}
	}
	packages := map[string]bool{}
	for _, file := range files(t, "../handler", ".go") {
		packages[strings.TrimPrefix(filepath.Dir(file), "../handler")] = true
	}
	for name := range packages {
		if !strings.Contains(text, strings.TrimPrefix(name+"/", "/")) {
			t.Errorf("the map in %s lacks the package %s", plan, name)
		}
	}
}

// TestReadmePromisesTwoCommands holds what a newcomer does first.
func TestReadmePromisesTwoCommands(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"make run", "make test"} {
		if !strings.Contains(read(t, "../README.md"), "\n    "+command+" ") {
			t.Errorf("README does not show %s", command)
		}
	}
}

// TestReadmeStaysShort keeps detail on the pages that it links to.
func TestReadmeStaysShort(t *testing.T) {
	t.Parallel()
	if n := strings.Count(read(t, "../README.md"), "\n"); n >= 150 {
		t.Errorf("README has %d lines", n)
	}
}
