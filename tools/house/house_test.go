package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `// Package p is a sample.
package p

// A is documented; its comment is one line.
func A() int {
	return 1 // beside code
}

func B() {}

type t struct{}

func (t) Hidden() {}
`

func TestFileIsCountedAsAPersonWould(t *testing.T) {
	t.Parallel()
	f, generated, err := readFile("p.go", []byte(sample))
	if err != nil || generated {
		t.Fatal(generated, err)
	}
	// package p; func A() int {; return 1; }; func B() {}; type t struct{}; func (t) Hidden() {}
	if f.code != 7 || f.comments != 2 {
		t.Errorf("%d lines of code, %d of comments", f.code, f.comments)
	}
	if f.tokens != 2+6+2+1+6+5+9 {
		t.Errorf("%d tokens", f.tokens)
	}
	if f.exported != 2 || len(f.undoced) != 1 || f.undoced[0].place != "p.go: B" {
		t.Errorf("%d exported, without a comment %v", f.exported, f.undoced)
	}
	if len(f.funcs) != 3 || f.funcs[0].figure != 3 {
		t.Errorf("functions %v", f.funcs)
	}
}

func TestFolderThatHelpsTestsIsNoneOfTheProgram(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"a/a.go":     "package a\n",
		"world/w.go": "package world\n\nimport \"testing\"\n\nvar _ testing.T\n",
		"world/x.go": "package world\n",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700),
			os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := readFiles(root)
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if helps := strings.Contains(f.path, "world"); f.tests != helps {
			t.Errorf("%s is of tests: %v", f.path, f.tests)
		}
	}
}

func TestTextInBackQuotesIsAsWideAsItHasToBe(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("x", 200)
	f, _, err := readFile("p.go", []byte("package p\n\nconst a = `y\n"+wide+"`\n\nconst b = \""+wide+"\"\n"))
	if err != nil || len(f.long) != 1 || f.long[0].place != "p.go:6" {
		t.Errorf("too long are %v, %v", f.long, err)
	}
}

func TestTabTakesFourColumns(t *testing.T) {
	t.Parallel()
	if n := columns("\t\täb"); n != 10 {
		t.Errorf("%d columns", n)
	}
}

func TestCallThatGoesBackUpIsFound(t *testing.T) {
	t.Parallel()
	down := map[arrow]int{{"a", "b"}: 1, {"b", "c"}: 5, {"a", "c"}: 1}
	if up := upward(down); len(up) != 0 {
		t.Errorf("of a straight line go up: %v", up)
	}
	down[arrow{"c", "a"}] = 1
	if up := upward(down); len(up) != 1 {
		t.Errorf("of one circle go up: %v", up)
	}
}

func TestMethodThatIsOnlyDeclaredIsCalledNowhere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module m\n\ngo 1.26\n",
		"service.go":  "package m\n\ntype out interface{ Tell() }\n\nfunc Serve(o out) { step(o) }\n",
		"step.go":     "package m\n\nfunc step(o out) { o.Tell(); help() }\n",
		"help.go":     "package m\n\nfunc help() {}\n",
		"help_too.go": "package m\n\nfunc Too() { help() }\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folders, err := readArrows(root)
	if err != nil || len(folders) != 1 {
		t.Fatal(folders, err)
	}
	if f := folders[0]; f.arrows != 3 || len(f.upward) != 0 {
		t.Errorf("%d arrows, upward %v", f.arrows, f.upward)
	}
}

func TestLineThatIsTooLongFailsTheCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ width, others int }{
		"beyond what any line may have": {mostColumns + 1, 1000},
		"one too many of those beyond":  {wantedColumns + 1, 100},
	} {
		root := t.TempDir()
		text := "package p\n\n// " + strings.Repeat("x", c.width-3) + "\n" + strings.Repeat("var _ = 1\n", c.others)
		if err := os.WriteFile(filepath.Join(root, "p_test.go"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := checkLines(&out, root); err == nil || !strings.Contains(out.String(), "p_test.go:3") {
			t.Errorf("%s: %v, %q", name, err, out.String())
		}
	}
	root := t.TempDir()
	text := "package p\n\n// " + strings.Repeat("x", wantedColumns-2) + "\n" + strings.Repeat("var _ = 1\n", 1000)
	if err := os.WriteFile(filepath.Join(root, "p.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkLines(&strings.Builder{}, root); err != nil {
		t.Error(err)
	}
}

// TestTheHouseMeasuresItself runs the whole report over this module.
func TestTheHouseMeasuresItself(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := report(&out, ".", 3); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tokens a line", "calls between files of a folder"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
