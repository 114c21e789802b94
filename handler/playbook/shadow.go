package playbook

import (
	"fmt"
	"slices"
)

// shadows finds the rules that can never be asked: whenever one would match, an earlier rule without continue has matched
// already. It knows that a and b implies a, and a implies a or b; what needs more thought than that is not found.
func (s *source) shadows(rules []rule) []Problem {
	found := &source{lines: s.lines}
	for j, later := range rules {
		if later.hasUnless && implied(later.unless, later.when) {
			found.on(later.place, fmt.Sprintf("rule %s can never match: its unless is true whenever its when is", later.name), "take a clause out of one of them")
		}
		for _, earlier := range rules[:j] {
			if earlier.goesOn || !implies(later, earlier) {
				continue
			}
			found.on(later.place, fmt.Sprintf("rule %s can never match: rule %s above it takes every alert that it would", later.name, earlier.name),
				fmt.Sprintf("put it above %s, take it out, or give %s continue: true", earlier.name, earlier.name))
			break
		}
	}
	return found.problems
}

// implies reports whether earlier surely matches, or has no answer, whenever later is asked and matches.
func implies(later, earlier rule) bool {
	if earlier.on != later.on {
		return false
	}
	if earlier.hasUnless && !(later.hasUnless && same(later.unless, earlier.unless)) {
		return false
	}
	a, b := later.when, earlier.when
	if len(b.clauses) == 1 && b.clauses[0].text == "true" {
		return true
	}
	contains := func(in condition) func(*clause) bool {
		return func(c *clause) bool { return slices.Contains(in.clauses, c) }
	}
	switch {
	case b.join == AnyOf && a.join == AllOf:
		return slices.ContainsFunc(a.clauses, contains(b))
	case b.join == AnyOf:
		return all(a.clauses, contains(b))
	case a.join == AnyOf:
		return len(a.clauses) == 1 && len(b.clauses) == 1 && a.clauses[0] == b.clauses[0]
	}
	return all(b.clauses, contains(a))
}

// implied reports whether a is surely true, or has no answer, whenever b is true.
func implied(a, b condition) bool {
	return implies(rule{when: b}, rule{when: a})
}

func same(a, b condition) bool {
	return a.join == b.join && slices.Equal(a.clauses, b.clauses)
}

func all(list []*clause, is func(*clause) bool) bool {
	return !slices.ContainsFunc(list, func(c *clause) bool { return !is(c) })
}

// needsOf is what the rules read besides the alert and its machine.
func needsOf(rules []rule) Needs {
	var n Needs
	for _, r := range rules {
		for _, c := range slices.Concat(r.when.clauses, r.unless.clauses) {
			for _, f := range c.fields {
				n.Isolated = n.Isolated || f.name == isolatedFact || f.name == isolatedByFact
				n.OpenActions = n.OpenActions || f.name == openActionsFact
				n.AlertsOnMachine = n.AlertsOnMachine || f.name == onMachineFact
				n.AlertsInIncident = n.AlertsInIncident || f.name == inIncidentFact
			}
		}
	}
	return n
}
