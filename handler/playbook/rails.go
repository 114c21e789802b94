package playbook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/machine"
	"cordon/handler/playbook/spelling"
)

// rail is one rail's word about some acting steps.
type rail struct {
	RailTrace
	about func(StepSpec) bool // nil: all
}

// rails asks every rail in its fixed order about the acting steps of the rules that decide. No rule has a say here but
// about its own steps, and there only to lower: by its mode and its own limit of age.
func (b *Book) rails(in Input, acting []*Rule) []rail {
	made := make([]rail, 0, 13)
	if slices.ContainsFunc(acting, func(r *Rule) bool { return slices.ContainsFunc(r.Steps, lasts) }) {
		made = append(made, rail{notFalse(in), lasts})
	}
	machines := slices.ContainsFunc(acting, func(r *Rule) bool { return slices.ContainsFunc(r.Steps, OnMachine) })
	if machines {
		asked := []RailTrace{held(machineNamed, noMachineID(in)), read(in), unprotected(b.protect, in)}
		if b.only.written() {
			asked = append(asked, held("listed", b.only.holds(in)))
		}
		for _, t := range asked {
			made = append(made, rail{t, OnMachine})
		}
	}
	made = append(made, perRule(acting, func(r *Rule) []rail { return staleRails(in, r) })...)
	made = append(made, rail{held("not paused", paused(in)), nil})
	if machines {
		made = append(made, seenLately(in, acting)...)
		made = append(made, supported(in, acting)...)
	}
	return append(made, perRule(acting, func(r *Rule) []rail { return []rail{{b.modeRail(in, r), nil}} })...)
}

// perRule asks a rail about the steps of each rule; of one rule alone it is not said whose they are.
func perRule(rules []*Rule, ask func(*Rule) []rail) []rail {
	var made []rail
	for _, r := range rules {
		for _, one := range ask(r) {
			if len(rules) > 1 {
				one.Rule = r.Name
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

// notFalse skips what lasts for an alert that a person, or Defender, calls a false positive. No person can change that by a
// word but by another classification.
func notFalse(in Input) RailTrace {
	t := RailTrace{Rail: "not a false positive", Verdict: Do}
	if strings.EqualFold(in.Alert.Classification, "FalsePositive") {
		t.Verdict, t.Why = Skipped, "the alert is classified as a false positive"
	}
	return t
}

func held(rail, why string) RailTrace {
	if why == "" {
		return RailTrace{Rail: rail, Verdict: Do}
	}
	return RailTrace{Rail: rail, Verdict: Held, Why: why}
}

// The rails that ask whether there is a machine to speak of.
const (
	machineNamed = "machine named"
	machineRead  = "machine read"
)

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
		why = fmt.Sprintf("the machine that was read is %s, the alert names %s", spelling.Quoted(in.Machine.ID), spelling.Quoted(in.Alert.MachineID))
	}
	t := held(machineRead, why)
	if in.Machine == nil && in.MachineMissing != "" {
		t.Why, t.Cause = missing+": "+spelling.Cut(spelling.Plain(in.MachineMissing), 300), missing
	}
	return t
}

// seenLately says that the machine has not been seen for long; it holds nothing, for requests wait at Defender. A tag and
// the containment of a machine that is not onboarded need nothing from the machine itself.
func seenLately(in Input, acting []*Rule) []rail {
	isolates := func(s StepSpec) bool { return s.Kind == Isolate && s.Scope != machine.UnManagedDevice }
	others := func(s StepSpec) bool { return s.Kind != Isolate && s.Kind.Action() != "" }
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

// awayAfter is how long a machine may be silent before people are told so: Defender tries an isolation for three days,
// and a machine reports about daily ("Take response actions on a device").
const awayAfter = 3 * 24 * time.Hour

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
func supported(in Input, acting []*Rule) []rail {
	var made []rail
	type action struct {
		kind  StepKind
		scope machine.Scope
	}
	var asked []action
	for _, s := range allSteps(acting) {
		k := action{s.Kind, s.Scope}
		if s.Action == nil || slices.Contains(asked, k) {
			continue
		}
		asked = append(asked, k)
		t := RailTrace{Rail: "supported", Verdict: Do, Step: s.Step().String()}
		if in.Machine != nil {
			if why := s.Action.Unsupported(*in.Machine, s.Scope); why != "" {
				t.Verdict, t.Why = Skipped, why
			}
		}
		made = append(made, rail{t, func(other StepSpec) bool { return other.Kind == s.Kind && other.Scope == s.Scope }})
	}
	if len(made) == 1 {
		made[0].Step = ""
	}
	return made
}

func allSteps(rules []*Rule) []StepSpec {
	if len(rules) == 1 {
		return rules[0].Steps
	}
	var steps []StepSpec
	for _, r := range rules {
		steps = append(steps, r.Steps...)
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
	return "acting is paused: " + spelling.Cut(spelling.Plain(in.PauseReason), 300)
}

func (b *Book) modeOf(in Input, r *Rule) Mode { return Lower(Lower(b.mode, in.Ceiling), r.Mode) }

const modeName = "mode"

func (b *Book) modeRail(in Input, r *Rule) RailTrace {
	t := RailTrace{Rail: modeName, Verdict: Do}
	if b.modeOf(in, r) != Enforce {
		t.Verdict = WouldDo
		t.Why = fmt.Sprintf("mode observe: playbook %s, ceiling %s", Lower(b.mode, Enforce), Lower(in.Ceiling, Enforce))
		if r.Mode != Enforce {
			t.Why += ", rule " + r.Name + " observe"
		}
	}
	return t
}

// namesOf names the kinds of the steps that a rail is about.
func namesOf(steps []StepSpec, about func(StepSpec) bool) string {
	var names []string
	for _, s := range steps {
		if name := string(s.Kind); about(s) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
