package playbook

import (
	"fmt"
	"slices"
	"strings"
)

// nearest lists the known names that a mistyped one probably meant, best first: at most three, none when nothing is
// close.
func nearest(name string, known []string) []string {
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
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var names []string
	for _, c := range found[:min(3, len(found))] {
		names = append(names, c.name)
	}
	return names
}

// Suggest words the way out for a mistyped name, as the playbook's own messages have it.
func Suggest(name string, known []string) string { return suggest(name, known) }

// suggest words the way out for a mistyped name: what was probably meant, and all that is known.
func suggest(name string, known []string) string {
	all := "known: " + strings.Join(known, ", ")
	near := nearest(name, known)
	if len(near) == 0 {
		return all
	}
	return fmt.Sprintf("did you mean %s? %s", strings.Join(near, " or "), all)
}

// editDistance counts the single-character changes between a and b, a swap of neighbours being one.
func editDistance(a, b string) int {
	ar, br := []rune(a), []rune(b)
	before, prev, row := make([]int, len(br)+1), make([]int, len(br)+1), make([]int, len(br)+1)
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
			if i > 0 && j > 0 && x == br[j-1] && ar[i-1] == y {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(br)]
}
