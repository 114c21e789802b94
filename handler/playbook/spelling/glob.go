package spelling

// MaxPattern is the length of the longest pattern, in characters.
const MaxPattern = 200

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
