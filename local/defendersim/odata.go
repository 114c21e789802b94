package defendersim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// refusal is why the API refuses a query, in its own words.
type refusal string

func (r refusal) Error() string { return string(r) }

func refusef(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// maxDepth bounds how deep a filter nests.
const maxDepth = 100

// maxNodes bounds what a filter is made of: the default of the framework. Whether Defender has it is not documented.
const maxNodes = 100

// kind is the type of a value in a filter.
type kind int

const (
	kindNull kind = iota
	kindText
	kindNumber
	kindTime
	kindTexts // a list of texts, which any(…) looks into
)

func (k kind) String() string {
	return [...]string{"null", "Edm.String", "Edm.Int64", "Edm.DateTimeOffset", "Collection(Edm.String)"}[k]
}

// value is a literal, or what an entity has for a property.
type value struct {
	kind   kind
	text   string
	number int64
	time   time.Time
	texts  []string
}

// property is how a filter reads one property of an entity.
type property[T any] struct {
	kind kind
	read func(T) value
}

// schema names the properties of an entity that filters may use.
type schema[T any] struct {
	name       string // as errors name it
	properties map[string]property[T]
}

func textOf[T any](read func(T) string) property[T] {
	return property[T]{kindText, func(one T) value {
		if text := read(one); text != "" {
			return value{kind: kindText, text: text}
		}
		return value{}
	}}
}

func numberOf[T any](read func(T) int64, zeroIsNull bool) property[T] {
	return property[T]{kindNumber, func(one T) value {
		if n := read(one); n != 0 || !zeroIsNull {
			return value{kind: kindNumber, number: n}
		}
		return value{}
	}}
}

func timeOf[T any](read func(T) time.Time) property[T] {
	return property[T]{kindTime, func(one T) value {
		if t := read(one); !t.IsZero() {
			return value{kind: kindTime, time: t}
		}
		return value{}
	}}
}

func textsOf[T any](read func(T) []string) property[T] {
	return property[T]{kindTexts, func(one T) value { return value{kind: kindTexts, texts: read(one)} }}
}

// tokenKind is the kind of a token of a filter.
type tokenKind int

const (
	tokenEnd   tokenKind = iota
	tokenName            // property, operator or null
	tokenText            // 'quoted', with the quotes taken off
	tokenOther           // number, date, or a punctuation mark
)

type token struct {
	kind tokenKind
	text string
	at   int
}

// tokens takes a filter apart.
func tokens(filter string) ([]token, error) {
	var found []token
	for at := 0; at < len(filter); {
		c := filter[at]
		switch {
		case c == ' ' || c == '\t':
			at++
		case c == '\'':
			text, length, err := quoted(filter, at)
			if err != nil {
				return nil, err
			}
			found = append(found, token{tokenText, text, at})
			at += length
		case strings.IndexByte("(),:/", c) >= 0:
			found = append(found, token{tokenOther, string(c), at})
			at++
		default:
			length := strings.IndexFunc(filter[at:], func(r rune) bool { return !wordly(r) })
			if length < 0 {
				length = len(filter) - at
			}
			if length == 0 {
				return nil, refusef("Syntax error: character %q is not valid at position %d in '%s'", c, at, filter)
			}
			word := filter[at : at+length]
			if digit(c) || c == '-' {
				// A time holds colons, which elsewhere are marks.
				for at+length < len(filter) && (filter[at+length] == ':' || wordly(rune(filter[at+length]))) {
					length++
				}
				found = append(found, token{tokenOther, filter[at : at+length], at})
			} else {
				found = append(found, token{tokenName, word, at})
			}
			at += length
		}
	}
	return append(found, token{at: len(filter)}), nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordly(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.+-$@", r)
}

// quoted reads a text in single quotes, in which a quote is doubled.
func quoted(filter string, at int) (text string, length int, err error) {
	var b strings.Builder
	from := filter[at:]
	for i := 1; i < len(from); i++ {
		if from[i] != '\'' {
			b.WriteByte(from[i])
			continue
		}
		if i+1 == len(from) || from[i+1] != '\'' {
			return b.String(), i + 1, nil
		}
		b.WriteByte('\'')
		i++
	}
	return "", 0, refusef("There is an unterminated string literal at position %d in '%s'.", at, filter)
}

// literal reads a token as a value.
func (t token) literal() (value, bool) {
	switch {
	case t.kind == tokenText:
		return value{kind: kindText, text: t.text}, true
	case t.kind == tokenName && t.text == "null":
		return value{}, true
	case t.kind != tokenOther:
		return value{}, false
	}
	if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		return value{kind: kindNumber, number: n}, true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if at, err := time.Parse(layout, t.text); err == nil {
			return value{kind: kindTime, time: at.UTC()}, true
		}
	}
	return value{}, false
}
