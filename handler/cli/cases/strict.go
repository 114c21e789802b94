package cases

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cordon/handler/incoming"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read/source"
)

// What passes by neglect: a rule that no case sees decide, a case that does not say what is wanted, a step that is held
// or skipped for whatever reason, and facts that no rule of the playbook reads.

// neglected looks for what a result passes by neglect.
func (t *tester) neglected(book *tried, c testCase, at int, r Result) {
	for _, trace := range r.plan.Rules {
		if trace.Outcome == playbook.Matched {
			book.decided[trace.Rule] = true
		}
	}
	given := c.Given
	if len(c.Moments) > 0 {
		given = c.Moments[at].Given
	}
	for _, what := range given.neglects(book.Needs(), r.plan) {
		t.Neglected = append(t.Neglected, Finding{
			File: r.File,
			Line: r.Line,
			What: r.Name + ": " + what,
		})
	}
}

func (g given) neglects(needs playbook.Needs, plan playbook.Plan) []string {
	var all []string
	if g.Want == nil {
		all = append(all, "it has no want, so any plan of no rule is right")
	}
	stopped := func(s playbook.Step) bool { return s.Verdict == playbook.Held || s.Verdict == playbook.Skipped }
	i := slices.IndexFunc(plan.Steps, stopped)
	if g.Want != nil && g.Want.Why == "" && i >= 0 {
		all = append(all, fmt.Sprintf("%s is %s for any reason; say which with why", plan.Steps[i],
			plan.Steps[i].Verdict))
	}
	reads := needs.Isolated || needs.OpenActions
	comesTo := g.Want != nil && g.Want.ComesTo != nil
	for _, fact := range []struct {
		name        string
		given, read bool
	}{
		{"actions", g.Actions != nil, reads || comesTo},
		{"isolatedBy", g.IsolatedBy != "", needs.Isolated},
		{"alertsOnMachine", g.OnMachine != nil, needs.AlertsOnMachine},
		{"alertsInIncident", g.InIncident != nil, needs.AlertsInIncident},
	} {
		if fact.given && !fact.read {
			all = append(all, fmt.Sprintf("it says %s, which no rule of the playbook reads", fact.name))
		}
	}
	return all
}

// unseenRules finds the rules that no case saw decide.
func (t *tester) unseenRules() {
	for _, path := range slices.Sorted(maps.Keys(t.books)) {
		book := t.books[path]
		lines := ruleLines(path)
		for _, name := range book.Rules() {
			if !book.decided[name] {
				t.Neglected = append(t.Neglected, Finding{
					File: path,
					Line: lines[name],
					What: fmt.Sprintf("no case sees rule %s decide", name),
				})
			}
		}
	}
}

// ruleLines are the lines on which the rules of a playbook begin, by their names. A playbook that cannot be read any
// more has none.
func ruleLines(path string) map[string]int {
	lines := map[string]int{}
	body, err := incoming.File(path)
	if err != nil {
		return lines
	}
	for _, rule := range entriesOf(source.New(string(body)).Parse(), "rules") {
		name := member(rule, "name")
		if name != nil {
			line, _ := source.Place(rule)
			lines[strings.Trim(name.String(), `"'`)] = line
		}
	}
	return lines
}
