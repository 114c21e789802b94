package answer

import (
	"time"

	"cordon/handler/episode"
)

// PatientFor is for how long one waits for what ends by itself.
const PatientFor = episode.PatientFor

// Outcome says how a run goes on after a piece of work that did not fail. The zero value: it continues with the
// next piece.
type Outcome struct {
	kind  kind
	Pause Pause // of one that comes back
}

type kind int

const (
	goesOn      kind = iota
	stepOver         // the step is over, or waits for its episode; the run has others to look at
	planChanged      // facts were read again and the plan made anew, before the step was done
	runOver          // the run needs nothing more of this invocation
	comesBack        // the run goes on with a copy of its message
)

// StepOver says that nothing is left to do for the step.
func StepOver() Outcome { return Outcome{kind: stepOver} }

// PlanChanged says that the step is another plan's.
func PlanChanged() Outcome { return Outcome{kind: planChanged} }

// RunOver says that nothing is left to do for the run.
func RunOver() Outcome { return Outcome{kind: runOver} }

// Pause is how a run goes on with a copy of its message.
type Pause struct {
	After   time.Duration
	Forgive bool // earlier deaths are forgotten
	Patient bool // it waits for what ends by itself
	Turn    bool // it waits for its turn of a quota
	Why     string
}

// Later lets the run come back.
func Later(p Pause) Outcome { return Outcome{kind: comesBack, Pause: p} }

// Ends reports whether the work that comes next is not to be done.
func (o Outcome) Ends() bool { return o.kind != goesOn }

// StepIsOver reports whether nothing is left to do for the step.
func (o Outcome) StepIsOver() bool { return o.kind == stepOver }

// PlanHasChanged reports whether the steps are another plan's.
func (o Outcome) PlanHasChanged() bool { return o.kind == planChanged }

// RunIsOver reports whether nothing is left to do for the run.
func (o Outcome) RunIsOver() bool { return o.kind == runOver }

// ComesBack reports whether the run goes on with a copy.
func (o Outcome) ComesBack() bool { return o.kind == comesBack }
