// Package cases holds playbooks against cases: an alert and a machine, and the plan that is wanted.
package cases

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"cordon/handler/app/setup"
	"cordon/handler/cli/facts"
	"cordon/handler/defender"
	"cordon/handler/incoming"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
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
func (r Result) Explain() string { return r.plan.Explain() }

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
		return file, fmt.Errorf("%s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true))+keyHint(err.Error()))
	case file.Playbook == "":
		return file, fmt.Errorf("%s: playbook is missing; write the path of the playbook, from the folder of this file", path)
	case len(file.Cases) == 0:
		return file, fmt.Errorf("%s has no cases, so nothing is tested", path)
	}
	return file, nil
}

// usualLift is how long an isolation stands in a case: the default of CORDON_ISOLATION_LIFT.
const usualLift = 7 * 24 * time.Hour

// usualID is the machine's id in a case that names none.
const usualID = "1111111111111111111111111111111111111111"

// input is the case as a decision sees it.
func (c testCase) input() (playbook.Input, error) {
	in := playbook.Input{Now: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC), Ceiling: playbook.Enforce, StaleAfter: 24 * time.Hour, Paused: c.Paused != "", PauseReason: c.Paused}
	var err error
	if c.Now != "" {
		if in.Now, err = time.Parse(time.RFC3339, c.Now); err != nil {
			return in, fmt.Errorf("now: %q is no time; such as 2026-03-02T12:00:00Z", c.Now)
		}
	}
	if c.Mode != "" {
		if in.Ceiling, err = playbook.ParseMode(c.Mode); err != nil {
			return in, fmt.Errorf("mode: %w", err)
		}
	}
	if c.StaleAfter != "" {
		if in.StaleAfter, err = time.ParseDuration(c.StaleAfter); err != nil {
			return in, fmt.Errorf("staleAfter: %q is no duration; such as 24h", c.StaleAfter)
		}
	}
	if in.Alert, err = entity(defender.DecodeAlert, c.Alert, map[string]any{"id": "da1_1", "machineId": usualID, "status": "New", "alertCreationTime": in.Now.Add(-time.Minute).Format(time.RFC3339)}); err != nil {
		return in, fmt.Errorf("alert: %w", err)
	}
	in.AlertsOnMachine, in.AlertsInIncident = cmp.Or(c.OnMachine, new(int)), cmp.Or(c.InIncident, new(int))
	if c.Machine == nil {
		return in, nil
	}
	m, err := entity(defender.DecodeMachine, c.Machine, map[string]any{"id": in.Alert.MachineID, "lastSeen": in.Now.Add(-time.Hour).Format(time.RFC3339),
		"healthStatus": "Active", "onboardingStatus": "Onboarded", "machineTags": []string{}})
	if err != nil {
		return in, fmt.Errorf("machine: %w", err)
	}
	in.Machine = &m
	actions, err := c.actions(in.Alert.MachineID)
	if err == nil {
		facts.FromActions(&in, actions, usualLift)
	}
	return in, err
}

func (c testCase) actions(machineID string) ([]machine.Action, error) {
	for _, a := range c.Actions {
		if _, named := a["machineId"]; !named {
			a["machineId"] = machineID
		}
	}
	body, err := outgoing.Encode(map[string]any{"value": c.Actions})
	if c.Actions == nil {
		body = []byte(`{"value":[]}`)
	}
	if err != nil {
		return nil, fmt.Errorf("actions: %w", err)
	}
	return defender.DecodeActions(body)
}

// entity reads an entity of a case with the API's decoder; what the case leaves out is usual.
func entity[T any](decode func([]byte) (T, error), given, usual map[string]any) (T, error) {
	whole := map[string]any{}
	for name, value := range usual {
		whole[name] = value
	}
	for name, value := range given {
		whole[name] = value
	}
	body, err := outgoing.Encode(whole)
	if err != nil {
		return *new(T), err
	}
	return decode(body)
}

// hold compares a plan with what is wanted.
func (c testCase) hold(path string, plan playbook.Plan) Result {
	want := []string{"rule: " + c.Want.Rule}
	for _, step := range c.Want.Steps {
		for name, verdict := range step {
			want = append(want, name+": "+verdict)
		}
	}
	got := []string{"rule: " + plan.Rule}
	for _, s := range plan.Steps {
		got = append(got, fmt.Sprintf("%s: %s", s, s.Verdict))
	}
	lines := difference(want, got)
	if c.Want.Why != "" && !strings.Contains(plan.Explain(), c.Want.Why) {
		lines = append(lines, "- why: "+c.Want.Why)
		for _, s := range plan.Steps {
			if s.Why != "" {
				lines = append(lines, "+ why: "+s.Why)
			}
		}
	}
	return Result{File: path, Name: c.Name, OK: len(lines) == 0, Diff: strings.Join(lines, "\n"), plan: plan}
}

// difference shows two short lists one above the other, nil if they are the same.
func difference(want, got []string) []string {
	var lines []string
	same := len(want) == len(got)
	for i := range max(len(want), len(got)) {
		switch {
		case i < len(want) && i < len(got) && want[i] == got[i]:
			lines = append(lines, "  "+want[i])
			continue
		case i < len(want):
			lines = append(lines, "- "+want[i])
		}
		if i < len(got) {
			lines = append(lines, "+ "+got[i])
		}
		same = false
	}
	if same {
		return nil
	}
	return lines
}
