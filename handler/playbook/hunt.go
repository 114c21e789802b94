package playbook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What a rule can be asked about.
const (
	onAlert = "alert"
	onHunt  = "hunt"
)

func subjects() []string { return []string{onAlert, onHunt} }

// Hunt is the hunt whose finding is decided about.
type Hunt struct {
	Name     string
	Severity string
	Row      map[string]string // the row's columns; what devices wrote, so an attacker may have
}

// HuntFacts is Hunt as conditions see it.
type HuntFacts struct {
	Name     string            `expr:"name"`
	Severity string            `expr:"severity"`
	Row      map[string]string `expr:"row"`
}

func huntFacts(in Input) *HuntFacts {
	if in.Hunt == nil {
		return nil
	}
	return &HuntFacts{Name: in.Hunt.Name, Severity: in.Hunt.Severity, Row: in.Hunt.Row}
}

// about are the rules that are asked about an input: those for hunts about a finding and no other, those for alerts about
// an alert. A finding of a playbook without a rule for hunts is answered with nothing.
func (b *Book) about(in Input) []*rule {
	if in.Hunt != nil {
		return b.onHunts
	}
	return b.onAlerts
}

// sortRules finds out which rules are asked about what.
func (b *Book) sortRules() {
	for i := range b.rules {
		if r := &b.rules[i]; r.on == onHunt {
			b.onHunts = append(b.onHunts, r)
		} else {
			b.onAlerts = append(b.onAlerts, r)
		}
	}
}

// subject refuses conditions about what the rule is not asked about: they would have no answer, or another than meant.
func (s *source) subject(r rule, entries []entry) {
	other, hint := onHunt, "write on: hunt, or take it out"
	if r.on == onHunt {
		other, hint = onAlert, "a rule for hunts reads hunt.name, hunt.severity, hunt.row, machine and now"
	}
	if do, ok := find(entries, "do"); ok && r.on == onHunt && slices.ContainsFunc(r.steps, func(step stepSpec) bool { return step.kind == UpdateAlert }) {
		s.on(do, "a rule with on: hunt has updateAlert, and a finding is no alert of Defender's", "take it out; tag marks the machine")
	}
	for name, c := range map[string]condition{"when": r.when, "unless": r.unless} {
		n, ok := find(entries, name)
		if !ok || r.on == "" {
			continue
		}
		for _, one := range c.clauses {
			if slices.ContainsFunc(one.fields, func(f field) bool { return f.name == other || strings.HasPrefix(f.name, other+".") }) {
				s.on(n, fmt.Sprintf("a rule with on: %s reads %s", r.on, other), hint)
				break
			}
		}
	}
}

// shownRow prints a row for an explanation.
func shownRow(row map[string]string) string {
	list := make([]string, 0, len(row))
	for _, name := range slices.Sorted(maps.Keys(row)) {
		list = append(list, name+": "+row[name])
	}
	return shownList(list)
}
