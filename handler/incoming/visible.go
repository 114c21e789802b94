package incoming

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hidden reports whether a character shows nothing of itself, and may change how others look: controls but line ends
// and tabs, changes of direction, characters without width, fillers, separators of lines and paragraphs, and what only
// some programs show.
func Hidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r != '\n' && r != '\t' && unicode.IsControl(r)
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Visible makes a foreign text fit to be shown to people, who are to see all that is there: of what is hidden, controls
// and separators become blanks and the rest is left out. Bytes that are no UTF-8 become U+FFFD.
func Visible(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, Hidden) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case !Hidden(r):
			return r // what is no UTF-8 becomes U+FFFD here
		case unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp):
			return ' '
		}
		return -1
	}, s)
}
