package playbook

import "slices"

// matchGlob reports whether the whole of s matches pattern. An asterisk stands for any number of characters, a question
// mark for one, everything else for itself, compared as people read it: see readings.
//
// A star stands for any text, dots included: DC* is every name that begins with DC, PC1 only PC1.
func matchGlob(pattern, s string) bool {
	texts := readings(s)
	return slices.ContainsFunc(readings(pattern), func(p []rune) bool {
		return slices.ContainsFunc(texts, func(t []rune) bool { return globRunes(p, t) })
	})
}

func globRunes(p, t []rune) bool {
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
