// Package language holds the tables of everything that a playbook can say. The reader reads by them, the schema is made from
// them and the docs list them, so that editors, docs and the handler never disagree about a key.
package language

// Keys says which keys a mapping may have.
type Keys struct {
	What  string   // how people call the mapping
	Known []key    // in the order in which they are best written
	Later []string // planned, but not in this version
	one   bool     // exactly one of them, as in a step
	some  bool     // at least one of them
	Empty bool     // nothing at all will do as well
}

// key is one key of a mapping.
type key struct {
	Name     string
	Help     string // what it says, for the schema
	required bool
	Shape    Shape
}

// Shape is what a value may be.
type Shape struct {
	kind    kind
	Words   []string // of a word
	Later   []string // words that are planned, but not in this version
	pattern string   // of a text or of the entries of texts; empty: any
	Low     int      // of a number, or of the length of a list
	High    int
	Keys    func() Keys // of a mapping, or of the entries of a list of mappings
}

type kind int

const (
	aWord      kind = iota // one of a few
	aText                  // any, or one that fits a pattern
	aTruth                 // true or false
	aNumber                // a whole number
	anAge                  // a duration with one unit
	aCondition             // a text in the expression language, or true or false
	Texts                  // a list of texts, or nothing
	mappings               // a list of mappings
	aMapping
)

// Names are the names of the known keys.
func (k Keys) Names() []string {
	names := make([]string, len(k.Known))
	for i, one := range k.Known {
		names[i] = one.Name
	}
	return names
}

// Shape is what the value of a known key may be.
func (k Keys) Shape(name string) Shape {
	for _, one := range k.Known {
		if one.Name == name {
			return one.Shape
		}
	}
	return Shape{}
}
