package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook/spelling"
)

// The values of a mapping are read by their keys. One that is not there, or not what it may be, is the zero value; the
// latter has been noted.

// Item is a text with its place.
type Item struct {
	Node ast.Node
	Text string
}

// Value is the value of a key as it stands there. False: it is not there.
func (m Mapping) Value(name string) (ast.Node, bool) {
	n, _, ok := m.find(name)
	return n, ok
}

// Mapping is the mapping of a key.
func (m Mapping) Mapping(name string) (Mapping, bool) {
	n, k, ok := m.find(name)
	if !ok {
		return Mapping{}, false
	}
	return m.file.Mapping(n, k.Keys())
}

// Mappings are the mappings of a list, without what is none.
func (m Mapping) Mappings(name string) []Mapping {
	_, k, ok := m.find(name)
	if !ok {
		return nil
	}
	keys := k.Keys()
	var all []Mapping
	for _, n := range m.list(name) {
		one, ok := m.file.Mapping(n, keys)
		if ok {
			all = append(all, one)
		}
	}
	return all
}

// Word is one of the words of a key.
func (m Mapping) Word(name string) string {
	item, ok := m.Text(name)
	_, k, _ := m.find(name)
	switch {
	case !ok:
		return ""
	case slices.Contains(k.Words, item.Text):
		return item.Text
	}
	m.file.On(item.Node, fmt.Sprintf("%s is never %q", m.keys.called(name), spelling.Cut(item.Text, 60)),
		spelling.Suggest(item.Text, k.Words))
	return ""
}

// Text is a text of the form that the key wants. False: there is none.
func (m Mapping) Text(name string) (Item, bool) {
	n, k, ok := m.find(name)
	if !ok {
		return Item{}, false
	}
	return m.item(n, k, m.keys.called(name), k.way())
}

// item reads one text.
func (m Mapping) item(n ast.Node, k Key, what, way string) (Item, bool) {
	item := Item{Node: n}
	switch v := n.(type) {
	case *ast.StringNode:
		item.Text = v.Value
	case *ast.LiteralNode:
		item.Text = v.Value.Value
	default:
		m.file.On(n, fmt.Sprintf("%s has to be a text, this is %s", what, described(n)), way)
		return item, false
	}
	if k.Kind == Texts {
		item.Text = strings.TrimSpace(item.Text)
	}
	if k.Form.Pattern == "" || m.file.fits(item.Text, k.Form.Pattern) {
		return item, true
	}
	m.file.On(n, fmt.Sprintf("%s: %q is no %s", what, spelling.Cut(item.Text, 60), k.Form.What), k.Form.Way)
	return item, false
}

// Texts are the entries of a list of texts, without blanks around them.
func (m Mapping) Texts(name string) []Item {
	_, k, _ := m.find(name)
	var items []Item
	for _, n := range m.list(name) {
		item, ok := m.item(n, k, "an entry of "+m.keys.called(name), "put it in quotes")
		if ok {
			items = append(items, item)
		}
	}
	return items
}

// list are the entries of a list, as many of them as it may have. Texts that are left empty are none.
func (m Mapping) list(name string) []ast.Node {
	n, k, ok := m.find(name)
	_, empty := n.(*ast.NullNode)
	if !ok || empty && k.Kind == Texts && k.Low == 0 {
		return nil
	}
	what := m.keys.called(name)
	list, ok := n.(*ast.SequenceNode)
	switch {
	case !ok:
		m.file.On(n,
			fmt.Sprintf("%s has to be a list, this is %s", what, described(n)),
			k.way())
		return nil
	case len(list.Values) < k.Low:
		m.file.On(n, what+" is empty", k.way())
	case len(list.Values) > k.High:
		said := fmt.Sprintf("%s has %d entries, the limit is %d", what, len(list.Values), k.High)
		m.file.On(list.Values[k.High], said, "take some out")
		return list.Values[:k.High]
	}
	return list.Values
}

// Number is a whole number in the range of the key.
func (m Mapping) Number(name string) int {
	n, k, ok := m.find(name)
	if !ok {
		return 0
	}
	v, ok := n.(*ast.IntegerNode)
	if !ok {
		m.file.On(n,
			fmt.Sprintf("%s has to be a number, this is %s", m.keys.called(name), described(n)),
			k.span())
		return 0
	}
	value := -1
	switch i := v.Value.(type) {
	case int64:
		value = int(max(min(i, int64(k.High)+1), -1))
	case uint64:
		value = int(min(i, uint64(k.High)+1))
	}
	if value >= k.Low && value <= k.High {
		return value
	}
	written := spelling.Cut(v.GetToken().Value, 40)
	m.file.On(n,
		fmt.Sprintf("%s cannot be %s", m.keys.called(name), written),
		k.span())
	return 0
}

// Truth is true or false.
func (m Mapping) Truth(name string) bool {
	n, k, ok := m.find(name)
	if !ok {
		return false
	}
	b, ok := n.(*ast.BoolNode)
	if !ok {
		m.file.On(n,
			fmt.Sprintf("%s has to be true or false, this is %s", m.keys.called(name), described(n)),
			k.way())
		return false
	}
	return b.Value
}

// maxAge bounds every duration that a file writes.
const maxAge = 400 * 24 * time.Hour

// Age is a duration written as a whole number and one unit.
func (m Mapping) Age(name string) time.Duration {
	item, ok := m.Text(name)
	if !ok {
		return 0
	}
	digits := item.Text[:len(item.Text)-1]
	unit := item.Text[len(item.Text)-1]
	count, _ := strconv.Atoi(digits) // the form has digits there, few enough
	one := map[byte]time.Duration{
		's': time.Second,
		'm': time.Minute,
		'h': time.Hour,
		'd': 24 * time.Hour,
	}[unit]
	if time.Duration(count) > maxAge/one {
		m.file.On(item.Node, fmt.Sprintf("%s cannot be %s", m.keys.called(name), item.Text), AgeForm().Way)
		return 0
	}
	return time.Duration(count) * one
}
