// Package backtest decides what was decided before once more, by another playbook, and says in what the two differ. It
// is pure: no clock, no I/O. However many decisions it is given, what it keeps is bounded; what it leaves out is
// counted.
//
// Neighbours: handler/decided is what it is given, handler/playbook decides, handler/cli/backtest reads the one and
// prints what came of it.
package backtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"cordon/handler/decided"
	"cordon/handler/playbook"
)

// Options say what is tried.
type Options struct {
	Book    *playbook.Book // the playbook that is tried
	Ceiling playbook.Mode  // the highest mode that is allowed; empty: as it was then
	Explain bool           // keep the whole plan of each example
}

// Trial is a playbook on trial. It is not safe for concurrent use.
type Trial struct {
	Options
	runs      int
	compared  int
	differ    int // of those that were compared
	oldest    time.Time
	newest    time.Time
	observed  int // runs that no playbook would have acted on
	railless  int // runs that would be acted on, of which not every rail was looked up
	effects   map[Effect]int
	playbooks bounded[string, Count]
	unknown   bounded[string, Unknown]
	total     Rule
	rules     bounded[string, Rule]
	changes   bounded[changeKey, Change]
	reach     reach
}

// What is kept at most. A playbook has 200 rules and a handful of steps, so that only records of many playbooks have
// more; a decision names as many reasons as attackers can think of.
const (
	mostPlaybooks = 20
	mostUnknown   = 30
	mostRules     = 400
	mostChanges   = 200
	mostReasons   = 5
	mostExamples  = 3
)

// New begins a trial.
func New(o Options) *Trial {
	t := &Trial{
		Options:   o,
		effects:   map[Effect]int{},
		playbooks: newBounded[string, Count](mostPlaybooks),
		unknown:   newBounded[string, Unknown](mostUnknown),
		rules:     newBounded[string, Rule](mostRules),
		changes:   newBounded[changeKey, Change](mostChanges),
		reach:     newReach(),
	}
	for _, name := range o.Book.Rules() {
		t.rules.at(name).Rule = name
	}
	return t
}

// Add decides once more what was decided before, and counts in what the two differ.
func (t *Trial) Add(d decided.Decision) {
	t.runs++
	t.span(d.ObservedAt)
	t.by(d.Playbook)
	in := d.Facts.Input()
	if t.Ceiling != "" {
		in.Ceiling = t.Ceiling
	}
	plan := t.Book.Decide(in)
	if missing := t.missing(d, in, plan); len(missing) > 0 {
		t.cannotKnow(d, missing)
		return
	}
	t.compared++
	if playbook.Lower(in.Ceiling, playbook.Enforce) != playbook.Enforce {
		t.observed++
	}
	was := side{
		rule:  d.Rule,
		steps: d.Steps,
	}
	is := side{
		rule:  plan.Rule,
		steps: plan.Steps,
	}
	t.tally(was, func(r *Rule) *Tally { return &r.Then })
	t.tally(is, func(r *Rule) *Tally { return &r.Now })
	t.compare(d, plan, was, is)
	t.reach.add(in, is)
	if is.acts() && in.Beginning.IsZero() {
		t.railless++
	}
}

// by counts which playbook decided then; none did about an alert that is not from the record.
func (t *Trial) by(playbook string) {
	if playbook == "" {
		return
	}
	if p := t.playbooks.at(playbook); p != nil {
		p.Name = shown(playbook)
		p.Runs++
	}
}

// span keeps from when until when the runs were observed.
func (t *Trial) span(at time.Time) {
	if t.oldest.IsZero() || at.Before(t.oldest) {
		t.oldest = at
	}
	if at.After(t.newest) {
		t.newest = at
	}
}

// tally counts what the rules of a decision come to, each and all together.
func (t *Trial) tally(s side, of func(*Rule) *Tally) {
	if s.rule == "" {
		return
	}
	of(&t.total).count(s.steps)
	for name := range strings.SplitSeq(s.rule, ",") {
		rule := t.rules.at(name)
		if rule == nil {
			continue
		}
		rule.Rule = shown(name)
		var own []playbook.Step
		for _, step := range s.steps {
			if slices.Contains(strings.Split(cmp.Or(step.Rule, s.rule), ","), name) {
				own = append(own, step)
			}
		}
		of(rule).count(own)
	}
}

// count counts a run with its acting steps, each verdict once.
func (c *Tally) count(steps []playbook.Step) {
	c.Runs++
	var seen []playbook.Verdict
	for _, step := range steps {
		if step.Kind.Acts() && !slices.Contains(seen, step.Verdict) {
			seen = append(seen, step.Verdict)
			c.add(step.Verdict)
		}
	}
}

func (c *Tally) add(v playbook.Verdict) {
	switch v {
	case playbook.Do:
		c.Done++
	case playbook.WouldDo:
		c.Observed++
	case playbook.Held:
		c.Held++
	case playbook.Skipped:
		c.Skipped++
	}
}
