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
	Unless    condition.Condition // counts only with hasUnless
	HasUnless bool
	GoesOn    bool          // continue
	Mode      Mode          // Enforce: the rule lowers nothing
	MaxAge    time.Duration // 0: only the setting counts
	Steps     []StepSpec
}

func (r Rule) acts() bool {
	return slices.ContainsFunc(r.Steps, func(s StepSpec) bool { return s.Kind.Acts() })
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
	step := Step{Kind: s.Kind, Scope: s.Scope, Tag: s.Tag, Remove: s.Remove}
	for _, r := range s.To {
		step.To = append(step.To, r.Source)
	}
	return step
}

// OnMachine reports whether a step touches the machine. An update of the alert does not: it needs no machine, and
// protects nobody from anything.
func OnMachine(s StepSpec) bool { return s.Kind.Acts() && s.Kind != UpdateAlert }

// ends reports whether a step takes back what was done to the machine.
func ends(s StepSpec) bool {
	return s.Kind == Release || s.Kind == UnrestrictApps || s.Kind == Tag && s.Remove
}

func Begins(s StepSpec) bool { return s.Kind.Acts() && !ends(s) }

// lasts reports whether a step puts the machine into a state that lasts.
func lasts(s StepSpec) bool { return s.Action != nil && s.Action.Lasting }
