package playbook

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Decide makes the plan for one alert. It is total and pure: it never fails, and the same book and input give the same
// plan. The first rule that matches wins; with continue the rules below it are asked too. A rule whose condition cannot
// be evaluated does not count as false: it decides, with its acting steps held and a mail that tells the reason.
func (b *Book) Decide(in Input) Plan {
	plan := Plan{Mode: Lower(b.mode, in.Ceiling)}
	e := newEvaluation(b.sizes, &in)
	var deciding []decided
	over := false
	asked := b.about(in)
	plan.Rules = make([]RuleTrace, len(asked))
	for i, r := range asked {
		t := &plan.Rules[i]
		r.trace(e, t)
		switch {
		case t.Outcome != Matched && t.Outcome != Errored:
		case over && t.Outcome == Matched:
			t.Outcome = Shadowed
		case over:
			t.Outcome = LateFail
		default:
			deciding = append(deciding, decided{r, t})
			over = !r.goesOn
		}
	}
	if len(deciding) == 0 {
		plan.Reason = fmt.Sprintf("no rule of %d matched", len(asked))
		return plan
	}
	b.settle(&plan, in, deciding)
	return plan
}

// decided is a rule that has a say in the plan.
type decided struct {
	*rule
	trace *RuleTrace
}

// reason says why the rule decides.
func (d decided) reason() string {
	switch {
	case d.trace.Outcome == Errored:
		return fmt.Sprintf("rule %s could not be evaluated: %s; nothing is done until a person has looked", d.name, d.trace.Error)
	case len(d.steps) == 0:
		return fmt.Sprintf("rule %s matched, it has no steps: nothing is done", d.name)
	}
	return fmt.Sprintf("rule %s matched", d.name)
}

// settle makes the plan of the rules that decide.
func (b *Book) settle(plan *Plan, in Input, deciding []decided) {
	var names, reasons []string
	var acting []*rule
	mode := Observe
	for _, d := range deciding {
		names, reasons = append(names, d.name), append(reasons, d.reason())
		if d.acts() {
			acting = append(acting, d.rule)
		}
		if b.modeOf(in, d.rule) == Enforce {
			mode = Enforce
		}
	}
	plan.Rule, plan.Reason, plan.Mode = strings.Join(names, ","), strings.Join(reasons, "; "), mode
	var asked []rail
	if len(acting) > 0 {
		asked = b.rails(in, acting)
		plan.Rails = traces(asked)
	}
	for _, d := range deciding {
		for _, step := range b.steps(d, in, asked) {
			if len(deciding) > 1 {
				step.Rule = d.name
			}
			plan.Steps = addStep(plan.Steps, step)
		}
	}
	if len(deciding) > 1 { // one rule does not contradict itself
		settleContradictions(plan.Steps)
	}
}

func mailVerdict(m Mode) (Verdict, string) {
	if m == Enforce {
		return Do, ""
	}
	return WouldDo, "mode observe: the mail goes out and says what would have been done"
}

// trace evaluates one rule and explains it in t.
func (r *rule) trace(e *evaluation, t *RuleTrace) {
	matched, clauses := e.condition(r.when)
	t.Rule, t.Join, t.Outcome, t.Clauses = r.name, r.when.join, NoMatch, clauses
	var excepted truth
	if r.hasUnless {
		t.Unless = &UnlessTrace{Join: r.unless.join}
		excepted, t.Unless.Clauses = e.condition(r.unless)
	}
	switch {
	case matched.err != nil:
		t.Outcome, t.Error = Errored, matched.err.Error()
	case !matched.is:
	case excepted.err != nil:
		t.Outcome, t.Error = Errored, "its unless: "+excepted.err.Error()
	case excepted.is:
		t.Outcome = Excepted
	default:
		t.Outcome = Matched
	}
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
	case time.Duration:
		if x == noReport {
			return "not given"
		}
		return x.Round(time.Second).String()
	case []string:
		if x == nil {
			return "not given"
		}
		return shownList(x)
	case map[string]string:
		return shownRow(x)
	case []ActionFacts:
		list := make([]string, len(x))
		for i, a := range x {
			list[i] = a.Type + " " + a.Status
		}
		return shownList(list)
	}
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
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
