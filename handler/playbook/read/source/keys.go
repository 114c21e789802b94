package source

import (
	"fmt"
	"strings"
)

// Keys says which keys a mapping may have.
type Keys struct {
	What  string // how people call the mapping: a rule, isolate, limits.isolate
	Each  string // how people call one of its keys, such as step; empty: they have no name of their own
	Known []Key  // in the order in which they are best written
	Some  bool   // at least one of them
	Empty bool   // nothing at all will do as well
	One   string // exactly one of them: what is said if there are more or fewer, such as "a step does one thing"
	Way   string // the way out then
}

// Key is one key of a mapping, and what its value may be.
type Key struct {
	Name     string
	Kind     Kind
	Help     string // what it says
	Required bool
	Way      string      // how it is written: the way out if it is missing, or of another kind
	Words    []string    // of a word
	Form     Form        // of a text, or of the entries of texts
	Low      int         // of a number, or of the length of a list
	High     int         // as Low
	Keys     func() Keys // of a mapping, or of the entries of mappings
}

// Form is what a text has to be like. The zero value is any text.
type Form struct {
	What    string // how people call such a text
	Pattern string // a regular expression
	Way     string // the way out of a text that is none
}

// Kind is what a value is.
type Kind int

// The kinds of values.
const (
	Word      Kind = iota // one of a few texts
	Text                  // any text, or one of a form
	Truth                 // true or false
	Number                // a whole number
	Age                   // a duration with one unit
	Condition             // a text in the expression language, or true or false
	Texts                 // a list of texts, or nothing
	Mappings              // a list of mappings
	OneMapping
)

// Names are the names of the known keys.
func (k Keys) Names() []string {
	names := make([]string, len(k.Known))
	for i, one := range k.Known {
		names[i] = one.Name
	}
	return names
}

// called is how people call the value of a key: protect.names, but the name of a rule only name.
func (k Keys) called(name string) string {
	if strings.Contains(k.What, " ") {
		return name
	}
	return k.What + "." + name
}

// AgeForm is the form of a duration.
func AgeForm() Form {
	return Form{
		What:    "duration",
		Pattern: `^[1-9][0-9]{0,5}[smhd]$`,
		Way:     "a whole number with s, m, h or d, such as 30m, 4h or 2d, at most 400d",
	}
}

// way is how the value of a key is written.
func (k Key) way() string {
	switch {
	case k.Way != "":
		return k.Way
	case k.Form.Way != "":
		return k.Form.Way
	}
	switch k.Kind {
	case Word:
		return "one of: " + strings.Join(k.Words, ", ")
	case Truth:
		return "write " + k.Name + ": true"
	case Number:
		return k.span()
	case Texts:
		return `write it as ["…"]`
	}
	return "put it in quotes"
}

// span is which numbers a key takes.
func (k Key) span() string {
	if k.Low == k.High {
		return fmt.Sprintf("write %s: %d", k.Name, k.Low)
	}
	return fmt.Sprintf("a whole number from %d to %d", k.Low, k.High)
}
