package playbook

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"cordon/handler/incoming"
)

// plainText replaces everything in s that is not visible text by a space: control characters, line breaks of every kind,
// marks that turn the writing direction, and bytes that are no UTF-8. One character stays one character.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) || incoming.Hidden(r) {
			return ' '
		}
		return r
	}, s)
}

// cut shortens s to n characters; the last one is then an ellipsis.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
