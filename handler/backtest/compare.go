package backtest

import (
	"cmp"
	"reflect"
	"slices"

	"cordon/handler/decided"
	"cordon/handler/playbook"
)

// change is one way in which the two decisions about a run differ.
type change struct {
	effect    Effect
	then, now Side
	cause     Reason // without what differs from run to run
	why       Reason
}

// changeKey tells changes apart. What others wrote is no part of it.
type changeKey struct {
	effect    Effect
	then, now Side
	clause    Clause
}

// compare counts in what two decisions about a run differ.
func (t *Trial) compare(d decided.Decision, plan playbook.Plan, was, is side) {
	changes := differences(was, is, d.Whole())
	if len(changes) == 0 && was.rule != is.rule {
		changes = append(changes, change{
			effect: Renamed,
			then:   Side{Rule: shown(was.rule)},
			now:    Side{Rule: shown(is.rule)},
		})
	}
	if len(changes) > 0 {
		t.differ++
	}
	var seen []Effect
	for _, c := range changes {
		t.count(d, plan, c)
		if !slices.Contains(seen, c.effect) {
			seen = append(seen, c.effect)
			t.effects[c.effect]++
		}
	}
}

// differences holds the steps of two decisions against each other. whole: the texts in them can be compared too.
func differences(was, is side, whole bool) []change {
	var all []change
	add := func(then, now *playbook.Step) {
		effect, differs := effectOf(then, now, whole)
		if !differs {
			return
		}
		c := change{effect: effect}
		if then != nil {
			c.then = was.sideOf(*then)
			c.why.Then, c.cause.Then = reasonsOf(*then)
		}
		if now != nil {
			c.now = is.sideOf(*now)
			c.why.Now, c.cause.Now = reasonsOf(*now)
		}
		all = append(all, c)
	}
	for _, now := range is.steps {
		then, found := was.step(now.Key())
		if found {
			add(&then, &now)
		} else {
			add(nil, &now)
		}
	}
	for _, then := range was.steps {
		if _, found := is.step(then.Key()); !found {
			add(&then, nil)
		}
	}
	return all
}

// effectOf is what it comes to that a step is decided otherwise. nil: there is no such step.
func effectOf(then, now *playbook.Step, whole bool) (effect Effect, differs bool) {
	wasDone, isDone := done(then), done(now)
	switch {
	case isDone && !wasDone:
		return Begins, true
	case wasDone && !isDone:
		return Ends, true
	case then == nil || now == nil:
		return Undone, true
	}
	same := then.Verdict == now.Verdict && then.Scope == now.Scope
	if whole {
		same = same && sameWords(*then, *now)
	}
	switch {
	case same:
		return "", false
	case isDone:
		return Differs, true
	}
	return Undone, true
}

// done reports whether a step is done. A mail goes out in observe mode as well, and says what would have been done.
func done(step *playbook.Step) bool {
	return step != nil &&
		(step.Verdict == playbook.Do ||
			step.Kind == playbook.Mail && step.Verdict == playbook.WouldDo)
}

// sameWords reports whether two steps of one key send the same.
func sameWords(a, b playbook.Step) bool {
	return a.Comment == b.Comment &&
		a.Text == b.Text &&
		reflect.DeepEqual(a.Update, b.Update)
}

// sideOf is a step as changes are counted by it.
func (s side) sideOf(step playbook.Step) Side {
	return Side{
		Rule:    shown(s.ruleOf(step)),
		Step:    shown(nameOf(step)),
		Verdict: playbook.Verdict(shown(string(step.Verdict))),
	}
}

// reasonsOf is why a step is not simply done, and the same without what differs from run to run.
func reasonsOf(step playbook.Step) (why, cause string) {
	return shown(step.Why), shown(cmp.Or(step.Cause, step.Why))
}

// nameOf names a step without what a template made of the alert.
func nameOf(step playbook.Step) string {
	switch step.Kind {
	case playbook.Mail, playbook.UpdateAlert:
		return string(step.Kind)
	}
	return step.String()
}

// count counts a run under a change.
func (t *Trial) count(d decided.Decision, plan playbook.Plan, c change) {
	key := changeKey{
		effect: c.effect,
		then:   c.then,
		now:    c.now,
	}
	clause := t.clauseOf(plan, c.then.Rule, c.now.Rule)
	if clause != nil {
		key.clause = *clause
	}
	kept := t.changes.at(key)
	if kept == nil {
		return
	}
	kept.Effect = c.effect
	kept.Then = c.then
	kept.Now = c.now
	kept.Clause = clause
	kept.Runs++
	kept.reason(c.cause)
	if len(kept.Examples) < mostExamples {
		kept.Examples = append(kept.Examples, t.example(d, plan, c.why))
	}
}

// reason counts why.
func (c *Change) reason(why Reason) {
	if why.Then == "" && why.Now == "" {
		return
	}
	at := slices.IndexFunc(c.Reasons, func(r Reason) bool {
		return r.Then == why.Then && r.Now == why.Now
	})
	switch {
	case at >= 0:
		c.Reasons[at].Runs++
	case len(c.Reasons) < mostReasons:
		why.Runs = 1
		c.Reasons = append(c.Reasons, why)
	default:
		c.Others++
	}
}

func (t *Trial) example(d decided.Decision, plan playbook.Plan, why Reason) Example {
	e := Example{
		Run:      shown(d.Run),
		Observed: d.ObservedAt,
		Title:    shown(d.Facts.Alert.Title),
		Severity: shown(string(d.Facts.Alert.Severity)),
		Machine:  shown(cmp.Or(d.Facts.Alert.ComputerDNSName, d.Facts.Alert.MachineID)),
		Then:     why.Then,
		Now:      why.Now,
	}
	if d.Facts.Machine != nil {
		e.Machine = shown(cmp.Or(d.Facts.Machine.ComputerDNSName, e.Machine))
	}
	if t.Explain {
		e.Plan = &plan
	}
	return e
}
