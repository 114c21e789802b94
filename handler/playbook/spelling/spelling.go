// Package spelling compares and shows texts as people read them: names, tags and patterns without case and without what
// nobody sees, the nearest of the known names, a text that fits into one line. It knows nothing of playbooks.
package spelling

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Glob reports whether the whole of s matches pattern. An asterisk stands for any number of characters, a question
// mark for one, everything else for itself, compared as people read it: see readings.
//
// A star stands for any text, dots included: DC* is every name that begins with DC, PC1 only PC1.
func Glob(pattern, s string) bool {
	texts := readings(s)
	return slices.ContainsFunc(readings(pattern), func(p []rune) bool {
		return slices.ContainsFunc(texts, func(t []rune) bool {
			return globRunes(p, t)
		})
	})
}

// Almost reports whether a tag that a pattern does not fit was probably meant to: it differs in what stands between the
// letters, or in few of them. Numbers are names of their own.
func Almost(pattern, tag string) bool {
	p, t := letters(pattern), letters(tag)
	if t == "" || strings.Trim(p, "*?") == "" {
		return false
	}
	if Glob(p, t) {
		return true
	}
	return !strings.ContainsAny(p, "*?") &&
		digits(p) == digits(t) &&
		len(t) <= MaxPattern &&
		editDistance(p, t) <= max(1, len([]rune(p))/6)
}

// Suggest words the way out for a mistyped name: what was probably meant, and all that is known.
func Suggest(name string, known []string) string {
	all := "known: " + strings.Join(known, ", ")
	near := Nearest(name, known)
	if len(near) == 0 {
		return all
	}
	return fmt.Sprintf("did you mean %s? %s", strings.Join(near, " or "), all)
}

// Nearest lists the known names that a mistyped one probably meant, best first: at most three, none when nothing is
// close.
func Nearest(name string, known []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	if len(name) > 64 {
		return nil
	}
	folded := strings.ToLower(name)
	for _, k := range known {
		d := editDistance(folded, strings.ToLower(k))
		if d <= max(1, len(name)/3) || len(name) > 3 && strings.Contains(strings.ToLower(k), folded) {
			found = append(found, candidate{k, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		return a.distance - b.distance
	})
	var names []string
	for _, c := range found[:min(3, len(found))] {
		names = append(names, c.name)
	}
	return names
}

// Same reports whether two names or tags are the same as people read them.
func Same(a, b string) bool {
	return slices.ContainsFunc(readings(a), func(x []rune) bool {
		return slices.ContainsFunc(readings(b), func(y []rune) bool {
			return slices.Equal(x, y)
		})
	})
}

// Quoted is a foreign text in quotes, plain and short.
func Quoted(s string) string {
	return strconv.Quote(Cut(Plain(s), MaxShown))
}
