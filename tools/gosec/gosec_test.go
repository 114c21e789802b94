package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module makes a module with one file in the folder app.
func module(t *testing.T, code string) (root, folder string) {
	t.Helper()
	root = t.TempDir()
	folder = filepath.Join(root, "app")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(root, "go.mod"):   "module example\n\ngo 1.26\n",
		filepath.Join(folder, "app.go"): code,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root, folder
}

const weak = "package app\n\nimport \"crypto/md5\"\n\n// Sum is weak.\nfunc Sum(b []byte) [16]byte { return " +
	"md5.Sum(b) }\n"

func TestFindingsFailUnlessTheyAreAnsweredFor(t *testing.T) {
	both := []exception{{"app/", "G401", "", "x"}, {"app/app.go", "G501", "crypto/md5", "x"}}
	for name, c := range map[string]struct {
		code     string
		answered []exception
		wrong    string // in the error or in what is written; empty: none
		passes   bool
	}{
		"sound":                    {"package app\n", nil, "", true},
		"weak":                     {weak, nil, "app/app.go:6: G401", false},
		"weak and answered for":    {weak, both, "", true},
		"half of it":               {weak, both[:1], "app/app.go:3: G501", false},
		"another file":             {weak, []exception{both[0], {"app/other.go", "G501", "", "x"}}, "G501", false},
		"another line":             {weak, []exception{both[0], {"app/app.go", "G501", "sha1", "x"}}, "G501", false},
		"answered, but mended":     {"package app\n", both[:1], "take it out", true},
		"a file that is not Go":    {"package app\n\nfunc {", nil, "cannot be checked", false},
		"a package without a file": {"//go:build never\n\npackage app\n", nil, "no Go file", false},
	} {
		t.Run(name, func(t *testing.T) {
			root, folder := module(t, c.code)
			t.Chdir(root)
			var out strings.Builder
			err := run(&out, root, []string{folder}, c.answered)
			text := out.String()
			if err != nil {
				text += err.Error()
			}
			if (err == nil) != c.passes || !strings.Contains(text, c.wrong) {
				t.Errorf("%q, want %q", text, c.wrong)
			}
		})
	}
}

func TestEveryExceptionSaysWhy(t *testing.T) {
	for _, e := range exceptions() {
		if len(e.why) < 5 || e.path == "" || e.rule == "" {
			t.Errorf("%+v", e)
		}
		if strings.HasPrefix(e.path, "handler/") && strings.HasSuffix(e.path, "/") && e.code == "" {
			t.Errorf("%s in %s is excepted for whole folders of what is deployed", e.rule, e.path)
		}
	}
}
