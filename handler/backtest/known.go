package backtest

import (
	"regexp"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/facts"
)

// missing are the facts that would have to be known to say how the playbook decides about a run: those that were not
// kept whole, and those that were not read because the playbook of then asked nothing about them.
func (t *Trial) missing(d decided.Decision, in playbook.Input, plan playbook.Plan) []string {
	var all []string
	for _, left := range d.Left {
		if decides(left, plan) {
			all = append(all, "not kept: "+alert.Steady(places.ReplaceAllString(left, "")))
		}
	}
	for _, fact := range t.unread(in) {
		if decidesUnread(fact, plan) {
			all = append(all, "not read: "+fact)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// places are the numbers of list entries.
var places = regexp.MustCompile(`\[[0-9]+\]`)

// decides reports whether something that was not kept may have a say in the decision: a fact that a rule reads, and
// whatever rails read. Secrets are taken out of reasons and comments too, and they decide nothing.
func decides(left string, plan playbook.Plan) bool {
	name, what, _ := strings.Cut(left, ": ")
	fact, _, _ := strings.Cut(name, "[")
	switch {
	case strings.HasPrefix(fact, "alert."):
		return reads(plan, fact)
	case strings.HasPrefix(fact, "hunt.row."):
		return reads(plan, "hunt.row")
	case fact == "openActions" && what != secret:
		return reads(plan, facts.OpenActions)
	case what != secret:
		return true
	}
	return strings.HasSuffix(name, ".tag") // it tells steps apart
}

// secret is what decisions say of a text that a secret was taken out of.
const secret = "a secret"

// reads reports whether a rule that was asked reads a fact, or all that it is a part of.
func reads(plan playbook.Plan, fact string) bool {
	within := func(part, whole string) bool {
		return part == whole || strings.HasPrefix(part, whole+".")
	}
	return slices.ContainsFunc(plan.Rules, func(trace playbook.RuleTrace) bool {
		return slices.ContainsFunc(clausesOf(trace), func(c *condition.Trace) bool {
			return slices.ContainsFunc(c.Values, func(v condition.ValueSeen) bool {
				return within(v.Name, fact) || within(fact, v.Name)
			})
		})
	})
}

func clausesOf(trace playbook.RuleTrace) []*condition.Trace {
	if trace.Unless == nil {
		return trace.Clauses
	}
	return slices.Concat(trace.Clauses, trace.Unless.Clauses)
}

// unread are the facts that the playbook needs and that nobody read. What was asked for and could not be read is as it
// was then, and comes with its reason.
func (t *Trial) unread(in playbook.Input) []string {
	needs := t.Book.Needs()
	onMachine := in.Machine != nil && in.ActionsMissing == ""
	counted := in.AlertsMissing == ""
	var all []string
	for _, one := range []struct {
		is   bool
		fact string
	}{
		{needs.Isolated && onMachine && in.Isolation == nil, facts.Isolated},
		{needs.Isolated && onMachine && in.Isolation == nil, facts.IsolatedBy},
		{needs.OpenActions && onMachine && in.OpenActions == nil, facts.OpenActions},
		{needs.AlertsOnMachine && counted && in.AlertsOnMachine == nil, facts.AlertsOnMachine},
		{needs.AlertsInIncident && counted && in.AlertsInIncident == nil, facts.AlertsInIncident},
	} {
		if one.is {
			all = append(all, one.fact)
		}
	}
	return all
}

// decidesUnread reports whether a rule decides only because it has no answer without a fact.
func decidesUnread(fact string, plan playbook.Plan) bool {
	return slices.ContainsFunc(plan.Rules, func(trace playbook.RuleTrace) bool {
		return trace.Outcome == playbook.Errored &&
			slices.ContainsFunc(clausesOf(trace), func(c *condition.Trace) bool {
				return isUnanswered(c) && slices.ContainsFunc(c.Values, func(v condition.ValueSeen) bool {
					return v.Name == fact
				})
			})
	})
}

// cannotKnow counts a run of which the record does not say enough.
func (t *Trial) cannotKnow(d decided.Decision, missing []string) {
	for _, what := range missing {
		u := t.unknown.at(what)
		if u == nil {
			continue
		}
		if u.Runs == 0 {
			u.What = shown(what)
			u.Example = shown(d.Run)
		}
		u.Runs++
	}
}
