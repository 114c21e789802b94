package playbook

import (
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/templates"
)

// Rule is one rule of a book, compiled.
type Rule struct {
	Name      string
	On        string // what it is asked about
	When      condition.Condition
	Unless    condition.Condition // counts only with HasUnless
	HasUnless bool
	GoesOn    bool          // continue
	Mode      Mode          // Enforce: the rule lowers nothing
	MaxAge    time.Duration // 0: only the setting counts
	Steps     []StepSpec
}

// has reports whether a step of the rule is one of those that a rail is about.
func (r Rule) has(about func(StepSpec) bool) bool {
	return slices.ContainsFunc(r.Steps, about)
}

// reads reports whether a condition of the rule reads a fact.
func (r Rule) reads(fact string) bool {
	return r.When.Reads(fact) || r.Unless.Reads(fact)
}

// StepSpec is a step as it is written.
type StepSpec struct {
	Kind    StepKind
	Action  *machine.Spec // nil: it asks for no machine action
	Scope   machine.Scope
	Comment *templates.Template // of a machine action, nil: the default comment; of an updateAlert step, nil: none
	Tag     string
	Remove  bool             // the tag is taken off
	Update  alert.Change     // without its comment and its assignee
	Assign  templates.Target // of an updateAlert step
	To      []templates.Target
	Text    *templates.Template // of a mail, nil: none
}

// Step is the specification as far as it tells steps apart.
func (s StepSpec) Step() Step {
	step := Step{
		Kind:   s.Kind,
		Scope:  s.Scope,
		Tag:    s.Tag,
		Remove: s.Remove,
	}
	for _, target := range s.To {
		step.To = append(step.To, target.Source)
	}
	return step
}

// Acts reports whether the step changes something at Defender.
func (s StepSpec) Acts() bool { return s.Kind.Acts() }

// OnMachine reports whether the step touches the machine. An update of the alert does not: it needs no machine, and
// protects nobody from anything.
func (s StepSpec) OnMachine() bool {
	return s.Kind.Acts() && s.Kind != UpdateAlert
}

// Ends reports whether the step takes back what was done to the machine.
func (s StepSpec) Ends() bool {
	return s.Kind == Release || s.Kind == UnrestrictApps || s.Kind == Tag && s.Remove
}

// Begins reports whether the step does something that is not only taken back.
func (s StepSpec) Begins() bool { return s.Kind.Acts() && !s.Ends() }

// Lasts reports whether the step puts the machine into a state that lasts.
func (s StepSpec) Lasts() bool { return s.Action != nil && s.Action.Lasting }
