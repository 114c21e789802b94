// Package report writes what became of cases for other programs: JUnit's XML, and annotations for GitHub.
package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"cordon/handler/cli/cases"
	"cordon/handler/incoming"
)

// suites is a report in the XML that JUnit began and that build servers read. Nobody keeps a schema of it; these are
// the parts that all of them know.
type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Suites   []*suite `xml:"testsuite"`
}

// suite is a file of cases, or a playbook.
type suite struct {
	Name     string    `xml:"name,attr"`
	Tests    int       `xml:"tests,attr"`
	Failures int       `xml:"failures,attr"`
	Errors   int       `xml:"errors,attr"`
	Cases    []oneCase `xml:"testcase"`
}

type oneCase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	File    string   `xml:"file,attr"`
	Line    int      `xml:"line,attr,omitempty"`
	Failure *problem `xml:"failure"`
	Error   *problem `xml:"error"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes a report as XML: a suite for each file. Every case is one of its tests, and so is what kept the file
// from being tested and each thing that passes by neglect.
func JUnit(w io.Writer, r cases.Report) error {
	all := suites{Name: "cordon test"}
	for _, one := range r.Results {
		test := named(one.File, one.Line, one.Name)
		if !one.OK {
			test.Failure = &problem{"another plan than wanted", clean(one.Diff)}
		}
		all.add(one.File, test)
	}
	for _, one := range r.Neglected {
		test := named(one.File, one.Line, one.What)
		test.Failure = &problem{"it passes by neglect", clean(one.What)}
		all.add(one.File, test)
	}
	for _, one := range r.Broken {
		test := named(one.File, one.Line, "the cases can be decided")
		test.Error = &problem{"they cannot be decided", clean(one.What)}
		all.add(one.File, test)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write the cases as XML: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func named(file string, line int, name string) oneCase {
	return oneCase{
		Name:  clean(name),
		Class: clean(file),
		File:  clean(file),
		Line:  line,
	}
}

// add puts a test into the suite of a file.
func (all *suites) add(file string, test oneCase) {
	s := all.of(clean(file))
	s.Cases = append(s.Cases, test)
	all.Tests++
	s.Tests++
	if test.Failure != nil {
		all.Failures++
		s.Failures++
	}
	if test.Error != nil {
		all.Errors++
		s.Errors++
	}
}

func (all *suites) of(name string) *suite {
	for _, s := range all.Suites {
		if s.Name == name {
			return s
		}
	}
	s := &suite{Name: name}
	all.Suites = append(all.Suites, s)
	return s
}

// clean makes what others wrote fit for a document: what XML 1.0 cannot hold, and what hides itself or turns text
// round, is replaced or left out line by line.
func clean(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = incoming.Visible(line)
	}
	return strings.Join(lines, "\n")
}
