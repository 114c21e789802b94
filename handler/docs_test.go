package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"cordon/handler/config"
)

var update = flag.Bool("update", false, "rewrite golden files and README's table of settings")

// TestReadmeHasTheSettingsTable holds README against the code.
func TestReadmeHasTheSettingsTable(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| name | default | meaning |\n| --- | --- | --- |\n")
	for _, s := range config.Settings() {
		value := ""
		switch {
		case s.Required:
			value = "required"
		case s.Default != "":
			value = "`" + s.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", s.Name, value, s.Meaning)
	}
	body, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(body), "| name | default | meaning |\n")
	if !found {
		t.Fatal("README has no table of settings")
	}
	end := strings.Index(rest, "\n\n") + 1
	if *update {
		if err := os.WriteFile("../README.md", []byte(before+table.String()+rest[end:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !strings.Contains(string(body), table.String()) {
		t.Error("README's table of settings differs from config.Settings(): go test ./handler -run Readme -update")
	}
}

// TestReadmeNamesEveryFunctionAndFolder keeps the map honest.
func TestReadmeNamesEveryFunctionAndFolder(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	functions, err := os.ReadDir("../functions")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		if !strings.Contains(string(body), "| "+f.Name()+" |") {
			t.Errorf("README's table of functions lacks %s", f.Name())
		}
	}
	for name := range allowed {
		if !strings.Contains(string(body), name+"/") {
			t.Errorf("README's map lacks the package %s", name)
		}
	}
}
