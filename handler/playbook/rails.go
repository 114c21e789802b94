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

// rails asks every rail in its fixed order about the acting steps of the rules that decide. A rule can
// only tighten them, and only for its own steps: by its mode and its own limit of age.
func (b *Book) rails(in Input, acting []*Rule) []rail {
	steps := stepsOf(acting)
	made := make([]rail, 0, 14)
	if slices.ContainsFunc(steps, StepSpec.Lasts) {
		made = append(made, rail{notFalse(in), StepSpec.Lasts})
	}
	onMachine := slices.ContainsFunc(steps, StepSpec.OnMachine)
	if onMachine {
		asked := []RailTrace{machineNamed(in), machineRead(in), unprotected(b.written.Protect, in)}
		if len(b.written.Only) > 0 {
			asked = append(asked, held("listed", b.written.Only.omits(in)))
		}
		for _, t := range asked {
			made = append(made, rail{t, StepSpec.OnMachine})
		}
	}
	made = append(made, perRule(acting, func(r *Rule) []rail {
		return append(staleRails(in, r), b.knownRails(in, r)...)
	})...)
	made = append(made, rail{held("not paused", paused(in)), nil})
	if onMachine {
		made = append(made, seenLately(in, steps)...)
		made = append(made, supported(in, steps)...)
	}
	return append(made, perRule(acting, func(r *Rule) []rail { return []rail{{b.modeRail(in, r), nil}} })...)
}

