package read

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read/source"
	"cordon/handler/playbook/templates"
)

// steps reads the steps of a rule.
func (r *reader) steps(m source.Mapping, rule string) []playbook.StepSpec {
	var steps []playbook.StepSpec
	for _, one := range m.Mappings("do") {
		for _, e := range one.Entries {
			step := r.step(one, playbook.StepKind(e.Name), rule)
			r.fits(e.Key, step, steps)
			steps = append(steps, step)
		}
	}
	return steps
}

func (r *reader) step(of source.Mapping, kind playbook.StepKind, rule string) playbook.StepSpec {
	step := playbook.StepSpec{Kind: kind}
	if spec, isAction := machine.SpecOf(kind.Action()); isAction {
		step.Action = &spec
	}
	m, ok := of.Mapping(string(kind))
	if !ok {
		return step
	}
	switch kind {
	case playbook.Tag:
		for _, e := range m.Entries {
			tag, _ := m.Text(e.Name)
			step.Tag, step.Remove = tag.Text, e.Name == "remove"
		}
	case playbook.UpdateAlert:
		step.Update, step.Assign = r.change(m), r.account(m, rule)
		step.Comment = r.template(m, "comment", rule)
	case playbook.Mail:
		step.To = r.recipients(m, rule)
		step.Text = r.template(m, "text", rule)
	default:
		step.Scope = machine.Scope(m.Word("type"))
		step.Comment = r.template(m, "comment", rule)
	}
	return step
}

// fits notes what cannot stand in one rule: a step twice, and steps that undo each other.
func (r *reader) fits(at ast.Node, step playbook.StepSpec, before []playbook.StepSpec) {
	if step.Kind == playbook.Tag && step.Tag == "" {
		return // which has been noted
	}
	for _, there := range before {
		a, b := there.Step(), step.Step()
		switch {
		case a.Key() == b.Key():
			what := string(b.Kind)
			if b.Kind == playbook.Tag {
				what = b.String()
			}
			r.On(at, fmt.Sprintf("the rule has %s twice", what),
				"one is enough: mail takes several recipients, updateAlert several changes, a machine is isolated once")
			return
		case a.Kind == playbook.Scan && b.Kind == playbook.Scan:
			r.On(at, "the rule scans twice", "one is enough: Full looks at all that Quick looks at")
			return
		case b.Undoes(a):
			r.On(at, fmt.Sprintf("the rule has both %s and %s", a, b),
				"the one undoes the other: take one out, or give each a rule of its own with a condition")
			return
		}
	}
}

// change reads what a step changes of the alert.
func (r *reader) change(m source.Mapping) alert.Change {
	change := alert.Change{
		Status:         alert.Status(m.Word("status")),
		Classification: m.Word("classification"),
		Determination:  m.Word("determination"),
	}
	known := facts.Determinations(change.Classification)
	if change.Determination != "" && !slices.Contains(known, change.Determination) {
		n, _ := m.Value("determination")
		r.On(n, fmt.Sprintf("%s is no determination of %s", change.Determination, change.Classification),
			"known: "+strings.Join(known, ", "))
	}
	same, other := facts.OtherSpellings()[change.Determination]
	if other {
		change.Determination = same
	}
	return change
}

// account reads what an alert is assigned to.
func (r *reader) account(m source.Mapping, rule string) templates.Target {
	item, ok := m.Text("assignedTo")
	if !ok {
		return templates.Target{}
	}
	target, wrong := templates.Account(rule, item.Text)
	r.note(item.Node, wrong)
	return target
}

// recipients reads the addresses of a mail, each once.
func (r *reader) recipients(m source.Mapping, rule string) []templates.Target {
	var to []templates.Target
	for _, item := range m.Texts("to") {
		target, wrong := templates.Address(rule, item.Text)
		r.note(item.Node, wrong)
		if !slices.ContainsFunc(to, func(t templates.Target) bool { return t.Source == target.Source }) {
			to = append(to, target)
		}
	}
	return to
}

// template reads a template, nil if there is none.
func (r *reader) template(m source.Mapping, name, rule string) *templates.Template {
	item, ok := m.Text(name)
	if !ok {
		return nil
	}
	t, wrong := templates.New(rule, name, item.Text)
	r.note(item.Node, wrong)
	return t
}

// note notes the mistake of a template, if there is one.
func (r *reader) note(n ast.Node, wrong *templates.Mistake) {
	if wrong != nil {
		r.On(n, wrong.Message, wrong.Hint)
	}
}
