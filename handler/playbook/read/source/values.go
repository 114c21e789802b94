package source

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/spelling"
)

// Entry is one key of a mapping with its value.
type Entry struct {
	Name  string
	Key   ast.Node
	Value ast.Node
}

// Mapping reads the entries of a mapping and refuses keys that it does not have. False: the node is no mapping.
func (s *File) Mapping(n ast.Node, k language.Keys) ([]Entry, bool) {
	known := k.Names()
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	case *ast.NullNode:
		if k.Empty {
			return nil, true
		}
		s.On(n, fmt.Sprintf("%s has to be a mapping, this is %s", k.What, KindOf(n)), "write key: value, with the keys "+strings.Join(known, ", "))
		return nil, false
	default:
		s.On(n, fmt.Sprintf("%s has to be a mapping, this is %s", k.What, KindOf(n)), "write key: value, with the keys "+strings.Join(known, ", "))
		return nil, false
	}
	var entries []Entry
	for _, v := range values {
		name, ok := v.Key.(*ast.StringNode)
		if !ok {
			s.On(v.Key, fmt.Sprintf("a key of %s has to be a name", k.What), "known: "+strings.Join(known, ", "))
			continue
		}
		switch {
		case slices.Contains(known, name.Value):
			entries = append(entries, Entry{name.Value, v.Key, v.Value})
		case slices.Contains(k.Later, name.Value):
			s.On(v.Key, fmt.Sprintf("%s: %q does not exist yet in this version", k.What, name.Value), "take it out; known: "+strings.Join(known, ", "))
		default:
			s.On(v.Key, fmt.Sprintf("%s has no %q", k.What, spelling.Cut(name.Value, 60)), spelling.Suggest(name.Value, known))
		}
	}
	return entries, true
}

func Find(entries []Entry, name string) (ast.Node, bool) {
	for _, e := range entries {
		if e.Name == name {
			return e.Value, true
		}
	}
	return nil, false
}

// Need finds an entry that has to be there.
func (s *File) Need(entries []Entry, n ast.Node, name, hint string) (ast.Node, bool) {
	value, ok := Find(entries, name)
	if !ok {
		s.On(n, name+" is missing", hint)
	}
	return value, ok
}

// Text reads a text. False: it is none, which has been noted.
func (s *File) Text(n ast.Node, what, example string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	}
	s.On(n, fmt.Sprintf("%s has to be a text, this is %s", what, KindOf(n)), example)
	return "", false
}

// Choice reads one of the words of a key.
func (s *File) Choice(n ast.Node, k language.Keys, what string) (string, bool) {
	allowed, later := k.Shape(what).Words, k.Shape(what).Later
	v, ok := s.Text(n, what, "one of: "+strings.Join(allowed, ", "))
	switch {
	case !ok:
		return "", false
	case slices.Contains(allowed, v):
		return v, true
	case slices.Contains(later, v):
		s.On(n, fmt.Sprintf("%s: %q does not exist yet in this version", what, v), "known: "+strings.Join(allowed, ", "))
	default:
		s.On(n, fmt.Sprintf("%s is never %q", what, spelling.Cut(v, 60)), spelling.Suggest(v, allowed))
	}
	return "", false
}

// List reads the entries of a list. False: it is none, which has been noted.
func (s *File) List(n ast.Node, what, example string) ([]ast.Node, bool) {
	if l, ok := n.(*ast.SequenceNode); ok {
		return l.Values, true
	}
	s.On(n, fmt.Sprintf("%s has to be a list, this is %s", what, KindOf(n)), "write it as "+example)
	return nil, false
}

type Item struct {
	Node ast.Node
	Text string
}

// Texts reads a list of texts.
func (s *File) Texts(n ast.Node, what, example string) []Item {
	list, _ := s.List(n, what, example)
	if len(list) > language.MaxEntries {
		s.On(list[language.MaxEntries], fmt.Sprintf("%s has %d entries, the limit is %d", what, len(list), language.MaxEntries), "use patterns with *")
		list = list[:language.MaxEntries]
	}
	var items []Item
	for _, item := range list {
		if text, ok := s.Text(item, "an entry of "+what, "put it in quotes"); ok {
			items = append(items, Item{item, text})
		}
	}
	return items
}

// Number reads a whole number in a range.
func (s *File) Number(n ast.Node, what string, of language.Shape) (int, bool) {
	low, high := of.Low, of.High
	hint := fmt.Sprintf("a whole number from %d to %d", low, high)
	v, ok := n.(*ast.IntegerNode)
	if !ok {
		s.On(n, fmt.Sprintf("%s has to be a number, this is %s", what, KindOf(n)), hint)
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
		s.On(n, fmt.Sprintf("%s cannot be %s", what, spelling.Cut(v.GetToken().Value, 40)), hint)
		return 0, false
	}
	return value, true
}

// Truth reads true or false.
func (s *File) Truth(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		s.On(n, fmt.Sprintf("%s has to be true or false, this is %s", what, KindOf(n)), "write "+what+": true")
		return false
	}
	return b.Value
}

// maxAge bounds every duration that a playbook writes.
const maxAge = 400 * 24 * time.Hour

// Age reads a duration written as a whole number and one unit.
func (s *File) Age(n ast.Node, what string) time.Duration {
	const hint = "a whole number with s, m, h or d, such as 30m, 4h or 2d, at most 400d"
	v, ok := s.Text(n, what, hint)
	if !ok {
		return 0
	}
	if !regexp.MustCompile(language.AgePattern).MatchString(v) {
		s.On(n, fmt.Sprintf("%s: %q is no duration", what, spelling.Cut(v, 40)), hint)
		return 0
	}
	count, _ := strconv.Atoi(v[:len(v)-1]) // the pattern has digits there, few enough
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[v[len(v)-1]]
	if time.Duration(count) > maxAge/unit {
		s.On(n, fmt.Sprintf("%s cannot be %s", what, v), hint)
		return 0
	}
	return time.Duration(count) * unit
}

func KindOf(n ast.Node) string {
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
