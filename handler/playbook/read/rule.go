package read

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read/source"
)

// rules reads the rules of a playbook. Each has a name of its own.
func (r *reader) rules(book source.Mapping) []playbook.Rule {
	var rules []playbook.Rule
	lines := map[string]int{}
	for _, m := range book.Mappings("rules") {
		name, named := m.Text("name")
		rule := r.rule(m, name.Text)
		if !named {
			continue
		}
		if first, taken := lines[rule.Name]; taken {
			r.On(name.Node, fmt.Sprintf("the name %q is taken by the rule in line %d", rule.Name, first),
				"every rule has a name of its own: runs and mails name the rule")
		} else {
			lines[rule.Name], _ = source.Place(name.Node)
		}
		when, _ := m.Value("when")
		rules, r.whens = append(rules, rule), append(r.whens, when)
	}
	return rules
}

func (r *reader) rule(m source.Mapping, name string) playbook.Rule {
	rule := playbook.Rule{
		Name:   name,
		On:     m.Word("on"),
		GoesOn: m.Truth("continue"),
		Mode:   playbook.Enforce,
		MaxAge: m.Age("maxAlertAge"),
		Steps:  r.steps(m, name),
	}
	if mode := m.Word("mode"); mode != "" {
		rule.Mode = playbook.Mode(mode)
	}
	rule.When, _ = r.condition(m, "when")
	rule.Unless, rule.HasUnless = r.condition(m, "unless")
	r.subject(m, rule)
	return rule
}

// condition reads a condition. False: it is not there.
func (r *reader) condition(m source.Mapping, name string) (condition.Condition, bool) {
	n, ok := m.Value(name)
	if !ok {
		return condition.Condition{}, false
	}
	// YAML reads true and false as truth values; as a condition they are what they say.
	b, isTruth := n.(*ast.BoolNode)
	if isTruth {
		c, _ := r.compiler.Compile(fmt.Sprint(b.Value))
		return c, true
	}
	src, ok := m.Text(name)
	if !ok {
		return condition.Condition{}, true
	}
	c, problems := r.compiler.Compile(src.Text)
	for _, p := range problems {
		line, column := r.Locate(src, p.Offset)
		r.At(line, column, p.Message, p.Hint)
	}
	for _, p := range c.Warnings {
		line, column := r.Locate(src, p.Offset)
		r.WarnAt(line, column, p.Message, p.Hint)
	}
	return c, true
}

// subject refuses what the rule is not asked about: a condition would have no answer, or another than meant.
func (r *reader) subject(m source.Mapping, rule playbook.Rule) {
	other := facts.OnHunt
	hint := "write on: hunt, or take it out"
	if rule.On == facts.OnHunt {
		other = facts.OnAlert
		hint = "a rule for hunts reads hunt.name, hunt.severity, hunt.row, machine and now"
	}
	updates := slices.ContainsFunc(rule.Steps, func(s playbook.StepSpec) bool {
		return s.Kind == playbook.UpdateAlert
	})
	do, ok := m.Value("do")
	if ok && rule.On == facts.OnHunt && updates {
		r.On(do, "a rule with on: hunt has updateAlert, and a finding is no alert of Defender's",
			"take it out; tag marks the machine")
	}
	for name, c := range map[string]condition.Condition{"when": rule.When, "unless": rule.Unless} {
		n, ok := m.Value(name)
		if ok && rule.On != "" && c.Reads(other) {
			r.On(n, fmt.Sprintf("a rule with on: %s reads %s", rule.On, other), hint)
		}
	}
}
