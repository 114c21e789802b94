package playbook

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// book reads the root of a playbook. It notes every mistake it meets and goes on; the result counts only without any.
func (s *source) book(root ast.Node) *Book {
	b := &Book{mode: Observe, limits: DefaultLimits()}
	entries, ok := s.mapping(root, bookKeys())
	if !ok {
		return b
	}
	if n, ok := find(entries, "version"); !ok {
		s.on(root, "version is missing", "begin with version: 1")
	} else {
		s.version(n)
	}
	if n, ok := find(entries, "mode"); ok {
		if v, ok := s.choice(n, bookKeys(), "mode"); ok {
			b.mode = Mode(v)
		}
	}
	if n, ok := find(entries, "rules"); !ok {
		s.on(root, "rules are missing", "rules: is a list of name, on, when and do")
	} else {
		b.rules = s.rules(n)
	}
	if n, ok := find(entries, "protect"); ok {
		b.protect = s.protection(n)
	}
	if n, ok := find(entries, "only"); ok {
		b.only = s.allowance(n)
	}
	if n, ok := find(entries, "limits"); ok {
		b.limits = s.limits(n)
	}
	return b
}

func (s *source) version(n ast.Node) {
	v, ok := n.(*ast.IntegerNode)
	if !ok || v.GetToken().Value != "1" {
		s.on(n, fmt.Sprintf("version %s is not known", cut(n.GetToken().Value, 20)), "this program reads version: 1")
	}
}

func (s *source) rules(n ast.Node) []rule {
	list, ok := s.list(n, "rules", "- name: … with on, when and do below it")
	if !ok {
		return nil
	}
	if len(list) == 0 {
		s.on(n, "rules is empty", "a playbook needs at least one rule; mode: observe is the way to do nothing")
	}
	if len(list) > maxRules {
		s.on(list[maxRules], fmt.Sprintf("there are %d rules, the limit is %d", len(list), maxRules), "join rules with or")
		list = list[:maxRules]
	}
	var rules []rule
	places := map[string]int{}
	for _, item := range list {
		r, at, ok := s.rule(item)
		if !ok {
			continue
		}
		if first, taken := places[r.name]; taken {
			s.on(at, fmt.Sprintf("the name %q is taken by the rule in line %d", r.name, first), "every rule has a name of its own: runs and mails name the rule")
		} else {
			places[r.name], _ = place(at)
		}
		rules = append(rules, r)
	}
	return rules
}

// rule reads one rule and says where its name stands.
func (s *source) rule(n ast.Node) (rule, ast.Node, bool) {
	entries, ok := s.mapping(n, ruleKeys())
	if !ok {
		return rule{}, nil, false
	}
	r := rule{mode: Enforce}
	nameNode, named := s.need(entries, n, "name", "such as name: contain-high-severity")
	if named {
		r.name, named = s.ruleName(nameNode)
	}
	if on, ok := s.need(entries, n, "on", "write on: alert"); ok {
		r.on, _ = s.choice(on, ruleKeys(), "on")
	}
	if when, ok := s.need(entries, n, "when", `such as when: alert.severity == "High"`); ok {
		r.when, r.place = s.condition(when, "when"), when
	}
	for _, e := range entries {
		switch e.name {
		case "unless":
			r.unless, r.hasUnless = s.condition(e.value, "unless"), true
		case "continue":
			r.goesOn = s.truth(e.value, "continue")
		case "mode":
			if v, ok := s.choice(e.value, ruleKeys(), "mode"); ok {
				r.mode = Mode(v)
			}
		case "maxAlertAge":
			r.maxAge = s.age(e.value, "maxAlertAge")
		}
	}
	if do, ok := s.need(entries, n, "do", "a list of steps; do: [] is a rule that keeps alerts from the rules below it"); ok {
		r.steps = s.steps(do, r.name)
	}
	s.subject(r, entries)
	return r, nameNode, named
}

// need finds an entry that has to be there.
func (s *source) need(entries []entry, n ast.Node, name, hint string) (ast.Node, bool) {
	value, ok := find(entries, name)
	if !ok {
		s.on(n, name+" is missing", hint)
	}
	return value, ok
}

func (s *source) ruleName(n ast.Node) (string, bool) {
	name, ok := s.text(n, "name", "such as contain-high-severity")
	if ok && !s.nameForm.MatchString(name) {
		s.on(n, fmt.Sprintf("%q is no name for a rule", cut(name, 60)), "letters, digits, dots, dashes and underscores, at most 64")
		return "", false
	}
	return name, ok
}

