package spelling

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// softHyphen is shown as a hyphen or as nothing, so a text with one is read both ways.
const softHyphen = '\u00ad'

// readings are the forms in which a name, a tag or a pattern is compared: NFKC, without case, without what nobody sees,
// every dash a hyphen, no space around it. There is one, and a second for a text with a soft hyphen.
func readings(s string) [][]rune {
	if isASCII(s) {
		return [][]rune{[]rune(strings.ToUpper(strings.TrimSpace(s)))}
	}
	with, without := foldRunes(s, true), foldRunes(s, false)
	if slices.Equal(with, without) {
		return [][]rune{with}
	}
	return [][]rune{with, without}
}

// isASCII reports whether s is plain text: of what can be seen, and of nothing else.
func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

// foldRunes is one reading of s; hyphens says whether a soft hyphen is a hyphen or nothing.
func foldRunes(s string, hyphens bool) []rune {
	var runes []rune
	for _, r := range norm.NFKC.String(s) {
		switch {
		case r == softHyphen && hyphens, isDash(r):
			r = '-'
		case invisible(r):
			continue
		}
		// Every letter is mapped to the least of its forms, so that texts that differ only in case become equal.
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		runes = append(runes, least)
	}
	return []rune(strings.TrimSpace(string(runes)))
}

// isDash also takes the hyphen bullet and the modifier letter, which look like one and are not in Unicode's list.
func isDash(r rune) bool {
	return unicode.Is(unicode.Dash, r) || r == '\u2043' || r == '\u02d7'
}

// invisible reports whether r takes no room: format characters, fillers and selectors.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
