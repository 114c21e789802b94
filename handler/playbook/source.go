package playbook

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// source is a playbook's text while it is being read, and what is wrong with it so far.
type source struct {
	lines    []string
	problems []Problem
	warnings []Problem // what is probably not meant, if there are no problems
	compiler *compiler
	nameForm *regexp.Regexp // of a rule's name; it is asked for often
}

func newSource(text string) *source {
	return &source{compiler: newCompiler(), nameForm: regexp.MustCompile(ruleNamePattern), lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
}

// at notes a problem at a place given in lines and characters from 1.
func (s *source) at(line, column int, message, hint string) {
	line = min(max(line, 1), len(s.lines))
	column = max(column, 1)
	s.problems = append(s.problems, Problem{Line: line, Column: column, Message: plainText(message), Hint: plainText(hint),
		Excerpt: excerpt(s.lines, line, column)})
}

// on notes a problem at the beginning of a node.
func (s *source) on(n ast.Node, message, hint string) {
	line, column := place(n)
	s.at(line, column, message, hint)
}

// warn notes at the beginning of a node what is probably not meant.
func (s *source) warn(n ast.Node, message, hint string) {
	line, column := place(n)
	s.warnAt(line, column, message, hint)
}

// warnAt is at, for what is probably not meant.
func (s *source) warnAt(line, column int, message, hint string) {
	found := &source{lines: s.lines}
	found.at(line, column, message, hint)
	s.warnings = append(s.warnings, found.problems...)
}

// place is where a node begins; mappings begin at their first key.
func place(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return place(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(m.Key)
	}
	at := n.GetToken().Position
	return at.Line, at.Column
}

// entry is one key of a mapping with its value.
type entry struct {
	name  string
	key   ast.Node
	value ast.Node
}

// mapping reads the entries of a mapping and refuses keys that it does not have. False: the node is no mapping.
func (s *source) mapping(n ast.Node, k keys) ([]entry, bool) {
	known := k.names()
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	case *ast.NullNode:
		if k.empty {
			return nil, true
		}
		s.on(n, fmt.Sprintf("%s has to be a mapping, this is %s", k.what, kindOf(n)), "write key: value, with the keys "+strings.Join(known, ", "))
		return nil, false
	default:
		s.on(n, fmt.Sprintf("%s has to be a mapping, this is %s", k.what, kindOf(n)), "write key: value, with the keys "+strings.Join(known, ", "))
		return nil, false
	}
	var entries []entry
	for _, v := range values {
		name, ok := v.Key.(*ast.StringNode)
		if !ok {
			s.on(v.Key, fmt.Sprintf("a key of %s has to be a name", k.what), "known: "+strings.Join(known, ", "))
			continue
		}
		switch {
		case slices.Contains(known, name.Value):
			entries = append(entries, entry{name.Value, v.Key, v.Value})
		case slices.Contains(k.later, name.Value):
			s.on(v.Key, fmt.Sprintf("%s: %q does not exist yet in this version", k.what, name.Value), "take it out; known: "+strings.Join(known, ", "))
		default:
			s.on(v.Key, fmt.Sprintf("%s has no %q", k.what, cut(name.Value, 60)), suggest(name.Value, known))
		}
	}
	return entries, true
}

func find(entries []entry, name string) (ast.Node, bool) {
	for _, e := range entries {
		if e.name == name {
			return e.value, true
		}
	}
	return nil, false
}

// text reads a text. False: it is none, which has been noted.
func (s *source) text(n ast.Node, what, example string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	}
	s.on(n, fmt.Sprintf("%s has to be a text, this is %s", what, kindOf(n)), example)
	return "", false
}

// choice reads one of the words of a key.
func (s *source) choice(n ast.Node, k keys, what string) (string, bool) {
	allowed, later := k.shape(what).words, k.shape(what).later
	v, ok := s.text(n, what, "one of: "+strings.Join(allowed, ", "))
	switch {
	case !ok:
		return "", false
	case slices.Contains(allowed, v):
		return v, true
	case slices.Contains(later, v):
		s.on(n, fmt.Sprintf("%s: %q does not exist yet in this version", what, v), "known: "+strings.Join(allowed, ", "))
	default:
		s.on(n, fmt.Sprintf("%s is never %q", what, cut(v, 60)), suggest(v, allowed))
	}
	return "", false
}

