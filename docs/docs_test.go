// Package docs has no code: its tests hold the pages against the program and against each other.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// files are the paths below a folder whose names end in one of the suffixes, without what is made or fetched.
func files(t *testing.T, root string, suffixes ...string) []string {
	t.Helper()
	var found []string
	made := []string{"node_modules", ".git", "build", "dist"}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(made, entry.Name()):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(path, s) }):
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
