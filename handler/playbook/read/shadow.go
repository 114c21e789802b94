package read

import (
	"fmt"
	"slices"

	"cordon/handler/playbook"
)

// shadows finds the rules that can never be asked: whenever one would match, an earlier rule without continue has
// matched already.
func (r *reader) shadows(rules []playbook.Rule) {
	for j, later := range rules {
		if later.HasUnless && later.When.Implies(later.Unless) {
			said := fmt.Sprintf("rule %s can never match: its unless is true whenever its when is", later.Name)
			r.Warn(r.whens[j], said, "take a clause out of one of them")
		}
		over := slices.IndexFunc(rules[:j], func(earlier playbook.Rule) bool {
			return takes(earlier, later)
		})
		if over < 0 {
			continue
		}
		by := rules[over].Name
		r.Warn(r.whens[j],
			fmt.Sprintf("rule %s can never match: rule %s above it takes every alert that it would", later.Name, by),
			fmt.Sprintf("put it above %s, take it out, or give %s continue: true", by, by))
	}
}

// takes reports whether earlier has the last word, or no answer, whenever later is asked and matches.
func takes(earlier, later playbook.Rule) bool {
	excepts := earlier.HasUnless && !(later.HasUnless && later.Unless.Same(earlier.Unless))
	return !earlier.GoesOn &&
		!excepts &&
		earlier.On == later.On &&
		later.When.Implies(earlier.When)
}
