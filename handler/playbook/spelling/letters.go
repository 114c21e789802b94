package spelling

import (
	"strings"
	"unicode"
)

// letters are the letters, digits and wildcards of a text, as they are compared.
func letters(s string) string {
	return keep(string(readings(s)[0]), func(r rune) bool {
		return unicode.IsLetter(r) ||
			unicode.IsDigit(r) ||
			r == '*' ||
			r == '?'
	})
}

func digits(s string) string { return keep(s, unicode.IsDigit) }

func keep(s string, is func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if is(r) {
			return r
		}
		return -1
	}, s)
}

// editDistance counts the single-character changes between a and b, a swap of neighbours being one.
func editDistance(a, b string) int {
	ar, br := []rune(a), []rune(b)
	before := make([]int, len(br)+1)
	prev := make([]int, len(br)+1)
	row := make([]int, len(br)+1)
	for j := range prev {
		prev[j] = j
	}
	for i, x := range ar {
		row[0] = i + 1
		for j, y := range br {
			cost := 1
			if x == y {
				cost = 0
			}
			row[j+1] = min(prev[j+1]+1, row[j]+1, prev[j]+cost)
			if i > 0 &&
				j > 0 &&
				x == br[j-1] &&
				ar[i-1] == y {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(br)]
}
