package main

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPackageHasTheBinaryExecutableAndEverythingAtTheRoot builds what `make package` builds and reads the zip back.
func TestPackageHasTheBinaryExecutableAndEverythingAtTheRoot(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "cordon.zip")
	staged := stage(t)
	for _, file := range []string{"LICENSE", "sbom.cdx.json", "licenses.txt"} {
		if err := os.WriteFile(filepath.Join(staged, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := pack(staged, target); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(target)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var names []string
	for _, file := range archive.File {
		names = append(names, file.Name)
		want := os.FileMode(0o644)
		if file.Name == "cordon" {
			want = 0o755
		}
		if file.Mode() != want {
			t.Errorf("%s has mode %o, want %o", file.Name, file.Mode(), want)
		}
		if strings.HasSuffix(file.Name, "local.settings.json") {
			t.Errorf("%s must not be deployed", file.Name)
		}
	}
	slices.Sort(names)
	functions := []string{
		"Console/function.json", "FollowActions/function.json", "Health/function.json",
		"HealthSummary/function.json", "Operate/function.json", "PollAlerts/function.json",
		"ReceiveAlert/function.json", "RespondToAlert/function.json",
		"RunHunts/function.json", "SendNotice/function.json", "SignIn/function.json",
	}
	want := slices.Concat(functions, []string{
		"LICENSE", "cordon", "host.json", "licenses.txt", "playbook.yaml", "sbom.cdx.json",
		"hunts/remote-access-tools.kql", "hunts/sensor-not-active.kql", "hunts/shadow-copies-deleted.kql",
	})
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the package holds %v, want %v", names, want)
	}
}

func TestFolderThatIsNotStagedIsNotPacked(t *testing.T) {
	t.Parallel()
	if err := pack(t.TempDir(), filepath.Join(t.TempDir(), "x.zip")); err == nil ||
		!strings.Contains(err.Error(), "not a staged folder") {
		t.Errorf("pack = %v", err)
	}
}

// stage builds the handler and lays the app root out as `make build` does.
func stage(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(root, "cordon"),
		"cordon/handler").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, file := range []string{"host.json", "playbook.yaml"} {
		copyFile(t, filepath.Join("..", file), filepath.Join(root, file))
	}
	functions, err := filepath.Glob("../functions/*/function.json")
	if err != nil || len(functions) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	for _, file := range functions {
		copyFile(t, file, filepath.Join(root, filepath.Base(filepath.Dir(file)), "function.json"))
	}
	hunts, err := filepath.Glob("../hunts/*.kql")
	if err != nil || len(hunts) == 0 {
		t.Fatalf("no hunts: %v", err)
	}
	for _, file := range hunts {
		copyFile(t, file, filepath.Join(root, "hunts", filepath.Base(file)))
	}
	return root
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, body, 0o644); err != nil {
		t.Fatal(err)
	}
}
