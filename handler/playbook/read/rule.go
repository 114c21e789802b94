package read

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/read/source"
	"cordon/handler/playbook/spelling"
)

// rule reads one rule and says where its name stands.
func (r *reader) rule(n ast.Node) (made playbook.Rule, at, condition ast.Node, ok bool) {
	entries, ok := r.Mapping(n, language.RuleKeys())
	if !ok {
		return playbook.Rule{}, nil, nil, false
	}
	one := playbook.Rule{Mode: playbook.Enforce}
	nameNode, named := r.Need(entries, n, "name", "such as name: contain-high-severity")
	if named {
		one.Name, named = r.ruleName(nameNode)
	}
	if on, ok := r.Need(entries, n, "on", "write on: alert"); ok {
		one.On, _ = r.Choice(on, language.RuleKeys(), "on")
	}
	when, ok := r.Need(entries, n, "when", `such as when: alert.severity == "High"`)
	if ok {
		one.When = r.condition(when, "when")
	}
	for _, e := range entries {
		switch e.Name {
		case "unless":
			one.Unless, one.HasUnless = r.condition(e.Value, "unless"), true
		case "continue":
			one.GoesOn = r.Truth(e.Value, "continue")
		case "mode":
			if v, ok := r.Choice(e.Value, language.RuleKeys(), "mode"); ok {
				one.Mode = playbook.Mode(v)
			}
		case "maxAlertAge":
			one.MaxAge = r.Age(e.Value, "maxAlertAge")
		}
	}
	if do, ok := r.Need(entries, n, "do", "a list of steps; do: [] is a rule that keeps alerts from the rules below it"); ok {
		one.Steps = r.steps(do, one.Name)
	}
	r.subject(one, entries)
	return one, nameNode, when, named
}

func (r *reader) ruleName(n ast.Node) (string, bool) {
	name, ok := r.Text(n, "name", "such as contain-high-severity")
	if ok && !r.nameForm.MatchString(name) {
		r.On(n, fmt.Sprintf("%q is no name for a rule", spelling.Cut(name, 60)), "letters, digits, dots, dashes and underscores, at most 64")
		return "", false
	}
	return name, ok
}

func (r *reader) condition(n ast.Node, what string) condition.Condition {
	// YAML reads true and false as truth values; as a condition they are what they say.
	if b, ok := n.(*ast.BoolNode); ok {
		c, _ := r.compiler.Compile(fmt.Sprint(b.Value))
		return c
	}
	src, ok := r.Text(n, what, `a condition, such as alert.severity == "High"`)
	if !ok {
		return condition.Condition{}
	}
	c, problems := r.compiler.Compile(src)
	for _, p := range problems {
		line, column := r.Locate(n, src, p.Offset)
		r.At(line, column, p.Message, p.Hint)
	}
	for _, p := range c.Warnings {
		line, column := r.Locate(n, src, p.Offset)
		r.WarnAt(line, column, p.Message, p.Hint)
	}
	return c
}

// subject refuses conditions about what the rule is not asked about: they would have no answer, or another than meant.
func (r *reader) subject(one playbook.Rule, entries []source.Entry) {
	other, hint := facts.OnHunt, "write on: hunt, or take it out"
	if one.On == facts.OnHunt {
		other, hint = facts.OnAlert, "a rule for hunts reads hunt.name, hunt.severity, hunt.row, machine and now"
	}
	if do, ok := source.Find(entries, "do"); ok && one.On == facts.OnHunt && slices.ContainsFunc(one.Steps, func(step playbook.StepSpec) bool { return step.Kind == playbook.UpdateAlert }) {
		r.On(do, "a rule with on: hunt has updateAlert, and a finding is no alert of Defender's", "take it out; tag marks the machine")
	}
	for name, c := range map[string]condition.Condition{"when": one.When, "unless": one.Unless} {
		n, ok := source.Find(entries, name)
		if !ok || one.On == "" {
			continue
		}
		for _, clause := range c.Clauses {
			if slices.ContainsFunc(clause.Fields, func(f facts.Field) bool { return f.Name == other || strings.HasPrefix(f.Name, other+".") }) {
				r.On(n, fmt.Sprintf("a rule with on: %s reads %s", one.On, other), hint)
				break
			}
		}
	}
}
