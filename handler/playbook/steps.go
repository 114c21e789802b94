package playbook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/playbook/spelling"
	"cordon/handler/playbook/templates"
)

// decided is a rule that has a say in the plan.
type decided struct {
	*Rule
	trace *RuleTrace
}

// reason says why the rule decides.
func (d decided) reason() string {
	switch {
	case d.trace.Outcome == Errored:
		return fmt.Sprintf("rule %s could not be evaluated: %s; nothing is done until a person has looked",
			d.Name, d.trace.Error)
	case len(d.Steps) == 0:
		return fmt.Sprintf("rule %s matched, it has no steps: nothing is done", d.Name)
	}
	return fmt.Sprintf("rule %s matched", d.Name)
}

// steps turns the specifications of a rule into steps with verdicts.
func (b *Book) steps(d decided, in Input, rails []rail) []Step {
	var out []Step
	told := false
	mode := b.modeOf(in, d.Rule)
	for _, s := range d.Rule.Steps {
		if s.Kind == Mail {
			told = true
			for _, step := range s.mails(in) {
				step.Verdict, step.Why = mailVerdict(mode)
				out = append(out, step)
			}
			continue
		}
		step, note := s.made(in)
		switch {
		case d.trace.Outcome == Errored:
			step.Verdict, step.Why, step.Cause = d.unanswered(verdict(rails, d.Name, s))
		case s.Kind == UpdateAlert && step.Update.IsZero():
			step.Verdict = Skipped
			step.Why = cmp.Or(note, "the comment is empty, and nothing else was to be changed")
		default:
			step.Verdict, step.Why, step.Cause = verdict(rails, d.Name, s)
			step.Why = cmp.Or(step.Why, note)
		}
		out = append(out, step)
	}
	if d.trace.Outcome == Errored && !told {
		step := Step{Kind: Mail}
		step.Verdict, step.Why = mailVerdict(mode)
		out = append(out, step)
	}
	return out
}

// mailVerdict is the verdict on a mail: no rail holds it.
func mailVerdict(m Mode) (Verdict, string) {
	if m == Enforce {
		return Do, ""
	}
	return WouldDo, "mode observe: the mail goes out and says what would have been done"
}

// unanswered is the verdict on a step of a rule that could not be evaluated: it is held for that, and whoever is to
// decide about it sees what else holds it. What cannot be done stays so.
func (d decided) unanswered(v Verdict, why, cause string) (verdict Verdict, said, same string) {
	if v == Skipped {
		return v, why, cause
	}
	said = d.reason()
	same = "rule " + d.Name + " could not be evaluated: " + alert.Steady(d.trace.Error)
	if v == Held {
		said += "; besides, " + why
	}
	return Held, said, same
}

// made is the acting step for one alert, without a verdict, and what there is to say about it.
func (s StepSpec) made(in Input) (step Step, note string) {
	step = s.Step()
	switch {
	case s.Kind == UpdateAlert:
		var update alert.Change
		update, note = s.updated(in)
		step.Update = &update
	case s.Kind.Action() != "":
		step.Comment = s.Comment.Render(templateData(in), usualComment(in))
	}
	return step, note
}

// updated is the change that a step makes to the alert, and says if its assignee came to nothing.
func (s StepSpec) updated(in Input) (change alert.Change, note string) {
	data := templateData(in)
	change = s.Update
	change.Comment = s.Comment.Render(data, "")
	assignee, ok := s.Assign.Resolve(data)
	if !ok {
		return change, fmt.Sprintf("the playbook's %s gave no account for this alert, so it is assigned to nobody",
			spelling.Quoted(s.Assign.Source))
	}
	change.AssignedTo = assignee
	return change, ""
}

// mails are the mails of a step: one, and if a template gave no address, one to the configured recipients that says so.
func (s StepSpec) mails(in Input) []Step {
	data := templateData(in)
	step := s.Step()
	var wrong []string
	step.To, wrong = s.addressed(data)
	step.Text = s.Text.Render(data, "")
	if len(wrong) == 0 {
		return []Step{step}
	}
	note := fmt.Sprintf("The playbook's %s gave no mail address for this alert, so the configured recipients are told.",
		strings.Join(wrong, ", "))
	usual := step
	usual.To, usual.Text = nil, joined(note, step.Text)
	if len(step.To) == 0 {
		return []Step{usual}
	}
	return []Step{step, usual}
}

