package playbook

import (
	"strings"

	"cordon/handler/playbook/condition"
)

// Decide makes the plan for one alert. It is total and pure: it never fails, and the same book and input give the same
// plan. The first rule that matches wins; with continue the rules below it are asked too. A rule whose condition cannot
// be evaluated does not count as false: it decides, with its acting steps held and a mail that tells the reason.
func (b *Book) Decide(in Input) Plan {
	plan := Plan{Mode: Lower(b.Mode(), in.Ceiling)}
	seen := factsOf(in)
	look := condition.NewLook(b.written.Sizes, &seen, in.notRead)
	var deciding []decided
	over := false
	asked := b.about(in)
	plan.Rules = make([]RuleTrace, len(asked))
	for i, r := range asked {
		t := &plan.Rules[i]
		r.trace(look, t)
		switch {
		case t.Outcome != Matched && t.Outcome != Errored:
		case over && t.Outcome == Matched:
			t.Outcome = Shadowed
		case over:
			t.Outcome = LateFail
		default:
			deciding = append(deciding, decided{r, t})
			over = !r.GoesOn
		}
	}
	if len(deciding) == 0 {
		plan.Reason = b.unanswered(in, len(asked))
		return plan
	}
	b.settle(&plan, in, deciding)
	return plan
}

// settle makes the plan of the rules that decide.
func (b *Book) settle(plan *Plan, in Input, deciding []decided) {
	var names, reasons []string
	var acting []*Rule
	mode := Observe
	for _, d := range deciding {
		names = append(names, d.Name)
		reasons = append(reasons, d.reason())
		if d.has(StepSpec.Acts) {
			acting = append(acting, d.Rule)
		}
		if b.modeOf(in, d.Rule) == Enforce {
			mode = Enforce
		}
	}
	plan.Rule = strings.Join(names, ",")
	plan.Reason = strings.Join(reasons, "; ")
	plan.Mode = mode
	var asked []rail
	if len(acting) > 0 {
		asked = b.rails(in, acting)
		for _, one := range asked {
			plan.Rails = append(plan.Rails, one.RailTrace)
		}
	}
	for _, d := range deciding {
		for _, step := range b.steps(d, in, asked) {
			if len(deciding) > 1 {
				step.Rule = d.Name
			}
			plan.Steps = addStep(plan.Steps, step)
		}
	}
	if len(deciding) > 1 { // one rule does not contradict itself
		settleContradictions(plan.Steps)
	}
}

// trace evaluates one rule and explains it in t.
func (r *Rule) trace(look *condition.Look, t *RuleTrace) {
	matched, clauses := look.Condition(r.When)
	t.Rule = r.Name
	t.Join = r.When.Join
	t.Outcome = NoMatch
	t.Clauses = clauses
	var excepted condition.Truth
	if r.HasUnless {
		t.Unless = &UnlessTrace{Join: r.Unless.Join}
		excepted, t.Unless.Clauses = look.Condition(r.Unless)
	}
	switch {
	case matched.Err != nil:
		t.Outcome, t.Error = Errored, matched.Err.Error()
	case !matched.Is:
	case excepted.Err != nil:
		t.Outcome = Errored
		t.Error = "its unless: " + excepted.Err.Error()
	case excepted.Is:
		t.Outcome = Excepted
	default:
		t.Outcome = Matched
	}
}
