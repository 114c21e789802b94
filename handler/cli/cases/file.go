package cases

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"cordon/handler/incoming"
	"cordon/handler/playbook/read/source"
)

// maxCaseFile bounds a file of cases, in bytes.
const maxCaseFile = 4 << 20

// caseFile is a file of cases.
type caseFile struct {
	Playbook string     `yaml:"playbook" help:"path of the playbook, from the folder of this file"`
	Cases    []testCase `yaml:"cases" help:"the cases, each with a name of its own"`

	folder string // that the path of the playbook begins at
	lines  []int  // on which the cases begin
}

// testCase is an alert with its machine, and the plan that is expected: once, or at several moments.
type testCase struct {
	Name    string   `yaml:"name" help:"what the case holds, in a few words"`
	Run     string   `yaml:"run" help:"the run that the case was made of: its words stay, however they are spelled"`
	Given   given    `yaml:",inline"`
	Moments []moment `yaml:"moments" help:"what follows upon each other; the case itself then has no want"`
}

// moment is one of several decisions about one alert. What it leaves out is as it was at the moment before.
type moment struct {
	Name  string `yaml:"name" help:"what happens at this moment, in a few words"`
	After string `yaml:"after" help:"how long after the moment before, such as 1h; 10m if neither it nor now is said"`
	Given given  `yaml:",inline"`
}

// wanted is a plan as people write it down.
type wanted struct {
	Rule  string              `yaml:"rule" help:"which rules decide, joined by a comma; empty: none does"`
	Steps []map[string]string `yaml:"steps" help:"one step each, such as isolate Full: do"`
	Why   string              `yaml:"why" help:"a part of what is said about a step or a rail"`

	ComesTo []map[string]string `yaml:"comesTo" help:"what each machine action that is to be done comes to, in order"`
}

// read reads a file of cases, or standard input.
func (t *tester) read(path string) (caseFile, error) {
	if path == Stdin {
		body, err := io.ReadAll(io.LimitReader(t.Stdin, maxCaseFile+1))
		if err != nil {
			return caseFile{}, fmt.Errorf("read standard input: %w", err)
		}
		return parse("standard input", ".", incoming.Document(body))
	}
	body, err := incoming.File(path)
	if err != nil {
		return caseFile{}, err
	}
	return parse(path, filepath.Dir(path), body)
}

// parse makes cases of a text. name is the file's for the messages.
func parse(name, folder string, body []byte) (caseFile, error) {
	file := caseFile{folder: folder}
	if len(body) > maxCaseFile {
		return file, fmt.Errorf("%s is longer than the limit of %d bytes; make two files of it", name, maxCaseFile)
	}
	if err := source.CheckYAML(name, body); err != nil {
		return file, err
	}
	err := yaml.NewDecoder(bytes.NewReader(body), yaml.Strict()).Decode(&file)
	switch {
	case errors.Is(err, io.EOF):
		return file, fmt.Errorf("%s is empty", name)
	case err != nil:
		said := strings.TrimSpace(yaml.FormatError(err, false, true))
		return file, fmt.Errorf("%s: %s%s", name, said, keyHint(err.Error()))
	case file.Playbook == "":
		return file, fmt.Errorf("%s: playbook is missing; "+
			"write the path of the playbook, from the folder of this file", name)
	case len(file.Cases) == 0:
		return file, fmt.Errorf("%s has no cases, so nothing is tested", name)
	}
	file.lines = caseLines(source.New(string(body)).Parse())
	return file, nil
}

// book is the path of the file's playbook.
func (f caseFile) book() string {
	if filepath.IsAbs(f.Playbook) {
		return f.Playbook
	}
	return filepath.Join(f.folder, f.Playbook)
}

// line is where a case begins.
func (f caseFile) line(i int) int {
	if i < len(f.lines) {
		return f.lines[i]
	}
	return 1
}

// caseLines are the lines on which the cases of a file begin.
func caseLines(root ast.Node) []int {
	var lines []int
	for _, one := range entriesOf(root, "cases") {
		line, _ := source.Place(one)
		lines = append(lines, line)
	}
	return lines
}

// entriesOf are the entries of a list of a mapping; nil if it has no such list.
func entriesOf(of ast.Node, key string) []ast.Node {
	list, isList := member(of, key).(*ast.SequenceNode)
	if !isList {
		return nil
	}
	return list.Values
}

// member is the value of a key of a mapping; nil if there is none.
func member(of ast.Node, key string) ast.Node {
	var values []*ast.MappingValueNode
	switch m := of.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	}
	for _, v := range values {
		if v.Key.String() == key {
			return v.Value
		}
	}
	return nil
}
