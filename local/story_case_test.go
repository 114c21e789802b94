package main

import (
	"os"
	"path/filepath"
	"strings"
)

// becomesACase makes a case of a run, and one without names: both pass with the playbook that decided it.
func (s *story) becomesACase(at workstation, alertID, machine string) {
	s.t.Helper()
	folder := s.t.TempDir()
	book, file := filepath.Join(folder, "playbook.yaml"), filepath.Join(folder, "night.test.yaml")
	if err := os.WriteFile(book, []byte(nightRules), 0o600); err != nil {
		s.t.Fatal(err)
	}
	for _, flags := range [][]string{nil, {"--anonymous"}} {
		code, text, notes := at.runs(append([]string{"case", alertID, "--playbook", book}, flags...)...)
		if code != 0 || notes != "" || !strings.Contains(text, "- isolate Full: do\n") {
			s.t.Errorf("case %v: code %d, %s%s", flags, code, text, notes)
		}
		named := strings.Contains(text, machine) || strings.Contains(text, alertID)
		if named == (flags != nil) {
			s.t.Errorf("case %v names the machine or the alert: %t\n%s", flags, named, text)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
		if said := at.does("test", file); !strings.Contains(said, "every plan as wanted") {
			s.t.Errorf("test: %s", said)
		}
	}
}
