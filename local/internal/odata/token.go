package odata

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is the kind of a token.
type tokenKind int

const (
	tokenEnd  tokenKind = iota
	tokenWord           // a name, an operator, or a value without quotes
	tokenText           // 'quoted', perhaps with its type before it
	tokenMark           // one of ( ) , : /
)

type token struct {
	kind   tokenKind
	prefix string // the type of a text
	text   string // without the quotes
	at     int
}

// tokens takes a filter apart. The last one is the end.
func (s Service) tokens(filter string) ([]token, error) {
	var found []token
	for at := 0; at < len(filter); {
		c, _ := utf8.DecodeRuneInString(filter[at:])
		t := token{kind: tokenMark, text: filter[at : at+1], at: at}
		switch {
		case strings.ContainsRune(" \t\r\n", c):
			at++
			continue
		case strings.ContainsRune("(),:/", c):
			at++
		case wordly(c):
			t.kind, t.text = tokenWord, word(filter[at:])
			at += len(t.text)
			if s.Typed[t.text] == nil || !strings.HasPrefix(filter[at:], "'") {
				break
			}
			t.prefix = t.text
			fallthrough
		case c == '\'':
			text, rest, closed := Quoted(filter[at:])
			if !closed {
				return nil, Refuse("There is an unterminated string literal at position %d in '%s'.", at, filter)
			}
			t.kind, t.text, at = tokenText, text, len(filter)-len(rest)
		default:
			return nil, Refuse("Syntax error: character %q is not valid at position %d in '%s'", c, at, filter)
		}
		found = append(found, t)
	}
	return append(found, token{at: len(filter)}), nil
}

// word is the word at the start of a text. A time holds colons, which elsewhere are marks.
func word(text string) string {
	value := strings.ContainsAny(text[:1], "-0123456789")
	length := strings.IndexFunc(text, func(r rune) bool { return !wordly(r) && !(value && r == ':') })
	if length < 0 {
		return text
	}
	return text[:length]
}

func wordly(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.+-$@", r)
}

// Quoted reads a text in single quotes, in which a quote is doubled, at the start of from, and returns what follows it.
func Quoted(from string) (text, rest string, closed bool) {
	if !strings.HasPrefix(from, "'") {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(from); i++ {
		if from[i] != '\'' {
			b.WriteByte(from[i])
			continue
		}
		if i+1 == len(from) || from[i+1] != '\'' {
			return b.String(), from[i+1:], true
		}
		b.WriteByte('\'')
		i++
	}
	return "", "", false
}
