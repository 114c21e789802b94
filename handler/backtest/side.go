package backtest

import (
	"cmp"
	"slices"
	"strings"

	"cordon/handler/playbook"
)

// side is one of the two decisions that are compared.
type side struct {
	rule  string // the rules that decide, joined by a comma
	steps []playbook.Step
}

// ruleOf is whose a step is; of several that want the same it is the first.
func (s side) ruleOf(step playbook.Step) string {
	name, _, _ := strings.Cut(cmp.Or(step.Rule, s.rule), ",")
	return name
}

// step finds a step by its key.
func (s side) step(key string) (step playbook.Step, found bool) {
	at := slices.IndexFunc(s.steps, func(step playbook.Step) bool { return step.Key() == key })
	if at < 0 {
		return step, false
	}
	return s.steps[at], true
}

// acts reports whether an acting step is done.
func (s side) acts() bool {
	return slices.ContainsFunc(s.steps, func(step playbook.Step) bool {
		return step.Kind.Acts() && step.Verdict == playbook.Do
	})
}
