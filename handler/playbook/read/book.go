package read

import (
	"fmt"

	"cordon/handler/playbook"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/read/language"
	"cordon/handler/playbook/read/source"
)

// book reads the whole of a playbook. It notes every mistake it meets and goes on; the result counts only without any.
func (r *reader) book() playbook.Contents {
	made := playbook.Contents{Mode: playbook.Observe}
	root := r.Parse()
	if len(r.Problems) > 0 {
		return made
	}
	if root == nil {
		r.At(1, 1, "the playbook is empty", "begin with version: 1")
		return made
	}
	m, _ := r.Mapping(root, language.BookKeys())
	m.Number("version")
	if mode := m.Word("mode"); mode != "" {
		made.Mode = playbook.Mode(mode)
	}
	made.Rules = r.rules(m)
	made.Protect = r.lists(m, "protect")
	made.Only = r.lists(m, "only")
	made.Limits = r.limits(m)
	return made
}

// lists reads the lists of a rail, protect or only.
func (r *reader) lists(book source.Mapping, rail string) playbook.Lists {
	m, _ := book.Mapping(rail)
	lists := playbook.Lists{}
	for _, e := range m.Entries {
		fact := facts.OfRail(e.Name)
		known, has := facts.Known(fact)
		for _, item := range m.Texts(e.Name) {
			if item.Text == "" {
				r.On(item.Node, "an empty text fits no machine", "take it out")
				continue
			}
			hint := known.StrangePattern(item.Text)
			if has && hint != "" {
				said := fmt.Sprintf("%s.%s: no %s that is known fits %q", rail, e.Name, fact, item.Text)
				r.Warn(item.Node, said, hint)
			}
			lists[e.Name] = append(lists[e.Name], item.Text)
		}
	}
	return lists
}

// unlisted warns about a playbook that acts on any operating system: the API cannot tell a domain controller, so
// a server is then isolated like a workstation.
func (r *reader) unlisted(written playbook.Contents) {
	if len(written.Only["os"]) > 0 || len(written.Protect["os"]) > 0 {
		return
	}
	for i, rule := range written.Rules {
		for _, step := range rule.Steps {
			if step.OnMachine() && step.Begins() {
				r.Warn(r.whens[i],
					fmt.Sprintf("rule %s acts on machines of any operating system, servers too", rule.Name),
					"write only: { os: [Windows10, Windows11, macOS], onboarding: [Onboarded] }, "+
						"or name servers under protect.os")
				return
			}
		}
	}
}

// limits reads the caps; those that are not written are the default ones.
func (r *reader) limits(book source.Mapping) playbook.Limits {
	limits := playbook.DefaultLimits()
	m, _ := book.Mapping("limits")
	for _, e := range m.Entries {
		kind := playbook.StepKind(e.Name)
		caps, ok := m.Mapping(e.Name)
		if ok {
			limits[kind] = r.caps(caps)
		}
	}
	return limits
}

// caps reads the caps of one kind of step.
func (r *reader) caps(m source.Mapping) playbook.Cap {
	m.Word("then") // there is but one
	made := playbook.UsualCap()
	made.Rate = r.rate(m)
	for name, to := range map[string]*playbook.Rate{
		"perRule": &made.PerRule, "perGroup": &made.PerGroup, "perMachine": &made.PerMachine,
	} {
		if rate, ok := m.Mapping(name); ok {
			*to = r.rate(rate)
		}
	}
	return made
}

// rate reads the windows that are there. A longer window has at least what a shorter one has.
func (r *reader) rate(m source.Mapping) playbook.Rate {
	var shorter string // the window before that has a limit
	var least int      // that limit
	limit := func(name string) int {
		n := m.Number(name)
		if n == 0 {
			return 0
		}
		if shorter != "" && n < least {
			r.On(m.Node, fmt.Sprintf("%s %d is more than %s %d", shorter, least, name, n),
				"the limit of a longer time cannot be below the limit of a shorter one")
		}
		shorter, least = name, n
		return n
	}
	minute := limit("perMinute")
	hour := limit("perHour")
	day := limit("perDay")
	return playbook.Rate{PerMinute: minute, PerHour: hour, PerDay: day}
}
