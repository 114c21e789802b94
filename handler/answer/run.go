// Package answer holds what one invocation knows about the run that it answers, and how the run goes on: what people
// are told of it, how its steps and the run end, and when it comes back.
//
// It is shared by handler/respond, which finds the run and decides, and handler/act, which carries the plan out.
package answer

import (
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// Run is a run on its way through one invocation. Each part is filled in by the stage that it is named after.
type Run struct {
	Call
	Kept
	Facts
	Decision
}

// Call is the message that asks for the run.
type Call struct {
	Message  alert.Message
	Delivery int  // of the message, counted from 1
	Alone    bool // nothing else is answered by this process meanwhile
}

// Kept is what the ledger keeps of the run, and what it is to keep.
type Kept struct {
	Row     runs.Run
	Record  runs.Record // of the alert, as it was when the run was found
	Seen    runs.Seen
	Started bool     // this invocation is among the starts of the run
	Last    bool     // what cannot be read or done now is held
	told    []string // stands for what was told and the row does not keep yet, see note
}

// Facts are the alert and its machine as they were read.
type Facts struct {
	Alert   alert.Alert
	Machine *machine.Machine // nil: the alert names none, or it could not be read
	Missing string           // why it could not be read, although the alert names one
	ReadAt  time.Time        // when the older of alert and machine was read
	Refresh bool             // facts come from the API, whatever travels with the message
}

// Decision is the plan, and how far it is carried out.
type Decision struct {
	Plan  playbook.Plan
	Step  playbook.Step // the one that is being carried out; its zero value: none
	Began time.Time     // the ledger's beginning as the plan was made with it
}

// ID names the run in logs, comments and mails.
func (run *Run) ID() string { return run.Row.ID() }

// AlertOrID is the alert, or as much of it as the message says.
func (run *Run) AlertOrID() alert.Alert {
	if run.Alert.ID == "" {
		return alert.Alert{ID: run.Message.AlertID, IncidentID: run.Seen.IncidentID}
	}
	return run.Alert
}

// Since is when the run stopped making progress.
func (run *Run) Since() time.Time {
	if run.Row.StuckSince.IsZero() {
		return run.Row.LastTryAt.Add(-PatientFor)
	}
	return run.Row.StuckSince
}

// AsksLater reports whether the run has a machine action that is neither followed nor over.
func (run *Run) AsksLater() bool {
	for _, s := range run.Row.Steps {
		if s.Latch != "" && !s.Waiting && s.Outcome == "" {
			return true
		}
	}
	return false
}

// LatchOf names the latch that owns the step's machine action; empty if it has none.
func LatchOf(step playbook.Step) string {
	spec, found := machine.SpecOf(step.Kind.Action())
	if !found {
		return ""
	}
	return spec.LatchOf(step.Scope)
}

// Groups are the notice groups that hear of the run.
func (run *Run) Groups() string {
	var groups []string
	for _, step := range run.Plan.Steps {
		if step.Kind == playbook.Mail {
			groups = append(groups, notice.Group(run.Alert, step.To))
		}
	}
	return strings.Join(groups, " ")
}
