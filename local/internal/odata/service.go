// Package odata reads $filter expressions and evaluates them, for every stand-in whose service takes them. A Service
// says what of the language one of them takes; what it refuses, it refuses in the words of Microsoft's OData library.
package odata

// Service is what one service takes of the language. All take comparisons with eq, ne, gt, ge, lt and le, and, or, not
// and parentheses, with OData's precedence. A value is a string, a bool, an int32, int64 or float64, a time.Time, a
// GUID, a []byte or nil.
type Service struct {
	// Property checks the name of a property and says of which type it is.
	Property func(name string) (Type, error)
	// Literal reads a value that stands without quotes, and reports whether it is one.
	Literal func(text string) (any, bool)
	// Typed reads values whose type stands before their quotes, by that type.
	Typed map[string]func(text string) (any, bool)
	// Null takes null as a value: what a property without one is, and what eq and ne may ask for. Without it no
	// comparison holds for a property without a value.
	Null bool
	// EitherSide takes a value on the left of its operator too.
	EitherSide bool
	// LooseNot takes a not before a comparison that has no parentheses.
	LooseNot bool
	// Functions takes in (…), startswith(…), and any(…) over a list of texts.
	Functions bool
	// MaxComparisons and MaxNodes bound what a filter is made of; 0 is no bound.
	MaxComparisons, MaxNodes int
}

// Type is the type of a property, by its name in OData. Values of another are refused.
type Type string

// The types that properties have.
const (
	AnyType Type = "" // not known before a row is looked at: a value of another type then makes a comparison false
	Text    Type = "Edm.String"
	Number  Type = "Edm.Int64"
	Time    Type = "Edm.DateTimeOffset"
	Texts   Type = "Collection(Edm.String)" // a []string, which any(…) looks into
)

// GUID is a value of type Edm.Guid, in lower case with hyphens.
type GUID string
