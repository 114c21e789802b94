package playbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

func (s *source) steps(n ast.Node, ruleName string) []stepSpec {
	list, ok := s.list(n, "do", "- isolate: {type: Full}")
	if !ok {
		return nil
	}
	if len(list) > maxSteps {
		s.on(list[maxSteps], fmt.Sprintf("there are %d steps, the limit is %d", len(list), maxSteps), "take some out")
		list = list[:maxSteps]
	}
	var steps []stepSpec
	for _, item := range list {
		if name, ok := item.(*ast.StringNode); ok {
			s.on(item, fmt.Sprintf("the step %q is not written as a step", cut(name.Value, 60)), "such as - isolate: {type: Full}, - release: {} or - mail: {}")
			continue
		}
		entries, ok := s.mapping(item, stepKeys())
		if ok && len(entries) > 1 {
			s.on(entries[1].key, "a step does one thing", "begin a new - for every step")
		}
		for _, e := range entries {
			step := s.step(e, ruleName)
			s.fits(e, step, steps)
			steps = append(steps, step)
		}
	}
	return steps
}

// fits notes what cannot stand in one rule: a step twice, and steps that undo each other.
func (s *source) fits(e entry, step stepSpec, before []stepSpec) {
	if step.kind == Tag && step.tag == "" {
		return // which has been noted
	}
	for _, there := range before {
		a, b := there.step(), step.step()
		switch {
		case a.Key() == b.Key():
			what := string(b.Kind)
			if b.Kind == Tag {
				what = b.String()
			}
			s.on(e.key, fmt.Sprintf("the rule has %s twice", what), "one is enough: mail takes several recipients, updateAlert several changes, a machine is isolated once")
			return
		case a.Kind == Scan && b.Kind == Scan:
			s.on(e.key, "the rule scans twice", "one is enough: Full looks at all that Quick looks at")
			return
		case contradict(a, b):
			s.on(e.key, fmt.Sprintf("the rule has both %s and %s", a, b), "the one undoes the other: take one out, or give each a rule of its own with a condition")
			return
		}
	}
}

// contradict reports whether one step undoes the other.
func contradict(a, b Step) bool {
	if a.Kind == Tag && b.Kind == Tag {
		return a.Remove != b.Remove && sameText(a.Tag, b.Tag)
	}
	undo := a.Kind.Action().Opposite()
	return undo != "" && undo == b.Kind.Action()
}

func (s *source) step(e entry, ruleName string) stepSpec {
	step := stepSpec{kind: StepKind(e.name)}
	if spec, isAction := machine.SpecOf(step.kind.Action()); isAction {
		step.action = &spec
	}
	switch step.kind {
	case Isolate:
		entries, ok := s.mapping(e.value, isolateKeys())
		if ok {
			step.scope = s.scope(entries, e, isolateKeys(), "write isolate: {type: Full}, or Selective, which leaves Outlook and Teams connected on Windows unless isolation exclusion rules are on")
			step.comment = s.template(entries, "comment", ruleName)
		}
	case Scan:
		entries, ok := s.mapping(e.value, scanKeys())
		if ok {
			step.scope = s.scope(entries, e, scanKeys(), "write scan: {type: Quick}, or Full")
			step.comment = s.template(entries, "comment", ruleName)
		}
	case Tag:
		step.tag, step.remove = s.tag(e)
	case UpdateAlert:
		s.updateAlert(&step, e, ruleName)
	case Mail:
		entries, _ := s.mapping(e.value, mailKeys())
		step.to = s.recipients(entries, ruleName)
		step.text = s.template(entries, "text", ruleName)
	default:
		entries, _ := s.mapping(e.value, plainKeys(step.kind)())
		step.comment = s.template(entries, "comment", ruleName)
	}
	return step
}

// scope reads the type of an isolation or a scan.
func (s *source) scope(entries []entry, e entry, k keys, hint string) machine.Scope {
	n, ok := s.need(entries, e.key, "type", hint)
	if !ok {
		return ""
	}
	v, _ := s.choice(n, k, "type")
	return machine.Scope(v)
}

// template reads a template, nil if there is none.
func (s *source) template(entries []entry, what, ruleName string) *comment {
	n, ok := find(entries, what)
	if !ok {
		return nil
	}
	src, ok := s.text(n, what, fmt.Sprintf(`such as %s: "{{.Alert.Title}}"`, what))
	if !ok {
		return nil
	}
	c, message, hint := newComment(ruleName, what, src)
	if message != "" {
		s.on(n, message, hint)
	}
	return c
}

func (s *source) tag(e entry) (tag string, remove bool) {
	const hint = "write tag: {add: contained} or tag: {remove: contained}"
	entries, ok := s.mapping(e.value, tagKeys())
	if !ok {
		return "", false
	}
	if len(entries) != 1 {
		s.on(e.key, "tag either adds or removes one tag", hint+"; a rule may have several tag steps")
		return "", false
	}
	tag, ok = s.text(entries[0].value, entries[0].name, hint)
	if ok && !fitting(tagPattern, tag) {
		s.on(entries[0].value, fmt.Sprintf("%q is no tag", cut(tag, 60)), "1 to 200 visible characters, no braces, no blank at the ends; a tag is no template")
	}
	return tag, entries[0].name == "remove"
}

// updateAlert reads what a step changes of the alert.
func (s *source) updateAlert(step *stepSpec, e entry, ruleName string) {
	change := &step.update
	k := updateAlertKeys()
	entries, ok := s.mapping(e.value, k)
	if !ok {
		return
	}
	if len(entries) == 0 {
		s.on(e.key, "updateAlert changes nothing", "give it one or more of "+strings.Join(k.names(), ", "))
	}
	for _, one := range entries {
		switch one.name {
		case "status":
			v, _ := s.choice(one.value, k, "status")
			change.Status = alert.Status(v)
		case "assignedTo":
			step.assign = s.account(one.value, ruleName)
		case "classification":
			change.Classification, _ = s.choice(one.value, k, "classification")
		case "determination":
			change.Determination, _ = s.choice(one.value, k, "determination")
		}
	}
	if known := determinations(change.Classification); change.Determination != "" && !slices.Contains(known, change.Determination) {
		n, _ := find(entries, "determination")
		s.on(n, fmt.Sprintf("%s is no determination of %s", change.Determination, change.Classification), "known: "+strings.Join(known, ", "))
	}
	if same, other := otherSpellings()[change.Determination]; other {
		change.Determination = same
	}
	step.comment = s.template(entries, "comment", ruleName)
}

// fitting reports whether a text fits a pattern and has nothing in it that people cannot see.
func fitting(pattern, text string) bool {
	return regexp.MustCompile(pattern).MatchString(text) && plainText(text) == text
}
