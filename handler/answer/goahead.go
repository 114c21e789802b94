package answer

import (
	"fmt"
	"slices"
	"time"

	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// WithGoAheads is a plan whose held steps are done for which a person gave the go-ahead, unless the machine is no
// longer what that person saw. keys are those of the steps.
func (run *Run) WithGoAheads(plan playbook.Plan) (is playbook.Plan, keys []string) {
	is = plan
	is.Steps = slices.Clone(plan.Steps)
	for i, step := range plan.Steps {
		if step.Verdict == playbook.Held && step.Kind.Acts() && run.HasGoAhead(step) {
			is.Steps[i] = run.continued(plan, step)
			keys = append(keys, step.Key())
		}
	}
	return is, keys
}

// continued is a step that a rail held and a person let go on.
func (run *Run) continued(plan playbook.Plan, step playbook.Step) playbook.Step {
	enforced := plan.Enforces(step)
	step.Why += "; continued by " + run.Row.Leave
	if !enforced {
		step.Verdict = playbook.WouldDo
		return step
	}
	step.Verdict = playbook.Do
	spec, isAction := machine.SpecOf(step.Kind.Action())
	if !isAction {
		return step
	}
	why := spec.Unsupported(*run.Machine, step.Scope)
	if why != "" {
		step.Verdict, step.Why = playbook.Skipped, why
	}
	return step
}

// HasGoAhead reports whether a person gave the go-ahead for the step, for the machine as it is now. What was done about
// a word from before the ledger's beginning is not known, so it counts no more.
func (run *Run) HasGoAhead(step playbook.Step) bool {
	state, _ := run.Row.StepOf(step.Key())
	if !state.Leave || run.Row.Leave == "" || run.Machine == nil || run.Row.LeaveAt.Before(run.Began) {
		return false
	}
	return run.Row.LeaveFor == machine.FactsDigest(*run.Machine)
}

// HeldAgain makes it news that a step is held after a person let it go on, though the reason is the one of before. A
// go-ahead counts for the version of the alert that it was given for; if a later one is held, people hear that too.
func (run *Run) HeldAgain(why Reason) Reason {
	newest := run.Row
	for _, earlier := range run.Record.Runs {
		if earlier.Version < run.Row.Version && earlier.LeaveAt.After(newest.LeaveAt) {
			newest = earlier
		}
	}
	if newest.Leave == "" {
		return why
	}
	again := Reason{why.Text, why.cause() + ", after " + newest.LeaveAt.Format(time.RFC3339Nano)}
	if newest.Version != run.Row.Version {
		again.Text += fmt.Sprintf("; the go-ahead (%s) was for version %d of the alert", newest.Leave, newest.Version)
	}
	return again
}
