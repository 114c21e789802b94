package read

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/read/source"
	"cordon/handler/playbook/spelling"
	"cordon/handler/playbook/templates"
)

func (r *reader) steps(n ast.Node, ruleName string) []playbook.StepSpec {
	list, ok := r.List(n, "do", "- isolate: {type: Full}")
	if !ok {
		return nil
	}
	if len(list) > language.MaxSteps {
		r.On(list[language.MaxSteps], fmt.Sprintf("there are %d steps, the limit is %d", len(list), language.MaxSteps), "take some out")
		list = list[:language.MaxSteps]
	}
	var steps []playbook.StepSpec
	for _, item := range list {
		if name, ok := item.(*ast.StringNode); ok {
			r.On(item, fmt.Sprintf("the step %q is not written as a step", spelling.Cut(name.Value, 60)), "such as - isolate: {type: Full}, - release: {} or - mail: {}")
			continue
		}
		entries, ok := r.Mapping(item, language.StepKeys())
		if ok && len(entries) > 1 {
			r.On(entries[1].Key, "a step does one thing", "begin a new - for every step")
		}
		for _, e := range entries {
			step := r.step(e, ruleName)
			r.fits(e, step, steps)
			steps = append(steps, step)
		}
	}
	return steps
}

// fits notes what cannot stand in one rule: a step twice, and steps that undo each other.
func (r *reader) fits(e source.Entry, step playbook.StepSpec, before []playbook.StepSpec) {
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
			r.On(e.Key, fmt.Sprintf("the rule has %s twice", what), "one is enough: mail takes several recipients, updateAlert several changes, a machine is isolated once")
			return
		case a.Kind == playbook.Scan && b.Kind == playbook.Scan:
			r.On(e.Key, "the rule scans twice", "one is enough: Full looks at all that Quick looks at")
			return
		case playbook.Contradict(a, b):
			r.On(e.Key, fmt.Sprintf("the rule has both %s and %s", a, b), "the one undoes the other: take one out, or give each a rule of its own with a condition")
			return
		}
	}
}

func (r *reader) step(e source.Entry, ruleName string) playbook.StepSpec {
	step := playbook.StepSpec{Kind: playbook.StepKind(e.Name)}
	if spec, isAction := machine.SpecOf(step.Kind.Action()); isAction {
		step.Action = &spec
	}
	switch step.Kind {
	case playbook.Isolate:
		entries, ok := r.Mapping(e.Value, language.IsolateKeys())
		if ok {
			step.Scope = r.scope(entries, e, language.IsolateKeys(), "write isolate: {type: Full}, or Selective, which leaves Outlook and Teams connected on Windows unless isolation exclusion rules are on")
			step.Comment = r.template(entries, "comment", ruleName)
		}
	case playbook.Scan:
		entries, ok := r.Mapping(e.Value, language.ScanKeys())
		if ok {
			step.Scope = r.scope(entries, e, language.ScanKeys(), "write scan: {type: Quick}, or Full")
			step.Comment = r.template(entries, "comment", ruleName)
		}
	case playbook.Tag:
		step.Tag, step.Remove = r.tag(e)
	case playbook.UpdateAlert:
		r.updateAlert(&step, e, ruleName)
	case playbook.Mail:
		entries, _ := r.Mapping(e.Value, language.MailKeys())
		step.To = r.recipients(entries, ruleName)
		step.Text = r.template(entries, "text", ruleName)
	default:
		entries, _ := r.Mapping(e.Value, language.PlainKeys(step.Kind)())
		step.Comment = r.template(entries, "comment", ruleName)
	}
	return step
}

// scope reads the type of an isolation or a scan.
func (r *reader) scope(entries []source.Entry, e source.Entry, k language.Keys, hint string) machine.Scope {
	n, ok := r.Need(entries, e.Key, "type", hint)
	if !ok {
		return ""
	}
	v, _ := r.Choice(n, k, "type")
	return machine.Scope(v)
}

// template reads a template, nil if there is none.
func (r *reader) template(entries []source.Entry, what, ruleName string) *templates.Template {
	n, ok := source.Find(entries, what)
	if !ok {
		return nil
	}
	src, ok := r.Text(n, what, fmt.Sprintf(`such as %s: "{{.Alert.Title}}"`, what))
	if !ok {
		return nil
	}
	c, message, hint := templates.New(ruleName, what, src)
	if message != "" {
		r.On(n, message, hint)
	}
	return c
}

