package playbook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/machine"
)

// rail is one rail's word about some acting steps.
type rail struct {
	RailTrace
	about func(stepSpec) bool // nil: all
}

// onMachine reports whether a step touches the machine. An update of the alert does not: it needs no machine, and
// protects nobody from anything.
func onMachine(s stepSpec) bool { return s.kind.Acts() && s.kind != UpdateAlert }

// ends reports whether a step takes back what was done to the machine.
func ends(s stepSpec) bool {
	return s.kind == Release || s.kind == UnrestrictApps || s.kind == Tag && s.remove
}

func begins(s stepSpec) bool { return s.kind.Acts() && !ends(s) }

// lasts reports whether a step puts the machine into a state that lasts.
func lasts(s stepSpec) bool { return s.action != nil && s.action.Lasting }

// notFalse skips what lasts for an alert that a person, or Defender, calls a false positive. No person can change that by a
// word but by another classification.
func notFalse(in Input) RailTrace {
	t := RailTrace{Rail: "not a false positive", Verdict: Do}
	if strings.EqualFold(in.Alert.Classification, "FalsePositive") {
		t.Verdict, t.Why = Skipped, "the alert is classified as a false positive"
	}
	return t
}

// The rails that ask whether there is a machine to speak of.
const (
	machineNamed = "machine named"
	machineRead  = "machine read"
)

// rails asks every rail in its fixed order about the acting steps of the rules that decide. No rule has a say here but
// about its own steps, and there only to lower: by its mode and its own limit of age.
func (b *Book) rails(in Input, acting []*rule) []rail {
	made := make([]rail, 0, 13)
	if slices.ContainsFunc(acting, func(r *rule) bool { return slices.ContainsFunc(r.steps, lasts) }) {
		made = append(made, rail{notFalse(in), lasts})
	}
	machines := slices.ContainsFunc(acting, func(r *rule) bool { return slices.ContainsFunc(r.steps, onMachine) })
	if machines {
		asked := []RailTrace{held(machineNamed, noMachineID(in)), read(in), unprotected(b.protect, in)}
		if b.only.written() {
			asked = append(asked, held("listed", b.only.holds(in)))
		}
		for _, t := range asked {
			made = append(made, rail{t, onMachine})
		}
	}
	made = append(made, perRule(acting, func(r *rule) []rail { return staleRails(in, r) })...)
	made = append(made, rail{held("not paused", paused(in)), nil})
	if machines {
		made = append(made, seenLately(in, acting)...)
		made = append(made, supported(in, acting)...)
	}
	return append(made, perRule(acting, func(r *rule) []rail { return []rail{{b.modeRail(in, r), nil}} })...)
}

// perRule asks a rail about the steps of each rule; of one rule alone it is not said whose they are.
func perRule(rules []*rule, ask func(*rule) []rail) []rail {
	var made []rail
	for _, r := range rules {
		for _, one := range ask(r) {
			if len(rules) > 1 {
				one.Rule = r.name
			}
			made = append(made, one)
		}
	}
	return made
}

// traces is what a plan keeps of the rails.
func traces(rails []rail) []RailTrace {
	list := make([]RailTrace, len(rails))
	for i, r := range rails {
		list[i] = r.RailTrace
	}
	return list
}

func held(rail, why string) RailTrace {
	if why == "" {
		return RailTrace{Rail: rail, Verdict: Do}
	}
	return RailTrace{Rail: rail, Verdict: Held, Why: why}
}

func noMachineID(in Input) string {
	if in.Alert.MachineID == "" {
		return "the alert names no machine"
	}
	return ""
}

// read holds what nobody can check against the protected machines.
func read(in Input) RailTrace {
	const missing = "the machine could not be read, so it counts as protected"
	why := ""
	switch {
	case in.Machine == nil:
		why = missing
	case !strings.EqualFold(in.Machine.ID, in.Alert.MachineID):
		why = fmt.Sprintf("the machine that was read is %s, the alert names %s", quoted(in.Machine.ID), quoted(in.Alert.MachineID))
	}
	t := held(machineRead, why)
	if in.Machine == nil && in.MachineMissing != "" {
		t.Why, t.Cause = missing+": "+cut(plainText(in.MachineMissing), 300), missing
	}
	return t
}

// staleRails asks about the age of the alert. What takes something back goes by the alert's last update: an alert that was
// resolved after days is old, but that it was resolved is new.
func staleRails(in Input, r *rule) []rail {
	starts, takesBack := slices.ContainsFunc(r.steps, begins), slices.ContainsFunc(r.steps, ends)
	judged := func(about func(stepSpec) bool) func(stepSpec) bool {
		return func(s stepSpec) bool { return about(s) && !in.asked(s) }
	}
	created := in.Alert.Created
	if created.IsZero() {
		created = in.Alert.Updated
	}
	var made []rail
	if starts {
		made = append(made, rail{stale(in, r, created, "the alert is %s old, %s is %s", judged(begins)), judged(begins)})
	}
	if takesBack {
		made = append(made, rail{stale(in, r, in.Alert.Updated, "the alert's last update is %s old, %s is %s", judged(ends)), judged(ends)})
	}
	if starts && takesBack {
		made[0].Step, made[1].Step = namesOf(r.steps, begins), namesOf(r.steps, ends)
	}
	return made
}

