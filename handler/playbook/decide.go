package playbook

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decide makes the plan for one alert. It is total and pure: it never fails, and the same book and input give the same
// plan. The first rule that matches wins. A rule whose condition can not be evaluated does not count as false: the plan
// is then that rule's, with its acting steps held and a mail that tells the reason.
func (b *Book) Decide(in Input) Plan {
	plan := Plan{Mode: Lower(b.mode, in.Ceiling)}
	facts := factsOf(in)
	decided := -1
	for i, r := range b.rules {
		t := r.trace(&facts)
		switch {
		case decided >= 0 && t.Outcome == Matched:
			t.Outcome = Shadowed
		case decided >= 0 && t.Outcome == Errored:
			t.Outcome = LateFail
		case t.Outcome != NoMatch:
			decided = i
		}
		plan.Rules = append(plan.Rules, t)
	}
	if decided < 0 {
		plan.Reason = fmt.Sprintf("no rule of %d matched", len(b.rules))
		return plan
	}
	r, t := b.rules[decided], plan.Rules[decided]
	plan.Rule = r.name
	plan.Reason = fmt.Sprintf("rule %s matched", r.name)
	if len(r.steps) == 0 {
		plan.Reason += ", it has no steps: nothing is done"
	}
	if t.Outcome == Errored {
		plan.Reason = fmt.Sprintf("rule %s could not be evaluated: %s; nothing is done until a person has looked", r.name, t.Error)
	}
	if slices.ContainsFunc(r.steps, func(s stepSpec) bool { return s.kind.Acts() }) {
		plan.Rails = b.rails(in, plan.Mode)
	}
	plan.Steps = steps(r, t, in, plan)
	return plan
}

// steps turns the specifications of a rule into steps with verdicts.
func steps(r rule, t RuleTrace, in Input, plan Plan) []Step {
	var out []Step
	told := false
	for _, s := range r.steps {
		step := Step{Kind: s.kind}
		if s.kind.Acts() {
			step.Scope, step.Comment = s.scope, s.comment.render(in)
			step.Verdict, step.Why = verdict(plan.Rails)
			if t.Outcome == Errored {
				step.Verdict, step.Why = Held, plan.Reason
			}
		} else {
			told = true
			step.To = slices.Clone(s.to)
			step.Verdict, step.Why = mailVerdict(plan.Mode)
		}
		out = append(out, step)
	}
	if t.Outcome == Errored && !told {
		step := Step{Kind: Mail}
		step.Verdict, step.Why = mailVerdict(plan.Mode)
		out = append(out, step)
	}
	return out
}

// verdict is what the rails say about every acting step: the first that does not let it pass.
func verdict(rails []RailTrace) (Verdict, string) {
	for _, rail := range rails {
		if rail.Verdict != Do {
			return rail.Verdict, rail.Why
		}
	}
	return Do, ""
}

func mailVerdict(m Mode) (Verdict, string) {
	if m == Enforce {
		return Do, ""
	}
	return WouldDo, "mode observe: the mail goes out and says what would have been done"
}

// trace evaluates one rule and explains it.
func (r rule) trace(facts *Facts) RuleTrace {
	t := RuleTrace{Rule: r.name, Join: r.when.join, Outcome: NoMatch}
	matched, err := evaluate(r.when.program, facts)
	switch {
	case err != nil:
		t.Outcome, t.Error = Errored, err.Error()
	case matched:
		t.Outcome = Matched
	}
	for _, c := range r.when.clauses {
		if len(r.when.clauses) > 1 {
			matched, err = evaluate(c.program, facts)
		}
		ct := ClauseTrace{Text: c.text, Result: strconv.FormatBool(matched)}
		if err != nil {
			ct.Result = "no answer: " + err.Error()
		}
		for _, f := range c.fields {
			ct.Values = append(ct.Values, ValueSeen{Name: f.name, Value: shown(f.read(facts))})
		}
		t.Clauses = append(t.Clauses, ct)
	}
	return t
}

// How much of a value an explanation keeps.
const (
	maxShownText    = 160
	maxShownEntries = 12
)

// shown prints a fact for an explanation.
func shown(v reflect.Value, ok bool) string {
	if !ok || v.Kind() == reflect.Pointer && v.IsNil() {
		return "nil"
	}
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return "not given"
		}
		return x.UTC().Format(time.RFC3339Nano)
	case []string:
		return shownList(x)
	}
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String())
	case reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Slice:
		return fmt.Sprintf("%d entries", v.Len())
	}
	return "present"
}

func shownList(list []string) string {
	parts := make([]string, 0, maxShownEntries+1)
	for _, s := range list[:min(len(list), maxShownEntries)] {
		parts = append(parts, quoted(s))
	}
	if more := len(list) - maxShownEntries; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func quoted(s string) string { return strconv.Quote(cut(plainText(s), maxShownText)) }
