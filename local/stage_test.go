package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// lay writes files into a folder.
func lay(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := fs.FileMode(0o644)
		if name == "cordon" {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// laid are the files of a folder, with their texts.
func laid(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := os.ReadFile(filepath.Join(folder, path))
		files[path] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestStagingLeavesWhatRunsThereWhole(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	lay(t, to, map[string]string{
		"cordon":                 "old",
		"host.json":              "{}",
		"Gone/function.json":     "{}",
		"hunts/gone.kql":         "x",
		"local.settings.json":    "mine",
		"Kept/function.json":     "{}",
		"Changed/function.json":  "{}",
		"Changed/beside-it.json": "{}",
	})
	want := map[string]string{
		"cordon":                "the new one",
		"host.json":             "{}",
		"Kept/function.json":    "{}",
		"Changed/function.json": `{"new":1}`,
		"New/function.json":     "{}",
	}
	lay(t, from, want)
	running, err := os.Open(filepath.Join(to, "cordon"))
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	kept, err := os.Stat(filepath.Join(to, "host.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := restage(from, to); err != nil {
		t.Fatal(err)
	}
	want["local.settings.json"] = "mine"
	if diff := cmp.Diff(want, laid(t, to)); diff != "" {
		t.Errorf("staged (-want +got):\n%s", diff)
	}
	if old, err := io.ReadAll(running); err != nil || string(old) != "old" {
		t.Errorf("who runs the old one reads %q, %v", old, err)
	}
	if now, err := os.Stat(filepath.Join(to, "host.json")); err != nil || !os.SameFile(kept, now) {
		t.Errorf("a file that is the same was written again: %v", err)
	}
	info, err := os.Stat(filepath.Join(to, "cordon"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the binary has mode %v, %v", info.Mode(), err)
	}
}

func TestStagingIntoNothingAndFromNothing(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "dist")
	lay(t, from, map[string]string{"cordon": "x", "A/function.json": "{}"})
	if err := restage(from, to); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(os.DirFS(to), "cordon", "A/function.json"); err != nil {
		t.Error(err)
	}
	if err := restage(filepath.Join(from, "gone"), to); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("from a folder that is not there: %v", err)
	}
	if len(laid(t, to)) != 2 {
		t.Errorf("left are %v", laid(t, to))
	}
}
