package spelling

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"cordon/handler/incoming"
)

// MaxShown is how much of a text an explanation keeps, in characters.
const MaxShown = 160

// Plain replaces everything in s that is not visible text by a space: control characters, line breaks of every kind,
// marks that turn the writing direction, and bytes that are no UTF-8. One character stays one character.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) || incoming.Hidden(r) {
			return ' '
		}
		return r
	}, s)
}

// Cut shortens s to n characters; the last one is then an ellipsis.
func Cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// Matches reports whether a text fits a pattern and has nothing in it that people cannot see.
func Matches(pattern, text string) bool {
	return regexp.MustCompile(pattern).MatchString(text) && Plain(text) == text
}
