package fromrun

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"cordon/handler/incoming"
	"cordon/handler/outgoing"
	"cordon/handler/playbook"
)

// writer writes YAML a line at a time.
type writer struct {
	text []byte
	err  error
}

// comment writes what begins with # and cannot end the line that it is on.
func (w *writer) comment(note string) {
	words := strings.Fields(incoming.Visible(note))
	w.line(0, "# "+strings.Join(words, " "))
}

// line writes a line at a depth.
func (w *writer) line(depth int, text string) {
	indent := strings.Repeat("  ", depth)
	w.text = append(w.text, indent+text+"\n"...)
}

// steps writes what a plan wants of each of its steps.
func (w *writer) steps(steps []playbook.Step) {
	if len(steps) == 0 {
		return
	}
	w.line(3, "steps:")
	for _, s := range steps {
		name := text(s.String())
		verdict := text(string(s.Verdict))
		w.line(4, "- "+name+": "+verdict)
	}
}

// member writes a key and its value, which is anything that JSON holds.
func (w *writer) member(depth int, name string, value any) {
	node, err := nodeOf(value)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	w.named(depth, named{name, node})
}

// node writes a value after what begins its line.
func (w *writer) node(depth int, begins string, n node) {
	holds := len(n.members) + len(n.entries)
	switch {
	case n.scalar != "":
		w.line(depth, begins+" "+n.scalar)
		return
	case holds == 0:
		w.line(depth, begins+" "+n.empty)
		return
	}
	w.line(depth, begins)
	for _, m := range n.members {
		w.named(depth+1, m)
	}
	for _, entry := range n.entries {
		w.entry(depth+1, entry)
	}
}

// entry writes an entry of a list. Of a mapping the first member stands behind the dash.
func (w *writer) entry(depth int, n node) {
	if n.scalar != "" || len(n.members) == 0 {
		w.node(depth, "-", n)
		return
	}
	dash := len(w.text) + 2*depth
	for _, m := range n.members {
		w.named(depth+1, m)
	}
	w.text[dash] = '-'
}

func (w *writer) named(depth int, m named) {
	w.node(depth, text(m.name)+":", m.value)
}

// node is a value of JSON: a scalar as YAML writes it, a mapping or a list. In an empty one empty stands for it.
type node struct {
	scalar  string
	members []named
	entries []node
	empty   string
}

type named struct {
	name  string
	value node
}

// nodeOf reads a value, its members in their order.
func nodeOf(value any) (node, error) {
	switch value := value.(type) {
	case changed:
		n, err := nodeOf(value.of)
		n.change(value.with)
		return n, err
	case []any:
		n := node{empty: "[]"}
		for _, one := range value {
			entry, err := nodeOf(one)
			if err != nil {
				return n, err
			}
			n.entries = append(n.entries, entry)
		}
		return n, nil
	}
	body, err := outgoing.Encode(value)
	if err != nil {
		return node{}, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return read(d)
}

// change gives a mapping other members.
func (n *node) change(members map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		n.members = slices.DeleteFunc(n.members, func(m named) bool {
			return m.name == name
		})
		scalar := members[name]
		if scalar != "" {
			n.members = append(n.members, named{name, node{scalar: scalar}})
		}
	}
}

// null is the scalar of what is not given.
const null = "null"

// never is the zero time, which says that the API gave none.
const never = "0001-01-01T00:00:00Z"

// read reads the value that comes next.
func read(d *json.Decoder) (node, error) {
	token, err := d.Token()
	if err != nil {
		return node{}, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return readMapping(d)
		}
		return readList(d)
	case string:
		if token != never {
			return node{scalar: text(token)}, nil
		}
	case json.Number:
		return node{scalar: token.String()}, nil
	case bool:
		scalar := strconv.FormatBool(token)
		return node{scalar: scalar}, nil
	}
	return node{scalar: null}, nil
}

func readMapping(d *json.Decoder) (node, error) {
	n := node{empty: "{}"}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return n, err
		}
		value, err := read(d)
		if err != nil {
			return n, err
		}
		name := token.(string)
		n.members = append(n.members, named{name, value})
	}
	_, err := d.Token()
	return n, err
}

func readList(d *json.Decoder) (node, error) {
	n := node{empty: "[]"}
	for d.More() {
		entry, err := read(d)
		if err != nil {
			return n, err
		}
		n.entries = append(n.entries, entry)
	}
	_, err := d.Token()
	return n, err
}

// plain are the texts that need no quotes: whatever reads YAML takes them for what they are.
var plain = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./\\@-]*( [A-Za-z0-9_./\\@-]+)*$`)
})

// words are texts that some reader of YAML takes for something else.
func words() []string {
	return []string{
		"true",
		"false",
		"yes",
		"no",
		"on",
		"off",
		"y",
		"n",
		null,
	}
}

// text is a text as a scalar of YAML.
func text(s string) string {
	isWord := slices.Contains(words(), strings.ToLower(s))
	if !isWord &&
		len(s) <= longest &&
		plain().MatchString(s) {
		return s
	}
	return quoted(s)
}

// longest is how long a text is at most that stands without quotes.
const longest = 200

// quoted is a text in double quotes, on one line, with an escape for everything that does not show itself.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		shows := r == utf8.RuneError ||
			unicode.IsPrint(r) && !incoming.Hidden(r)
		switch {
		case r == '"', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case shows:
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