func (r *reader) tag(e source.Entry) (tag string, remove bool) {
	const hint = "write tag: {add: contained} or tag: {remove: contained}"
	entries, ok := r.Mapping(e.Value, language.TagKeys())
	if !ok {
		return "", false
	}
	if len(entries) != 1 {
		r.On(e.Key, "tag either adds or removes one tag", hint+"; a rule may have several tag steps")
		return "", false
	}
	tag, ok = r.Text(entries[0].Value, entries[0].Name, hint)
	if ok && !spelling.Matches(language.TagPattern, tag) {
		r.On(entries[0].Value, fmt.Sprintf("%q is no tag", spelling.Cut(tag, 60)), "1 to 200 visible characters, no braces, no blank at the ends; a tag is no template")
	}
	return tag, entries[0].Name == "remove"
}

// updateAlert reads what a step changes of the alert.
func (r *reader) updateAlert(step *playbook.StepSpec, e source.Entry, ruleName string) {
	change := &step.Update
	k := language.UpdateAlertKeys()
	entries, ok := r.Mapping(e.Value, k)
	if !ok {
		return
	}
	if len(entries) == 0 {
		r.On(e.Key, "updateAlert changes nothing", "give it one or more of "+strings.Join(k.Names(), ", "))
	}
	for _, one := range entries {
		switch one.Name {
		case "status":
			v, _ := r.Choice(one.Value, k, "status")
			change.Status = alert.Status(v)
		case "assignedTo":
			step.Assign = r.account(one.Value, ruleName)
		case "classification":
			change.Classification, _ = r.Choice(one.Value, k, "classification")
		case "determination":
			change.Determination, _ = r.Choice(one.Value, k, "determination")
		}
	}
	if known := facts.Determinations(change.Classification); change.Determination != "" && !slices.Contains(known, change.Determination) {
		n, _ := source.Find(entries, "determination")
		r.On(n, fmt.Sprintf("%s is no determination of %s", change.Determination, change.Classification), "known: "+strings.Join(known, ", "))
	}
	if same, other := facts.OtherSpellings()[change.Determination]; other {
		change.Determination = same
	}
	step.Comment = r.template(entries, "comment", ruleName)
}

// recipients reads the addresses of a mail.
func (r *reader) recipients(entries []source.Entry, rule string) []templates.Target {
	n, ok := source.Find(entries, "to")
	if !ok || source.KindOf(n) == "empty" {
		return nil
	}
	var to []templates.Target
	for _, item := range r.Texts(n, "to", "[soc@example.com]") {
		one := templates.Target{Source: item.Text}
		if templates.IsTemplate(item.Text) {
			var message, hint string
			if one.Template, message, hint = templates.NewFit(rule, "mail address", item.Text, templates.IsAddress); message != "" {
				r.On(item.Node, message, hint)
			}
		} else if address, err := mail.ParseAddress(item.Text); err == nil &&
			templates.IsAddress(address.Address) && spelling.Plain(item.Text) == item.Text {
			one.Source = address.Address
		} else {
			r.On(item.Node, fmt.Sprintf("%q is no mail address", spelling.Cut(item.Text, 80)),
				"such as soc@example.com or soc-{{.Machine.RBACGroupName}}@example.com; without to the configured recipients get the mail")
		}
		if !slices.ContainsFunc(to, func(r templates.Target) bool { return r.Source == one.Source }) {
			to = append(to, one)
		}
	}
	return to
}

// account reads what an alert is assigned to.
func (r *reader) account(n ast.Node, rule string) templates.Target {
	const hint = "such as soc@example.com or soc-{{.Machine.RBACGroupName}}@example.com: 1 to 256 characters, no blanks"
	v, ok := r.Text(n, "assignedTo", hint)
	one := templates.Target{Source: v}
	switch {
	case !ok:
	case templates.IsTemplate(v):
		var message, way string
		if one.Template, message, way = templates.NewFit(rule, "account", v, templates.IsAccount); message != "" {
			r.On(n, message, way)
		}
	case !templates.IsAccount(v):
		r.On(n, fmt.Sprintf("%q is no account", spelling.Cut(v, 60)), hint)
	}
	return one
}
