package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/vuln/scan"
)

const known = `{"schema_version": "1.3.1", "id": "GO-2026-0001", "modified": "0001-01-01T00:00:00Z", "aliases": ["CVE-2026-1"],
  "affected": [{"package": {"name": "example.com/torn", "ecosystem": "Go"},
    "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}], "ecosystem_specific": {}}]}`

// put writes a file for a test and gives its folder.
func put(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestGovulncheckReadsTheDatabase asks govulncheck itself about modules.
func TestGovulncheckReadsTheDatabase(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "with a blank")
	for range 2 { // the second one takes the place of the first
		if n, err := database(put(t, "GO-2026-0001.json", known, 0o600), folder,
			time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)); err != nil || n != 1 {
			t.Fatal(n, err)
		}
	}
	for module, want := range map[string]bool{"example.com/torn@v1.1.0": true, "example.com/whole@v1.1.0": false} {
		var out bytes.Buffer
		query := scan.Command(t.Context(), "-mode", "query", "-format", "json", "-db",
			"file://"+strings.ReplaceAll(folder, " ", "%20"), module)
		query.Stdout, query.Stderr = &out, &out
		if err := query.Start(); err != nil {
			t.Fatal(err)
		}
		if err := query.Wait(); err != nil {
			t.Fatalf("%s: %v\n%s", module, err, out.String())
		}
		if found := strings.Contains(out.String(), "CVE-2026-1"); found != want ||
			!strings.Contains(out.String(), "2026-11-05T00:00:00Z") {
			t.Errorf("%s: found %t\n%s", module, found, out.String())
		}
	}
}

func TestWhatIsNoDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"nothing":       t.TempDir(),
		"another name":  put(t, "GO-2026-0002.json", known, 0o600),
		"no modules":    put(t, "GO-2026-0001.json", `{"id": "GO-2026-0001"}`, 0o600),
		"no JSON":       put(t, "GO-2026-0001.json", `<html>`, 0o600),
		"another thing": put(t, "README.md", known, 0o600),
	} {
		if n, err := database(source, filepath.Join(t.TempDir(), "db"), time.Time{}); err == nil {
			t.Errorf("%s: %d entries", name, n)
		}
	}
}

func TestACheckThatWasNotMadeFailsInCI(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOTOOLCHAIN", "local")
	t.Setenv("GO", "")
	t.Setenv("CI", "true")
	var out bytes.Buffer
	if err := run(&out, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "nothing was checked") ||
		!strings.Contains(err.Error(), pinned) {
		t.Errorf("in CI: %v\n%s", err, out.String())
	}
	t.Setenv("CI", "")
	if err := run(&out, t.TempDir(), nil); err != nil || !strings.Contains(out.String(), "NOT RUN") {
		t.Errorf("elsewhere: %v\n%s", err, out.String())
	}
}

func TestAFindingFails(t *testing.T) {
	for code, fails := range map[string]bool{"0": false, "1": true, "3": true} {
		t.Setenv("GO", filepath.Join(put(t, "go", "#!/bin/sh\necho \"$@\"\nexit "+code+"\n", 0o700), "go"))
		var out bytes.Buffer
		if err := run(&out, t.TempDir(), []string{"-db", "https://vuln.go.dev"}); (err != nil) != fails {
			t.Errorf("exit code %s: %v", code, err)
		}
		if want := "tool -modfile=tools/go.mod govulncheck -db https://vuln.go.dev ./...\n"; out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}

// TestToolsAreBuiltWithTheGoOfTheProgram compares the versions that the two go.mod files name.
func TestToolsAreBuiltWithTheGoOfTheProgram(t *testing.T) {
	t.Parallel()
	var versions []string
	for _, file := range []string{"../../go.mod", "../go.mod"} {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions,
			strings.Join(regexp.MustCompile(`(?m)^(go|toolchain) .*$`).FindAllString(string(body), -1), ", "))
	}
	if !strings.Contains(versions[0], "toolchain go") || versions[0] != versions[1] {
		t.Errorf("go.mod has %q, tools/go.mod %q", versions[0], versions[1])
	}
}
