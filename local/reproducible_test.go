package main

import (
	"archive/zip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheSameFilesGiveTheSameZip(t *testing.T) {
	t.Parallel()
	var sums []string
	for i, mode := range []os.FileMode{0o600, 0o755} {
		folder := t.TempDir()
		for _, file := range []string{
			"cordon", "host.json", "playbook.yaml", "LICENSE", "sbom.cdx.json", "licenses.txt",
		} {
			path := filepath.Join(folder, file)
			if err := os.WriteFile(path, []byte(strings.Repeat(file, 1000)), mode); err != nil {
				t.Fatal(err)
			}
			if at := time.Date(2020+i, 1, 1, 0, 0, 0, 0, time.UTC); os.Chtimes(path, at, at) != nil {
				t.Fatal("the file's time cannot be set")
			}
		}
		target := filepath.Join(t.TempDir(), "x.zip")
		if err := pack(folder, target); err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum(t, target))
	}
	if sums[0] != sums[1] {
		t.Error("file modes or times found their way into the zip")
	}
}

// TestThePackageIsTheSameFromTwoClones makes the package of the last commit in two fresh clones, in folders of
// different depth, under different umasks, time zones and settings of the go command, that of the toolchain among them.
// With COLD=1, as `make reproducible` sets it, the second one shares no build cache with the first and compiles
// everything again, which takes minutes.
func TestThePackageIsTheSameFromTwoClones(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the package twice")
	}
	second := []string{"TZ=Asia/Tokyo", "GOFLAGS=-buildvcs=true -v", "GOTOOLCHAIN=local"}
	if os.Getenv("COLD") != "" {
		second = append(second, "GOCACHE="+t.TempDir())
	}
	for _, tool := range []string{"git", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing", tool)
		}
	}
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Skip("not in a repository: there is nothing to clone")
	}
	source := strings.TrimSpace(string(root))
	one := packageOf(t, source, filepath.Join(t.TempDir(), "a"), "022", "TZ=UTC", "GOFLAGS=", "GOTOOLCHAIN=auto")
	other := packageOf(t, source, filepath.Join(t.TempDir(), "another", "much", "deeper", "folder"), "077", second...)
	if sum(t, one) != sum(t, other) {
		t.Errorf("the packages differ:\n%s\n%s", contents(t, one), contents(t, other))
	}
	for _, file := range []string{"LICENSE", "sbom.cdx.json", "licenses.txt"} {
		if !strings.Contains(contents(t, one), " "+file) {
			t.Errorf("%s is not in the package", file)
		}
	}
}

// packageOf clones, runs make package and gives the zip.
func packageOf(t *testing.T, source, folder, umask string, environment ...string) string {
	t.Helper()
	if out, err := exec.Command("git", "clone", "--quiet", "--no-hardlinks", source,
		folder).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	command := exec.Command("sh", "-c", "umask "+umask+" && exec make package")
	command.Dir, command.Env = folder, append(os.Environ(), environment...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("make package: %v\n%s", err, out)
	}
	return filepath.Join(folder, "build", "cordon.zip")
}

func sum(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(body))
}

// contents lists a zip, with a checksum per file: what differs can be seen.
func contents(t *testing.T, path string) string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var list strings.Builder
	for _, file := range archive.File {
		body, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.New()
		_, err = io.Copy(digest, body)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%x %s %s\n", digest.Sum(nil), file.Mode(), file.Name)
	}
	return list.String()
}
