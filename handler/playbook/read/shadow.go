package read

import (
	"fmt"
	"slices"

	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/condition/syntax"
)

// shadows finds the rules that can never be asked: whenever one would match, an earlier rule without continue has matched
// already. It knows that a and b implies a, and a implies a or b; what needs more thought than that is not found.
func (r *reader) shadows(rules []playbook.Rule) {
	for j, later := range rules {
		if later.HasUnless && implied(later.Unless, later.When) {
			r.Warn(r.whens[j], fmt.Sprintf("rule %s can never match: its unless is true whenever its when is", later.Name),
				"take a clause out of one of them")
		}
		over := slices.IndexFunc(rules[:j], func(earlier playbook.Rule) bool { return !earlier.GoesOn && implies(later, earlier) })
		if over < 0 {
			continue
		}
		by := rules[over].Name
		r.Warn(r.whens[j], fmt.Sprintf("rule %s can never match: rule %s above it takes every alert that it would", later.Name, by),
			fmt.Sprintf("put it above %s, take it out, or give %s continue: true", by, by))
	}
}

// implied reports whether a is surely true, or has no answer, whenever b is true.
func implied(a, b condition.Condition) bool {
	return implies(playbook.Rule{When: b}, playbook.Rule{When: a})
}

// implies reports whether earlier surely matches, or has no answer, whenever later is asked and matches.
func implies(later, earlier playbook.Rule) bool {
	if earlier.On != later.On {
		return false
	}
	if earlier.HasUnless && !(later.HasUnless && same(later.Unless, earlier.Unless)) {
		return false
	}
	a, b := later.When, earlier.When
	if len(b.Clauses) == 1 && b.Clauses[0].Text == "true" {
		return true
	}
	contains := func(in condition.Condition) func(*condition.Clause) bool {
		return func(c *condition.Clause) bool { return slices.Contains(in.Clauses, c) }
	}
	switch {
	case b.Join == syntax.AnyOf && a.Join == syntax.AllOf:
		return slices.ContainsFunc(a.Clauses, contains(b))
	case b.Join == syntax.AnyOf:
		return all(a.Clauses, contains(b))
	case a.Join == syntax.AnyOf:
		return len(a.Clauses) == 1 && len(b.Clauses) == 1 && a.Clauses[0] == b.Clauses[0]
	}
	return all(b.Clauses, contains(a))
}

func same(a, b condition.Condition) bool {
	return a.Join == b.Join && slices.Equal(a.Clauses, b.Clauses)
}

func all(list []*condition.Clause, is func(*condition.Clause) bool) bool {
	return !slices.ContainsFunc(list, func(c *condition.Clause) bool { return !is(c) })
}