// list reads the entries of a list. False: it is none, which has been noted.
func (s *source) list(n ast.Node, what, example string) ([]ast.Node, bool) {
	if l, ok := n.(*ast.SequenceNode); ok {
		return l.Values, true
	}
	s.on(n, fmt.Sprintf("%s has to be a list, this is %s", what, kindOf(n)), "write it as "+example)
	return nil, false
}

// number reads a whole number in a range.
func (s *source) number(n ast.Node, what string, of shape) (int, bool) {
	low, high := of.low, of.high
	hint := fmt.Sprintf("a whole number from %d to %d", low, high)
	v, ok := n.(*ast.IntegerNode)
	if !ok {
		s.on(n, fmt.Sprintf("%s has to be a number, this is %s", what, kindOf(n)), hint)
		return 0, false
	}
	value := -1
	switch i := v.Value.(type) {
	case int64:
		value = int(max(min(i, int64(high)+1), -1))
	case uint64:
		value = int(min(i, uint64(high)+1))
	}
	if value < low || value > high {
		s.on(n, fmt.Sprintf("%s cannot be %s", what, cut(v.GetToken().Value, 40)), hint)
		return 0, false
	}
	return value, true
}

// truth reads true or false.
func (s *source) truth(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		s.on(n, fmt.Sprintf("%s has to be true or false, this is %s", what, kindOf(n)), "write "+what+": true")
		return false
	}
	return b.Value
}

// maxAge bounds every duration that a playbook writes.
const maxAge = 400 * 24 * time.Hour

// age reads a duration written as a whole number and one unit.
func (s *source) age(n ast.Node, what string) time.Duration {
	const hint = "a whole number with s, m, h or d, such as 30m, 4h or 2d, at most 400d"
	v, ok := s.text(n, what, hint)
	if !ok {
		return 0
	}
	if !regexp.MustCompile(agePattern).MatchString(v) {
		s.on(n, fmt.Sprintf("%s: %q is no duration", what, cut(v, 40)), hint)
		return 0
	}
	count, _ := strconv.Atoi(v[:len(v)-1]) // the pattern has digits there, few enough
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[v[len(v)-1]]
	if time.Duration(count) > maxAge/unit {
		s.on(n, fmt.Sprintf("%s cannot be %s", what, v), hint)
		return 0
	}
	return time.Duration(count) * unit
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "empty"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "something else"
}

// locate finds the place in the source of the character at offset in the value of a text node. The value is what YAML
// made of the source: folded, unescaped and without its indentation. Where the two cannot be brought together, it is
// the beginning of the node.
func (s *source) locate(n ast.Node, value string, offset int) (line, column int) {
	line, column = place(n)
	at := cursor{lines: s.lines, line: line - 1, column: column - 1}
	if _, ok := n.(*ast.LiteralNode); ok {
		at.line, at.column = at.line+1, 0
	} else if r := at.rune(); r == '"' || r == '\'' {
		at.quote = r
		at.column++
	}
	for i, want := range []rune(value) {
		if unicode.IsSpace(want) {
			if i == offset {
				break
			}
			at.skipSpace()
			continue
		}
		at.skipSpace()
		if i == offset {
			break
		}
		if !at.take(want) {
			return line, column
		}
	}
	return at.line + 1, at.column + 1
}

// cursor is a place in the source, from 0.
type cursor struct {
	lines        []string
	line, column int
	quote        rune // of the text it moves through, 0 for none
}

// rune is the character at the place, 0 at the end of a line.
func (c *cursor) rune() rune {
	if c.line >= len(c.lines) {
		return 0
	}
	if line := []rune(c.lines[c.line]); c.column < len(line) {
		return line[c.column]
	}
	return 0
}

func (c *cursor) skipSpace() {
	for c.line < len(c.lines) {
		r := c.rune()
		switch {
		case r == 0 && c.line+1 < len(c.lines):
			c.line, c.column = c.line+1, 0
		case unicode.IsSpace(r):
			c.column++
		default:
			return
		}
	}
}

// take steps over the source of one character of the value; false if the source has another one there.
func (c *cursor) take(want rune) bool {
	switch got := c.rune(); {
	case got == '\'' && c.quote == '\'' && want == '\'':
		c.column += 2
	case got == '\\' && c.quote == '"':
		c.column++
		if c.rune() != want {
			return false
		}
		c.column++
	case got == want:
		c.column++
	default:
		return false
	}
	return true
}
