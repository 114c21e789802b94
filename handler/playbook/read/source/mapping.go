package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook/spelling"
)

// Mapping is a mapping of a file. It has keys that it may have, and no other; what else it had has been noted.
type Mapping struct {
	Node    ast.Node
	Entries []Entry
	file    *File
	keys    Keys
	empty   bool // it has no key at all
}

// Entry is one key of a mapping with its value.
type Entry struct {
	Name  string
	Key   ast.Node
	Value ast.Node
}

// Mapping reads a mapping. False: the node is none, which has been noted, and the mapping is empty.
func (f *File) Mapping(n ast.Node, k Keys) (Mapping, bool) {
	m := Mapping{
		Node:  n,
		file:  f,
		keys:  k,
		empty: true,
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		for _, one := range v.Values {
			m.add(one)
		}
	case *ast.MappingValueNode:
		m.add(v)
	case *ast.NullNode:
		if k.Empty {
			return m, true
		}
		return m, m.none()
	default:
		return m, m.none()
	}
	m.complete()
	return m, true
}

// none notes that a node is no mapping.
func (m *Mapping) none() bool {
	known := m.keys.Names()
	way := "write key: value, with the keys " + strings.Join(known, ", ")
	v, ok := m.Node.(*ast.StringNode)
	if ok && slices.Contains(known, v.Value) {
		way = "write it as a key, such as " + v.Value + ": {…}"
	}
	m.file.On(m.Node, fmt.Sprintf("%s has to be a mapping, this is %s", m.keys.What, described(m.Node)), way)
	return false
}

// add takes a key that is known, and notes one that is not.
func (m *Mapping) add(v *ast.MappingValueNode) {
	m.empty = false
	known := m.keys.Names()
	name, isText := v.Key.(*ast.StringNode)
	switch {
	case !isText:
		m.file.On(v.Key,
			fmt.Sprintf("a key of %s has to be a name", m.keys.What),
			"known: "+strings.Join(known, ", "))
	case slices.Contains(known, name.Value):
		m.Entries = append(m.Entries, Entry{name.Value, v.Key, v.Value})
	case m.keys.Each != "":
		m.file.On(v.Key, fmt.Sprintf("there is no %s %q", m.keys.Each, spelling.Cut(name.Value, 60)),
			spelling.Suggest(name.Value, known))
	default:
		m.file.On(v.Key, fmt.Sprintf("%s has no %q", m.keys.What, spelling.Cut(name.Value, 60)),
			spelling.Suggest(name.Value, known))
	}
}

// complete notes keys that are missing, or too many.
func (m *Mapping) complete() {
	for _, k := range m.keys.Known {
		_, _, ok := m.find(k.Name)
		if k.Required && !ok {
			m.file.On(m.Node, m.keys.called(k.Name)+" is missing", k.way())
		}
	}
	names := strings.Join(m.keys.Names(), ", ")
	switch {
	case m.keys.Some && m.empty:
		m.file.On(m.Node, m.keys.What+" is empty", "give it one or more of "+names+", or take it out")
	case m.keys.One != "" && len(m.Entries) > 1:
		m.file.On(m.Entries[1].Key, m.keys.One, m.keys.Way)
	case m.keys.One != "" && m.empty:
		m.file.On(m.Node, m.keys.One, m.keys.Way)
	}
}

// find finds the value of a key, and what it may be.
func (m Mapping) find(name string) (ast.Node, Key, bool) {
	at := slices.IndexFunc(m.Entries, func(e Entry) bool {
		return e.Name == name
	})
	known := slices.IndexFunc(m.keys.Known, func(k Key) bool {
		return k.Name == name
	})
	if at < 0 || known < 0 {
		return nil, Key{}, false
	}
	return m.Entries[at].Value, m.keys.Known[known], true
}
