// Package node finds Node.js and the packages that tests run with it.
package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Find gives the path of node and of the folder under local/ whose package-lock.json the target of make of the same
// name installs. Without Node.js or the packages the test is skipped, or fails when the environment says CI=true.
func Find(t testing.TB, name string) (node, dir string) {
	t.Helper()
	root, err := root()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	node, err = exec.LookPath("node")
	if err != nil {
		unavailable(t, "%s: NOT RUN: node is not on the PATH: install Node.js 20 or later, then run `make %[1]s`", name)
	}
	dir = filepath.Join(root, "local", name)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		unavailable(t, "%s: NOT RUN: local/%[1]s/node_modules is not there: run `make %[1]s`", name)
	}
	return node, dir
}

func unavailable(t testing.TB, format, name string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, name)
	}
	t.Skipf(format, name)
}

// root finds the repository from the folder that the test runs in; a path compiled in would be wrong with -trimpath.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod in the working directory or above it")
		}
		dir = parent
	}
}