// addressed resolves whom a mail goes to, each once, and says what gave no address.
func (s StepSpec) addressed(data templates.Data) (to, wrong []string) {
	for _, target := range s.To {
		address, ok := target.Resolve(data)
		switch {
		case !ok:
			wrong = append(wrong, spelling.Quoted(target.Source))
		case !slices.Contains(to, address):
			to = append(to, address)
		}
	}
	return to, wrong
}

// addStep adds a step unless there is the same already: a machine is isolated once, people are told once. Of two the
// first that is done counts: a rule that only observes, or whose step is held, keeps no other from acting.
func addStep(steps []Step, step Step) []Step {
	for i, there := range steps {
		if there.Key() != step.Key() {
			continue
		}
		switch {
		case there.Verdict != Do && step.Verdict == Do:
			step.Text = joined(there.Text, step.Text)
			steps[i] = step
		case step.Kind == Mail:
			steps[i].Text = joined(there.Text, step.Text)
		case step.Kind == UpdateAlert && there.Verdict == step.Verdict:
			update := withRest(*there.Update, *step.Update)
			steps[i].Update = &update
			steps[i].Rule = there.Rule + "," + step.Rule
		}
		return steps
	}
	return append(steps, step)
}

// joined are the texts of two mails to the same people.
func joined(a, b string) string {
	if a == b {
		return a
	}
	return spelling.Cut(strings.TrimSpace(a+" "+b), templates.MaxText)
}

// withRest is what one rule changes of an alert and, where it says nothing, what a later one does. A verdict is one
// thing: the determination of one rule is never put to the classification of another.
func withRest(first, rest alert.Change) alert.Change {
	first.Status = cmp.Or(first.Status, rest.Status)
	first.AssignedTo = cmp.Or(first.AssignedTo, rest.AssignedTo)
	if first.Classification == "" && first.Determination == "" {
		first.Classification = rest.Classification
		first.Determination = rest.Determination
	}
	first.Comment = joined(first.Comment, rest.Comment)
	return first
}

// settleContradictions skips what one rule wants and another one undoes. A machine that a rule wants isolated, or that
// a person is to decide about, is not released by another rule; of a tag that is added and removed the first step
// counts. What only observes keeps nothing from being done.
func settleContradictions(steps []Step) {
	for i, step := range steps {
		if step.Verdict != Do && step.Verdict != WouldDo {
			continue
		}
		for j, other := range steps {
			stands := other.Verdict == Do || other.Verdict == Held || other.Verdict == step.Verdict
			if i == j || !stands || !step.Undoes(other) {
				continue
			}
			if step.Kind == Release || step.Kind == UnrestrictApps || step.Kind == Tag && j < i {
				steps[i].Verdict = Skipped
				steps[i].Why = "rule " + other.Rule + " wants " + other.String()
				break
			}
		}
	}
}

// verdict is what the rails say about an acting step of a rule: the verdict of the first that stops it, with the
// reasons of all others, so that a person who gives a go-ahead knows them; if none stops it, the notes of the rails
// about steps that are done. Nothing more is said of a machine that is not known.
func verdict(rails []rail, rule string, s StepSpec) (v Verdict, why, cause string) {
	v = Do
	note := ""
	known := true
	for _, r := range rails {
		switch {
		case r.Rule != "" && r.Rule != rule, r.about != nil && !r.about(s):
		case v == Held && r.Verdict == Held && known:
			cause = cmp.Or(cause, why) // the first tells whether it is news
			why += "; besides, " + r.Why
		case v != Do:
		case r.Verdict != Do:
			v = r.Verdict
			why = r.Why
			cause = r.Cause
			known = r.Rail != namedRail && r.Rail != readRail
		case r.Why != "":
			note = strings.TrimPrefix(note+"; "+r.Why, "; ")
		}
	}
	if v == Do {
		return Do, note, ""
	}
	return v, why, cause
}
