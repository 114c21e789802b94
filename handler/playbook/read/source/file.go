// Package source reads a YAML file that somebody wrote by hand, and keeps everything that is wrong with it, each with
// its place, an excerpt and the way out. It knows no playbook.
package source

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook/spelling"
)

// File is the text of a file while it is being read, and what is wrong with it so far.
type File struct {
	lines    []string
	forms    map[string]*regexp.Regexp // by their patterns: some are asked for often
	Problems []Problem
	Warnings []Problem // what is probably not meant, if there are no problems
}

// New is a file that nobody has read yet.
func New(text string) *File {
	return &File{
		lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n"),
		forms: map[string]*regexp.Regexp{},
	}
}

// At notes a problem at a place given in lines and characters from 1.
func (f *File) At(line, column int, message, hint string) {
	f.Problems = append(f.Problems, f.problem(line, column, message, hint))
}

// On notes a problem at the beginning of a node.
func (f *File) On(n ast.Node, message, hint string) {
	line, column := Place(n)
	f.At(line, column, message, hint)
}

// Warn notes at the beginning of a node what is probably not meant.
func (f *File) Warn(n ast.Node, message, hint string) {
	line, column := Place(n)
	f.WarnAt(line, column, message, hint)
}

// WarnAt is At, for what is probably not meant.
func (f *File) WarnAt(line, column int, message, hint string) {
	f.Warnings = append(f.Warnings, f.problem(line, column, message, hint))
}

func (f *File) problem(line, column int, message, hint string) Problem {
	line = min(max(line, 1), len(f.lines))
	column = max(column, 1)
	return Problem{
		Line:    line,
		Column:  column,
		Message: spelling.Plain(message),
		Hint:    spelling.Plain(hint),
		Excerpt: excerpt(f.lines, line, column),
	}
}

// Err is everything that is wrong with the file; name is the file's.
func (f *File) Err(name string) *Error {
	Sort(f.Problems)
	kept := f.Problems[:min(len(f.Problems), maxProblems)]
	more := len(f.Problems) - len(kept)
	if more > 0 {
		kept[len(kept)-1].Hint += fmt.Sprintf("; %d more problems are not shown", more)
	}
	return &Error{Name: spelling.Plain(name), Problems: kept}
}

// fits reports whether a text fits a pattern and has nothing in it that people cannot see.
func (f *File) fits(text, pattern string) bool {
	if f.forms[pattern] == nil {
		f.forms[pattern] = regexp.MustCompile(pattern)
	}
	return f.forms[pattern].MatchString(text) && spelling.Plain(text) == text
}
