package backtest

import (
	"cmp"
	"fmt"
	"time"

	"cordon/handler/backtest"
)

// How much is printed; JSON has all.
const (
	mostChanges = 30
	mostDaysOut = 31
	mostOthers  = 20
)

// sheetsOf says what came of a trial.
func sheetsOf(t tried) []sheet {
	sheets := []sheet{head(t)}
	left := mostChanges
	for _, effect := range t.Effects {
		s, shown := changes(t.Report, effect, left)
		left -= shown
		sheets = append(sheets, s)
	}
	sheets = append(sheets, rules(t.Report))
	if len(t.Reach) > 0 {
		sheets = append(sheets, reach(t.Report))
	}
	if len(t.Observe) > 0 {
		sheets = append(sheets, observe(t.Report))
	}
	if len(t.Unknown) > 0 {
		sheets = append(sheets, unknown(t.Report))
	}
	if s := notes(t); len(s.lines) > 0 {
		sheets = append(sheets, s)
	}
	return sheets
}

func head(t tried) sheet {
	all := runs(t.Runs)
	if t.Source == fromAPI {
		all = number(t.Runs) + " alerts"
	}
	s := sheet{
		title: "Backtest",
		lines: []line{
			say("playbook %, digest %", t.File, digest(t.Playbook)),
			say(all + " of " + days(t.Since, t.Until)),
			say(number(t.Same) + " are decided the same, " + number(t.Differ) + " otherwise, " +
				number(t.UnknownRuns) + " cannot be compared"),
		},
	}
	if len(t.Then) == 1 {
		s.lines = append(s.lines, say("decided then by the playbook with digest %", digest(t.Then[0].Name)))
	}
	if len(t.Then) > 1 {
		s.lines = append(s.lines, say(fmt.Sprintf("decided then by %d playbooks, most by digest %%", len(t.Then)),
			digest(t.Then[0].Name)))
	}
	return s
}

// changes are those of one effect, at most so many.
func changes(r backtest.Report, effect backtest.Count, most int) (s sheet, shown int) {
	s = sheet{
		title:   effect.Name + ": " + runs(effect.Runs),
		heading: []string{"RUNS", "STEP", "THEN", "NOW"},
		cut:     []int{1, 2, 3},
	}
	left := 0
	for _, c := range r.Changes {
		switch {
		case string(c.Effect) != effect.Name:
		case len(s.rows) >= most:
			left++
		default:
			s.rows = append(s.rows, changed(c))
		}
	}
	if left > 0 {
		s.lines = append(s.lines, say(number(left)+" more ways to differ are left out here; --json has them"))
	}
	if len(s.rows) == 0 {
		s.heading = nil
	}
	return s, len(s.rows)
}

func changed(c backtest.Change) row {
	step := cmp.Or(c.Now.Step, c.Then.Step)
	r := row{cells: []line{
		say(number(c.Runs)),
		say("%", step),
		sideOf(c.Then),
		sideOf(c.Now),
	}}
	if step == "" {
		r.cells[1] = say("-")
	}
	if c.Then.Step != "" && c.Then.Step != step {
		r.cells[1] = say("%, was %", step, c.Then.Step)
	}
	if c.Clause != nil {
		r.below = append(r.below, because(*c.Clause))
	}
	for _, why := range c.Reasons {
		r.below = append(r.below, reason(why)...)
	}
	if c.Others > 0 {
		r.below = append(r.below, say("other reasons: "+runs(c.Others)))
	}
	for _, e := range c.Examples {
		r.below = append(r.below, example(e))
	}
	return r
}

func sideOf(s backtest.Side) line {
	switch {
	case s.Verdict != "" && s.Rule != "":
		return say("%: %", s.Rule, string(s.Verdict))
	case s.Verdict != "":
		return say("%", string(s.Verdict))
	case s.Rule != "":
		return say("%", s.Rule)
	}
	return say("nothing")
}

func because(c backtest.Clause) line {
	if c.Text == "" {
		return say("because % is now: "+c.Outcome, c.Rule)
	}
	return say("because % is now: "+c.Outcome+", as % is "+c.Result, c.Rule, c.Text)
}

func reason(why backtest.Reason) (lines []line) {
	of := " (" + runs(why.Runs) + ")"
	if why.Then != "" {
		lines = append(lines, say("why then: %"+of, why.Then))
	}
	if why.Now != "" {
		lines = append(lines, say("why now: %"+of, why.Now))
	}
	return lines
}

func example(e backtest.Example) line {
	return say("such as %, "+e.Observed.UTC().Format(time.RFC3339)+", on %: % %",
		e.Run, cmp.Or(e.Machine, "no machine"), e.Severity, e.Title)
}

// rules are how often each rule decides, then and now.
func rules(r backtest.Report) sheet {
	s := sheet{
		title:   "Rules, runs then > now",
		heading: []string{"RULE", "RUNS", "DONE", "HELD", "OBSERVED", "SKIPPED"},
		cut:     []int{0},
	}
	idle := 0
	for _, rule := range r.Rules {
		if rule.Then.Runs+rule.Now.Runs == 0 {
			idle++
			continue
		}
		s.rows = append(s.rows, tallied(say("%", rule.Rule), rule))
	}
	if len(s.rows) > 1 {
		s.rows = append(s.rows, tallied(say("all together"), r.Total))
	}
	if idle > 0 {
		s.lines = append(s.lines, say("rules that decide about none of these runs: "+number(idle)))
	}
	if len(s.rows) == 0 {
		s.heading = nil
	}
	return s
}

func tallied(name line, rule backtest.Rule) row {
	return row{cells: []line{
		name,
		both(rule.Then.Runs, rule.Now.Runs),
		both(rule.Then.Done, rule.Now.Done),
		both(rule.Then.Held, rule.Now.Held),
		both(rule.Then.Observed, rule.Now.Observed),
		both(rule.Then.Skipped, rule.Now.Skipped),
	}}
}

func both(then, now int) line {
	if then == now {
		return say(number(now))
	}
	return say(number(then) + " > " + number(now))
}