func (s *source) condition(n ast.Node, what string) condition {
	// YAML reads true and false as truth values; as a condition they are what they say.
	if b, ok := n.(*ast.BoolNode); ok {
		c, _ := s.compiler.compile(fmt.Sprint(b.Value))
		return c
	}
	src, ok := s.text(n, what, `a condition, such as alert.severity == "High"`)
	if !ok {
		return condition{}
	}
	c, problems := s.compiler.compile(src)
	for _, p := range problems {
		line, column := s.locate(n, src, p.offset)
		s.at(line, column, p.message, p.hint)
	}
	for _, p := range c.warnings {
		line, column := s.locate(n, src, p.offset)
		s.warnAt(line, column, p.message, p.hint)
	}
	return c
}

func (s *source) protection(n ast.Node) protection {
	entries, _ := s.mapping(n, protectKeys())
	var p protection
	for _, e := range entries {
		patterns := s.patterns("protect", e)
		switch e.name {
		case "tags":
			p.tags = patterns
		case "names":
			p.names = patterns
		case "groups":
			p.groups = patterns
		case "deviceValue":
			p.deviceValue = patterns
		case "os":
			p.os = patterns
		case "ids":
			p.ids = patterns
		}
	}
	return p
}

// patterns reads a list of patterns of a rail, protect or only.
func (s *source) patterns(rail string, e entry) []string {
	if _, empty := e.value.(*ast.NullNode); empty {
		return nil
	}
	var patterns []string
	for _, item := range s.strings(e.value, rail+"."+e.name, `["…"]`) {
		text := strings.TrimSpace(item.text)
		switch {
		case text == "":
			s.on(item.node, "an empty text fits no machine", "take it out")
			continue
		case e.name == "ids" && !regexp.MustCompile(machineIDPattern).MatchString(text):
			s.on(item.node, fmt.Sprintf("%q is no machine id", cut(text, 60)), "an id is 40 hexadecimal digits; a name belongs under names")
			continue
		}
		if set, known := usualValues(factOfRail(e.name)); known {
			if hint := set.strangePattern(text); hint != "" {
				s.warn(item.node, fmt.Sprintf("%s.%s: no %s that is known fits %q", rail, e.name, factOfRail(e.name), text), hint)
			}
		}
		patterns = append(patterns, text)
	}
	return patterns
}

type textItem struct {
	node ast.Node
	text string
}

// strings reads a list of texts.
func (s *source) strings(n ast.Node, what, example string) []textItem {
	list, _ := s.list(n, what, example)
	if len(list) > maxEntries {
		s.on(list[maxEntries], fmt.Sprintf("%s has %d entries, the limit is %d", what, len(list), maxEntries), "use patterns with *")
		list = list[:maxEntries]
	}
	var items []textItem
	for _, item := range list {
		if text, ok := s.text(item, "an entry of "+what, "put it in quotes"); ok {
			items = append(items, textItem{item, text})
		}
	}
	return items
}

func (s *source) limits(n ast.Node) Limits {
	l := DefaultLimits()
	entries, _ := s.mapping(n, limitsKeys())
	for _, e := range entries {
		l[StepKind(e.name)] = s.caps(e, StepKind(e.name))
	}
	return l
}

// caps reads the caps of one kind of step.
func (s *source) caps(e entry, kind StepKind) Cap {
	made := Cap{PerMachine: oneMachine(), Then: HoldForPerson}
	known := capKeys(kind)
	caps, ok := s.mapping(e.value, known)
	if !ok {
		return made
	}
	for _, name := range []string{"perHour", "perDay"} {
		s.need(caps, e.value, name, "write both perHour and perDay")
	}
	made.Rate = s.rate(caps, e.value, known)
	for _, part := range []struct {
		name string
		to   *Rate
	}{{"perRule", &made.PerRule}, {"perGroup", &made.PerGroup}, {"perMachine", &made.PerMachine}} {
		n, ok := find(caps, part.name)
		if !ok {
			continue
		}
		if entries, ok := s.mapping(n, rateKeys(kind, part.name)); ok {
			if len(entries) == 0 {
				s.on(n, part.name+" is empty", "write perMinute, perHour or perDay, or take it out")
			}
			*part.to = s.rate(entries, n, rateKeys(kind, part.name))
		}
	}
	if then, ok := find(caps, "then"); ok {
		s.choice(then, known, "then")
	}
	return made
}

// rate reads the windows that are there. A longer window has at least what a shorter one has.
func (s *source) rate(entries []entry, at ast.Node, keys keys) Rate {
	var r Rate
	shorter, limit := "", 0
	for _, window := range []struct {
		name string
		to   *int
	}{{"perMinute", &r.PerMinute}, {"perHour", &r.PerHour}, {"perDay", &r.PerDay}} {
		n, ok := find(entries, window.name)
		if !ok {
			continue
		}
		v, ok := s.number(n, window.name, keys.shape(window.name))
		if !ok {
			continue
		}
		if v < limit {
			s.on(at, fmt.Sprintf("%s %d is more than %s %d", shorter, limit, window.name, v), "a longer time has at least what a shorter part of it has")
		}
		*window.to, shorter, limit = v, window.name, v
	}
	return r
}
