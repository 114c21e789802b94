package playbook

import (
	"strings"
	"unicode"
)

// matchGlob reports whether the whole of s matches pattern. An asterisk stands for any number of characters, a question
// mark for one, everything else for itself; the case does not matter and neither does space around s.
//
// A star stands for any text, dots included: DC* is every name that begins with DC, PC1 only PC1.
func matchGlob(pattern, s string) bool {
	p, t := foldRunes(pattern), foldRunes(strings.TrimSpace(s))
	pi, ti := 0, 0
	star, mark := -1, 0 // the last asterisk, and how much of t it has taken so far
	for ti < len(t) {
		switch {
		case pi < len(p) && p[pi] == '*':
			star, mark = pi, ti
			pi++
		case pi < len(p) && (p[pi] == '?' || p[pi] == t[ti]):
			pi++
			ti++
		case star >= 0:
			mark++
			pi, ti = star+1, mark
		default:
			return false
		}
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}

// foldRunes maps every letter to one of its forms, so that texts that differ only in case become equal.
func foldRunes(s string) []rune {
	runes := []rune(s)
	for i, r := range runes {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		runes[i] = least
	}
	return runes
}