func stepsOf(rules []*Rule) []StepSpec {
	var steps []StepSpec
	for _, r := range rules {
		steps = append(steps, r.Steps...)
	}
	return steps
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

// notFalse skips what lasts for an alert that a person, or Defender, calls a false positive. No person can change that
// by a word but by another classification.
func notFalse(in Input) RailTrace {
	t := RailTrace{Rail: "not a false positive", Verdict: Do}
	if strings.EqualFold(in.Alert.Classification, "FalsePositive") {
		t.Verdict = Skipped
		t.Why = "the alert is classified as a false positive"
	}
	return t
}

// The rails that ask whether there is a machine to speak of.
const (
	namedRail = "machine named"
	readRail  = "machine read"
)

func machineNamed(in Input) RailTrace {
	if in.Alert.MachineID == "" {
		return held(namedRail, "the alert names no machine")
	}
	return held(namedRail, "")
}

// machineRead holds what nobody can check against the protected machines.
func machineRead(in Input) RailTrace {
	const missing = "the machine could not be read, so it counts as protected"
	switch {
	case in.Machine == nil && in.MachineMissing == "":
		return held(readRail, missing)
	case in.Machine == nil:
		t := held(readRail, missing+": "+spelling.Cut(spelling.Plain(in.MachineMissing), 300))
		t.Cause = missing
		return t
	case !strings.EqualFold(in.Machine.ID, in.Alert.MachineID):
		return held(readRail, fmt.Sprintf("the machine that was read is %s, the alert names %s",
			spelling.Quoted(in.Machine.ID), spelling.Quoted(in.Alert.MachineID)))
	}
	return held(readRail, "")
}

// unprotected is the rail of protect. Of a machine that it lets pass it says which tags almost protect it.
func unprotected(protect Lists, in Input) RailTrace {
	t := held("not protected", protect.protects(in))
	if t.Verdict == Do {
		var near []string
		for _, o := range protect.nearTags(in) {
			near = append(near, o.String())
		}
		t.Why = strings.Join(near, "; ")
	}
	return t
}

// byTime asks a rail about the time that steps are judged by. What is begun goes by the alert's creation: an old alert
// that something touches again is still an old alert. What takes something back goes by its last update: an alert that
// was resolved after days is old, but that it was resolved is new.
func byTime(in Input, r *Rule, ask func(at time.Time, whose string, about func(StepSpec) bool) rail) []rail {
	var made []rail
	if r.has(StepSpec.Begins) {
		made = append(made, ask(in.created(), "the alert", StepSpec.Begins))
	}
	if r.has(StepSpec.Ends) {
		made = append(made, ask(in.Alert.Updated, "the alert's last update", StepSpec.Ends))
	}
	if len(made) == 2 {
		made[0].Step = namesOf(r.Steps, StepSpec.Begins)
		made[1].Step = namesOf(r.Steps, StepSpec.Ends)
	}
	return made
}

// staleRails ask whether the alert is too old. What was allowed once is not asked again.
func staleRails(in Input, r *Rule) []rail {
	return byTime(in, r, func(at time.Time, whose string, about func(StepSpec) bool) rail {
		judged := func(s StepSpec) bool { return about(s) && !in.asked(s) }
		return rail{stale(in, r, at, whose, judged), judged}
	})
}

// stale says that the time an alert is judged by is too long ago.
func stale(in Input, r *Rule, at time.Time, what string, judged func(StepSpec) bool) RailTrace {
	const name = "not stale"
	limit, whose := in.StaleAfter, "the limit"
	if r.MaxAge > 0 && r.MaxAge < limit {
		limit, whose = r.MaxAge, "the limit of rule "+r.Name
	}
	switch {
	case in.StaleAfter <= 0:
		return held(name, "no stale limit is set, so every alert counts as stale")
	case at.IsZero():
		return held(name, "the alert has no time, so it counts as stale")
	}
	age := in.Now.Sub(at)
	if age <= limit || !r.has(judged) {
		return held(name, "")
	}
	const said = "%s is %s old, %s is %s"
	t := held(name, fmt.Sprintf(said, what, age.Round(time.Second), whose, limit))
	t.Cause = fmt.Sprintf(said, what, "too", whose, limit)
	return t
}

// knownRails hold what may have been answered before the ledger began to know alerts. A rule that only observes acts on
// nothing, so it says what it would do.
func (b *Book) knownRails(in Input, r *Rule) []rail {
	if in.Beginning.IsZero() || b.modeOf(in, r) != Enforce {
		return nil
	}
	return byTime(in, r, func(at time.Time, whose string, about func(StepSpec) bool) rail {
		if !in.Since.IsZero() {
			at, whose = in.Since, "what was found may be older: it"
		}
		t := held("since the beginning", "")
		if at.Before(in.Beginning) {
			t.Verdict = Held
			t.Cause = "what was done before the ledger's beginning is not known"
			t.Why = fmt.Sprintf("%s is from %s, and %s, which is at %s", whose, at.UTC().Format(time.RFC3339), t.Cause,
				in.Beginning.UTC().Format(time.RFC3339))
		}
		return rail{t, about}
	})
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

// seenLately says that the machine has not been seen for long; it holds nothing, for requests wait at Defender. A tag
// and the containment of a machine that is not onboarded need nothing from the machine itself.
func seenLately(in Input, steps []StepSpec) []rail {
	isolates := func(s StepSpec) bool { return s.Kind == Isolate && s.Scope != machine.UnManagedDevice }
	others := func(s StepSpec) bool { return s.Kind != Isolate && s.Kind.Action() != "" }
	var made []rail
	ask := func(about func(StepSpec) bool, so string) {
		if slices.ContainsFunc(steps, about) {
			made = append(made, rail{RailTrace{Rail: "seen lately", Verdict: Do, Why: away(in, so)}, about})
		}
	}
	ask(isolates, "an isolation takes hold when it is back, and Defender gives up after three days")
	ask(others, "nothing happens there before it is back")
	if len(made) == 2 {
		made[0].Step = namesOf(steps, isolates)
		made[1].Step = namesOf(steps, others)
	}
	return made
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

// awayAfter is how long a machine may be silent before people are told so: Defender tries an isolation for three days,
// and a machine reports about daily ("Take response actions on a device").
const awayAfter = 3 * 24 * time.Hour

// away says that the machine was not seen for long, and so what to expect; empty: it was.
func away(in Input, so string) string {
	if in.Machine == nil {
		return ""
	}
	seen := in.Machine.LastSeen
	if seen.IsZero() {
		return "it is not known when the machine was last seen; if it is away, " + so
	}
	silent := in.Now.Sub(seen)
	if silent <= awayAfter {
		return ""
	}
	return fmt.Sprintf("the machine was last seen %s, %d days ago: %s",
		seen.UTC().Format(time.RFC3339), silent/(24*time.Hour), so)
}

// supported asks of each machine action whether the machine knows it. What it does not know is skipped: no person can
// change that by a word.
func supported(in Input, steps []StepSpec) []rail {
	var made []rail
	for i, s := range steps {
		same := func(other StepSpec) bool { return other.Kind == s.Kind && other.Scope == s.Scope }
		if s.Action == nil || slices.ContainsFunc(steps[:i], same) {
			continue
		}
		t := RailTrace{Rail: "supported", Verdict: Do, Step: s.Step().String()}
		if in.Machine != nil {
			if why := s.Action.Unsupported(*in.Machine, s.Scope); why != "" {
				t.Verdict, t.Why = Skipped, why
			}
		}
		made = append(made, rail{t, same})
	}
	if len(made) == 1 {
		made[0].Step = ""
	}
	return made
}

const modeName = "mode"

func (b *Book) modeRail(in Input, r *Rule) RailTrace {
	t := RailTrace{Rail: modeName, Verdict: Do}
	if b.modeOf(in, r) == Enforce {
		return t
	}
	t.Verdict = WouldDo
	t.Why = fmt.Sprintf("mode observe: playbook %s, ceiling %s", Lower(b.Mode(), Enforce), Lower(in.Ceiling, Enforce))
	if r.Mode != Enforce {
		t.Why += ", rule " + r.Name + " observe"
	}
	return t
}

func (b *Book) modeOf(in Input, r *Rule) Mode {
	return Lower(Lower(b.Mode(), in.Ceiling), r.Mode)
}

// held is the trace of a rail that holds steps: Held with the reason, or Do if there is none.
func held(rail, why string) RailTrace {
	if why == "" {
		return RailTrace{Rail: rail, Verdict: Do}
	}
	return RailTrace{Rail: rail, Verdict: Held, Why: why}
}
