// Package oneline makes the texts of others fit into a line of a mail.
package oneline

import (
	"strings"
	"unicode"
)

// Of makes text fit for a header or a list: no control characters, at most n characters.
func Of(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r)
	}),
		" ")
	runes := []rune(s)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s
}

// Seen is Of without characters that nobody sees: those that turn the direction of writing make one name look like
// another.
func Seen(s string, n int) string {
	return Of(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s), n)
}
