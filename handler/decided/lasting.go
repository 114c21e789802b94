package decided

import (
	"slices"

	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
)

// Lasting is what stays of a plan as long as its run: every rule, clause, rail and step with what became of it, without
// the values that clauses saw and the texts that were made of the alert. Those go with the facts.
func Lasting(plan playbook.Plan) playbook.Plan {
	plan.Rules = rules(plan.Rules, func([]condition.ValueSeen) []condition.ValueSeen { return nil })
	plan.Steps = slices.Clone(plan.Steps)
	for i := range plan.Steps {
		s := &plan.Steps[i]
		s.Comment, s.Text = "", ""
		if s.Update != nil {
			own := *s.Update
			own.Comment = ""
			s.Update = &own
		}
	}
	return plan
}

// rules copies traces, which rules share, with other values.
func rules(
	all []playbook.RuleTrace,
	values func([]condition.ValueSeen) []condition.ValueSeen,
) []playbook.RuleTrace {
	clauses := func(shared []*condition.Trace) (own []*condition.Trace) {
		for _, c := range shared {
			is := *c
			is.Values = values(c.Values)
			own = append(own, &is)
		}
		return own
	}
	all = slices.Clone(all)
	for i := range all {
		r := &all[i]
		r.Clauses = clauses(r.Clauses)
		if r.Unless != nil {
			own := *r.Unless
			own.Clauses = clauses(own.Clauses)
			r.Unless = &own
		}
	}
	return all
}