// asked reports whether the step is under way for the alert, or was. What has no machine action goes by those of the others.
func (in Input) asked(s stepSpec) bool {
	return len(in.Asked) > 0 && (s.action == nil || slices.Contains(in.Asked, s.action.LatchOf(s.scope)))
}

// namesOf names the kinds of the steps that a rail is about.
func namesOf(steps []stepSpec, about func(stepSpec) bool) string {
	var names []string
	for _, s := range steps {
		if name := string(s.kind); about(s) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// stale says that the time an alert is judged by is too long ago. For what is begun that is its creation: an old alert that
// something touches again is still an old alert.
func stale(in Input, r *rule, at time.Time, said string, judged func(stepSpec) bool) RailTrace {
	const name = "not stale"
	limit, whose := in.StaleAfter, "the limit"
	if r.maxAge > 0 && r.maxAge < limit {
		limit, whose = r.maxAge, "the limit of rule "+r.name
	}
	switch {
	case in.StaleAfter <= 0:
		return held(name, "no stale limit is set, so every alert counts as stale")
	case at.IsZero():
		return held(name, "the alert has no time, so it counts as stale")
	}
	age := in.Now.Sub(at)
	if age <= limit || !slices.ContainsFunc(r.steps, judged) {
		return held(name, "")
	}
	t := held(name, fmt.Sprintf(said, age.Round(time.Second), whose, limit))
	t.Cause = fmt.Sprintf(said, "too", whose, limit)
	return t
}

// awayAfter is how long a machine may be silent before people are told so: Defender tries an isolation for three days,
// and a machine reports about daily ("Take response actions on a device").
const awayAfter = 3 * 24 * time.Hour

// seenLately says that the machine has not been seen for long; it holds nothing, for requests wait at Defender. A tag and
// the containment of a machine that is not onboarded need nothing from the machine itself.
func seenLately(in Input, acting []*rule) []rail {
	isolates := func(s stepSpec) bool { return s.kind == Isolate && s.scope != machine.UnManagedDevice }
	others := func(s stepSpec) bool { return s.kind != Isolate && s.kind.Action() != "" }
	steps := allSteps(acting)
	var made []rail
	if slices.ContainsFunc(steps, isolates) {
		made = append(made, rail{RailTrace{Rail: "seen lately", Verdict: Do, Why: away(in, "an isolation takes hold when it is back, and Defender gives up after three days")}, isolates})
	}
	if slices.ContainsFunc(steps, others) {
		made = append(made, rail{RailTrace{Rail: "seen lately", Verdict: Do, Why: away(in, "nothing happens there before it is back")}, others})
	}
	if len(made) == 2 {
		made[0].Step, made[1].Step = namesOf(steps, isolates), namesOf(steps, others)
	}
	return made
}

func away(in Input, so string) string {
	if in.Machine == nil {
		return ""
	}
	if in.Machine.LastSeen.IsZero() {
		return "it is not known when the machine was last seen; if it is away, " + so
	}
	if silent := in.Now.Sub(in.Machine.LastSeen); silent > awayAfter {
		return fmt.Sprintf("the machine was last seen %s, %d days ago: %s", in.Machine.LastSeen.UTC().Format(time.RFC3339), silent/(24*time.Hour), so)
	}
	return ""
}

// supported asks of each machine action whether the machine knows it. What it does not know is skipped: no person can
// change that by a word.
func supported(in Input, acting []*rule) []rail {
	var made []rail
	type action struct {
		kind  StepKind
		scope machine.Scope
	}
	var asked []action
	for _, s := range allSteps(acting) {
		k := action{s.kind, s.scope}
		if s.action == nil || slices.Contains(asked, k) {
			continue
		}
		asked = append(asked, k)
		t := RailTrace{Rail: "supported", Verdict: Do, Step: s.step().String()}
		if in.Machine != nil {
			if why := s.action.Unsupported(*in.Machine, s.scope); why != "" {
				t.Verdict, t.Why = Skipped, why
			}
		}
		made = append(made, rail{t, func(other stepSpec) bool { return other.kind == s.kind && other.scope == s.scope }})
	}
	if len(made) == 1 {
		made[0].Step = ""
	}
	return made
}

func allSteps(rules []*rule) []stepSpec {
	if len(rules) == 1 {
		return rules[0].steps
	}
	var steps []stepSpec
	for _, r := range rules {
		steps = append(steps, r.steps...)
	}
	return steps
}

func paused(in Input) string {
	switch {
	case !in.Paused:
		return ""
	case in.PauseReason == "":
		return "acting is paused"
	}
	return "acting is paused: " + cut(plainText(in.PauseReason), 300)
}

func (b *Book) modeOf(in Input, r *rule) Mode { return Lower(Lower(b.mode, in.Ceiling), r.mode) }

const modeName = "mode"

func (b *Book) modeRail(in Input, r *rule) RailTrace {
	t := RailTrace{Rail: modeName, Verdict: Do}
	if b.modeOf(in, r) != Enforce {
		t.Verdict = WouldDo
		t.Why = fmt.Sprintf("mode observe: playbook %s, ceiling %s", Lower(b.mode, Enforce), Lower(in.Ceiling, Enforce))
		if r.mode != Enforce {
			t.Why += ", rule " + r.name + " observe"
		}
	}
	return t
}
