// Package source reads a YAML file that somebody wrote by hand, and keeps everything that is wrong with it, each with its
// place, an excerpt and the way out. It knows no playbook.
package source

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook/spelling"
)

// File is a playbook's text while it is being read, and what is wrong with it so far.
type File struct {
	lines    []string
	Problems []Problem
	Warnings []Problem // what is probably not meant, if there are no problems
}

func New(text string) *File {
	return &File{lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
}

// At notes a problem at a place given in lines and characters from 1.
func (s *File) At(line, column int, message, hint string) {
	line = min(max(line, 1), len(s.lines))
	column = max(column, 1)
	s.Problems = append(s.Problems, Problem{Line: line, Column: column, Message: spelling.Plain(message), Hint: spelling.Plain(hint),
		Excerpt: excerpt(s.lines, line, column)})
}

// On notes a problem at the beginning of a node.
func (s *File) On(n ast.Node, message, hint string) {
	line, column := Place(n)
	s.At(line, column, message, hint)
}

// Warn notes at the beginning of a node what is probably not meant.
func (s *File) Warn(n ast.Node, message, hint string) {
	line, column := Place(n)
	s.WarnAt(line, column, message, hint)
}

// WarnAt is at, for what is probably not meant.
func (s *File) WarnAt(line, column int, message, hint string) {
	found := &File{lines: s.lines}
	found.At(line, column, message, hint)
	s.Warnings = append(s.Warnings, found.Problems...)
}

func (s *File) Err(name string) *Error {
	Sort(s.Problems)
	kept := s.Problems[:min(len(s.Problems), maxProblems)]
	if more := len(s.Problems) - len(kept); more > 0 {
		kept[len(kept)-1].Hint += fmt.Sprintf("; %d more problems are not shown", more)
	}
	return &Error{Name: spelling.Plain(name), Problems: kept}
}

// Place is where a node begins; mappings begin at their first key.
func Place(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return Place(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return Place(m.Key)
	}
	at := n.GetToken().Position
	return at.Line, at.Column
}
