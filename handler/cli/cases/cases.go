// Package cases holds playbooks against cases: an alert and a machine, and the plan that is wanted, once or at several
// moments.
package cases

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"cordon/handler/app/setup"
	"cordon/handler/cli/cases/standing"
	"cordon/handler/playbook"
)

// Options are what is tested, and how.
type Options struct {
	Files  []string  // as Find lists them
	Stdin  io.Reader // read if a file is Stdin
	Strict bool      // look for what passes by neglect
}

// tester is one call of Run.
type tester struct {
	Options
	Report
	books map[string]*tried
}

// tried is a playbook under test.
type tried struct {
	*playbook.Book
	path    string
	decided map[string]bool // by rules: a case saw it decide
}

// Run decides every case of some files.
func Run(o Options) Report {
	t := &tester{
		Options: o,
		Report:  Report{Results: []Result{}},
		books:   map[string]*tried{},
	}
	for _, path := range o.Files {
		err := t.file(path)
		if err != nil {
			t.Broken = append(t.Broken, Finding{File: path, What: err.Error()})
		}
	}
	if o.Strict {
		t.unseenRules()
	}
	return t.Report
}

// file decides the cases of a file. After the first that cannot be decided the others are not looked at.
func (t *tester) file(path string) error {
	file, err := t.read(path)
	if err != nil {
		return err
	}
	book, err := t.book(file.book())
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for i, c := range file.Cases {
		results, err := c.decide(book.Book)
		switch {
		case c.Name == "":
			err = errors.New("it has no name")
		case names[c.Name]:
			err = errors.New("its name is taken by a case above it")
		}
		if err != nil {
			return fmt.Errorf("%s: case %d (%s): %w", path, i+1, c.Name, err)
		}
		names[c.Name] = true
		for at, r := range results {
			r.File, r.Line = path, file.line(i)
			t.Results = append(t.Results, r)
			if t.Strict {
				t.neglected(book, c, at, r)
			}
		}
	}
	return nil
}

// book reads a playbook, once.
func (t *tester) book(path string) (*tried, error) {
	if t.books[path] != nil {
		return t.books[path], nil
	}
	if !slices.Contains(t.Books, path) {
		t.Books = append(t.Books, path)
	}
	book, err := setup.Book(path)
	if err != nil {
		return nil, err
	}
	t.books[path] = &tried{
		Book:    book,
		path:    path,
		decided: map[string]bool{},
	}
	return t.books[path], nil
}

// Try decides the cases of a text with a playbook, whichever they name.
func Try(text []byte, book *playbook.Book) ([]Result, error) {
	file, err := parse("the case", ".", text)
	if err != nil {
		return nil, err
	}
	var all []Result
	for _, c := range file.Cases {
		results, err := c.decide(book)
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return all, nil
}

// decide decides a case at each of its moments.
func (c testCase) decide(book *playbook.Book) ([]Result, error) {
	moments, err := c.moments()
	if err != nil {
		return nil, err
	}
	stands := standing.New(usualLift)
	before := c.Given
	var results []Result
	for i, m := range moments {
		r := Result{Name: c.Name}
		if len(c.Moments) > 0 {
			r.Name = fmt.Sprintf("%s, moment %d", c.Name, i+1)
			if m.Name != "" {
				r.Name += ": " + m.Name
			}
			m.Given, err = m.inherit(before, i == 0)
		}
		m.Given.ofRun = c.Run != ""
		if err == nil {
			before, err = m.Given.decide(book, stands, &r)
		}
		if err != nil && len(c.Moments) > 0 {
			err = fmt.Errorf("moment %d (%s): %w", i+1, m.Name, err)
		}
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// decide decides about what is given, and answers with what is given afterwards.
func (g given) decide(book *playbook.Book, stands *standing.Standing, r *Result) (given, error) {
	err := g.check()
	if err != nil {
		return g, err
	}
	in, actions, err := g.input()
	if err != nil {
		return g, err
	}
	if in.Machine != nil {
		stands.Begin(&in, actions)
	}
	g.say(&in)
	r.plan = book.Decide(in)
	if in.Machine != nil {
		r.came = stands.Carry(in, r.plan)
	}
	lines := g.hold(*r)
	r.OK = len(lines) == 0
	r.Diff = strings.Join(lines, "\n")
	return g.after(in, r.plan), nil
}
