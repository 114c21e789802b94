// Package cases holds playbooks against cases: an alert and a machine, and the plan that is wanted.
package cases

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"cordon/handler/app/setup"
	"cordon/handler/incoming"
	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/read/source"
)

// Suffix ends the names of files with cases.
const Suffix = ".test.yaml"

// maxCaseFile bounds a file of cases, in bytes.
const maxCaseFile = 1 << 20

// caseFile is a file of cases.
type caseFile struct {
	Playbook string     `yaml:"playbook"` // path from the folder of the file
	Cases    []testCase `yaml:"cases"`
}

// testCase is an alert with its machine, and the plan that is expected. What it leaves out is filled in so that nothing
// stands in the way of acting: the ceiling is enforce, the alert a minute old.
type testCase struct {
	Name       string           `yaml:"name"`
	Now        string           `yaml:"now"`              // RFC 3339; default: 2026-01-05T12:00:00Z, a Monday
	Mode       string           `yaml:"mode"`             // the ceiling; default: enforce
	StaleAfter string           `yaml:"staleAfter"`       // default: 24h
	Paused     string           `yaml:"paused"`           // who and why; default: not paused
	Alert      map[string]any   `yaml:"alert"`            // as the API answers it
	Machine    map[string]any   `yaml:"machine"`          // as the API answers it; left out: it could not be read
	Actions    []map[string]any `yaml:"actions"`          // the machine's actions as the API lists them; left out: none
	OnMachine  *int             `yaml:"alertsOnMachine"`  // default: 0
	InIncident *int             `yaml:"alertsInIncident"` // default: 0
	Want       wanted           `yaml:"want"`
}

// wanted is a plan as people write it down.
type wanted struct {
	Rule  string              `yaml:"rule"`  // several are joined by a comma; empty: no rule decides
	Steps []map[string]string `yaml:"steps"` // one key each: isolate Full: do, mail: would do
	Why   string              `yaml:"why"`   // a part of what is said about a step or a rail
}

// Result is what became of one case.
type Result struct {
	File string `json:"file"`
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Diff string `json:"diff,omitempty"` // lines with - for what was wanted, + for what was decided
	plan playbook.Plan
}

// Explain says why the plan is what it is.
func (r Result) Explain() string { return explain.Plan(r.plan) }

// Find lists the files of cases in a folder and the folders in it, in the order of their names.
func Find(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, Suffix) {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no file in %s ends in %s, so nothing is tested", dir, Suffix)
	}
	return files, err
}

// Run decides every case of a file.
func Run(path string) ([]Result, error) {
	file, err := readCases(path)
	if err != nil {
		return nil, err
	}
	book, err := setup.Book(filepath.Join(filepath.Dir(path), file.Playbook))
	if err != nil {
		return nil, err
	}
	var results []Result
	names := map[string]bool{}
	for i, c := range file.Cases {
		in, err := c.input()
		if wrong := c.checkFields(); wrong != nil {
			err = wrong
		}
		switch {
		case c.Name == "":
			err = errors.New("it has no name")
		case names[c.Name]:
			err = errors.New("its name is taken by a case above it")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: case %d (%s): %w", path, i+1, c.Name, err)
		}
		names[c.Name] = true
		results = append(results, c.hold(path, book.Decide(in)))
	}
	return results, nil
}

func readCases(path string) (caseFile, error) {
	var file caseFile
	body, err := incoming.File(path)
	switch {
	case err != nil:
		return file, err
	case len(body) > maxCaseFile:
		return file, fmt.Errorf("%s is %d bytes long, the limit is %d", path, len(body), maxCaseFile)
	}
	if err := source.CheckYAML(path, body); err != nil {
		return file, err
	}
	err = yaml.NewDecoder(bytes.NewReader(body), yaml.Strict()).Decode(&file)
	switch {
	case errors.Is(err, io.EOF):
		return file, fmt.Errorf("%s is empty", path)
	case err != nil:
		said := strings.TrimSpace(yaml.FormatError(err, false, true))
		return file, fmt.Errorf("%s: %s%s", path, said, keyHint(err.Error()))
	case file.Playbook == "":
		return file, fmt.Errorf("%s: playbook is missing; "+
			"write the path of the playbook, from the folder of this file", path)
	case len(file.Cases) == 0:
		return file, fmt.Errorf("%s has no cases, so nothing is tested", path)
	}
	return file, nil
}
