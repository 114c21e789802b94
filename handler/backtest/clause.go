package backtest

import (
	"slices"
	"strings"

	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/condition/syntax"
)

// What became of a rule that decided then, and is not asked now.
const (
	noSuchRule = "not in this playbook"
	notAsked   = "not asked about such alerts"
)

// clauseOf is what made another rule decide: why the rule of then does not, or else why the rule of now does; nil: the
// rule is the same, or no single clause says it. Of the playbook that decided then the record has no clauses.
func (t *Trial) clauseOf(plan playbook.Plan, then, now string) *Clause {
	if then == now {
		return nil
	}
	then, _, _ = strings.Cut(then, ",")
	now, _, _ = strings.Cut(now, ",")
	if then != "" {
		trace, found := traceOf(plan, then)
		switch {
		case !found && slices.Contains(t.Book.Rules(), then):
			return &Clause{Rule: then, Outcome: notAsked}
		case !found:
			return &Clause{Rule: then, Outcome: noSuchRule}
		case trace.Outcome != playbook.Matched:
			return settled(trace)
		}
	}
	trace, found := traceOf(plan, now)
	if !found {
		return nil
	}
	clause := settled(trace)
	if clause.Text == "" {
		return nil
	}
	return clause
}

func traceOf(plan playbook.Plan, rule string) (trace playbook.RuleTrace, found bool) {
	at := slices.IndexFunc(plan.Rules, func(t playbook.RuleTrace) bool { return t.Rule == rule })
	if at < 0 {
		return trace, false
	}
	return plan.Rules[at], true
}

// settled is a rule's outcome with the clause that settles it, where a single one does.
func settled(trace playbook.RuleTrace) *Clause {
	c := &Clause{
		Rule:    trace.Rule,
		Outcome: string(trace.Outcome),
	}
	var by *condition.Trace
	switch trace.Outcome {
	case playbook.Matched:
		by = settling(trace.Clauses, trace.Join, true)
	case playbook.NoMatch:
		by = settling(trace.Clauses, trace.Join, false)
	case playbook.Excepted:
		by = settling(trace.Unless.Clauses, trace.Unless.Join, true)
	case playbook.Errored, playbook.LateFail:
		by = unanswered(trace)
	}
	if by != nil {
		c.Text = shown(by.Text)
		c.Result, _, _ = strings.Cut(by.Result, ":") // what follows differs from run to run
	}
	return c
}

// settling is the clause that made a condition what it is; nil: it took all of them.
func settling(clauses []*condition.Trace, join syntax.Join, is bool) *condition.Trace {
	alone := join == syntax.AnyOf // one that is true settles it; of an and one that is false
	result := "false"
	if is {
		result = "true"
	}
	if len(clauses) > 1 && alone != is {
		return nil
	}
	return withResult(clauses, result)
}

func unanswered(trace playbook.RuleTrace) *condition.Trace {
	clauses := trace.Clauses
	if trace.Unless != nil {
		clauses = slices.Concat(clauses, trace.Unless.Clauses)
	}
	at := slices.IndexFunc(clauses, isUnanswered)
	if at < 0 {
		return nil
	}
	return clauses[at]
}

func isUnanswered(c *condition.Trace) bool { return strings.HasPrefix(c.Result, "no answer") }

func withResult(clauses []*condition.Trace, result string) *condition.Trace {
	at := slices.IndexFunc(clauses, func(c *condition.Trace) bool { return c.Result == result })
	if at < 0 {
		return nil
	}
	return clauses[at]
}
