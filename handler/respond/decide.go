package respond

import (
	"context"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/archive"
	"cordon/handler/decided"
	"cordon/handler/ledger/runs"
	"cordon/handler/playbook"
)

// ReadAgain gets alert and machine from the API and decides anew.
func (r *Responder) ReadAgain(ctx context.Context, run *answer.Run) (answer.Outcome, error) {
	run.Alert = alert.Alert{}
	run.Machine = nil
	run.Missing = ""
	run.Refresh = true
	o, err := r.facts(ctx, run)
	if err == nil && !o.Ends() {
		o, err = r.decide(ctx, run)
	}
	if err != nil || o.Ends() {
		run.ReadAt = time.Time{} // facts and plan do not belong together
	}
	return o, err
}

// forgetHeld takes what was held of earlier versions from the list: this version is answered instead, whatever the
// answer is.
func (r *Responder) forgetHeld(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	held := func(row runs.Run) bool {
		return row.Version < run.Row.Version && (row.IsHeld() || !row.State.Final())
	}
	if !slices.ContainsFunc(run.Record.Runs, held) {
		return o, nil
	}
	return o, r.Held.Remove(ctx, run.Row.AlertID, run.Row.Version-1)
}

// decide asks the playbook and records the plan with its reasons before anything is done. What was decided in observe
// mode stays observed, whatever the mode has become since; where only a rule observes, the ceiling is as it is set.
func (r *Responder) decide(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	in, err := r.input(ctx, run)
	if err != nil {
		return o, err
	}
	in.Ceiling = r.Ceiling
	if run.Row.Mode == string(playbook.Observe) && r.Book.Decide(in).Mode == playbook.Enforce {
		in.Ceiling = playbook.Observe
	}
	plan, err := r.askBook(ctx, run, &in)
	if err != nil {
		return o, err
	}
	run.Began = in.Beginning
	made := archive.Made{Input: in, Plan: plan, Playbook: r.Book.Hash()}
	run.Plan = plan
	if !in.Paused {
		run.Plan, made.Continued = run.WithGoAheads(plan)
	}
	r.noteOddities(ctx, run, in)
	if err := r.tellWithdrawn(ctx, run); err != nil {
		return o, err
	}
	o, err = r.clerk.Write(ctx, run, func(row *runs.Run) (bool, error) {
		row.Rule = run.Plan.Rule
		row.Mode = string(run.Plan.Mode)
		row.Book = r.Book.Hash()
		row.MachineID = run.Alert.MachineID
		if run.Machine != nil {
			row.MachineName = run.Machine.ComputerDNSName
		}
		row.Steps = row.Steps.Plan(stepStates(run.Plan))
		lasting := decided.Lasting(run.Plan)
		return true, row.SetPlan(lasting, lasting.Steps)
	})
	if err != nil || o.Ends() {
		return o, err
	}
	// After the row: of two invocations the facts that are kept are of the one that got its plan in.
	made.Run = run.Row
	return o, r.Archive.Keep(ctx, made)
}

// askBook decides. Whether acting is paused, and since when the ledger knows alerts, is read only for a plan that would
// act; both become part of the input.
func (r *Responder) askBook(
	ctx context.Context,
	run *answer.Run,
	in *playbook.Input,
) (playbook.Plan, error) {
	plan := r.Book.Decide(*in)
	wouldAct := func(s playbook.Step) bool { return wouldAct(run, s) }
	if !slices.ContainsFunc(plan.Steps, wouldAct) {
		return plan, nil
	}
	pause, err := r.Switches.Pause(ctx)
	if err != nil {
		return plan, err
	}
	ledger, err := r.Switches.Beginning(ctx)
	if err != nil {
		return plan, err
	}
	in.Paused, in.PauseReason = pause.Paused, pause.Why()
	in.Beginning = ledger.At
	if in.Beginning.IsZero() {
		in.Beginning = in.Now // no poll has looked yet
	}
	return r.Book.Decide(*in), nil
}

// wouldAct reports whether a step changes something, or would if no rail held it. What is about a machine needs one.
func wouldAct(run *answer.Run, s playbook.Step) bool {
	if !s.Kind.Acts() || s.Verdict != playbook.Do && s.Verdict != playbook.Held {
		return false
	}
	return run.Machine != nil || s.Kind == playbook.UpdateAlert
}

// stepStates are the acting steps of the plan as a run begins with them.
func stepStates(plan playbook.Plan) []runs.Step {
	var states []runs.Step
	for _, step := range plan.Steps {
		if step.Kind.Acts() {
			states = append(states, runs.Step{Key: step.Key(), Latch: answer.LatchOf(step)})
		}
	}
	return states
}
