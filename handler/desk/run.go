package desk

import (
	"context"

	"cordon/handler/alert"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/runs"
	"cordon/handler/playbook"
)

// Recorded is a run as the record has it.
type Recorded struct {
	Run      runs.Run
	Plan     *playbook.Plan  // as it was decided, with every rule, clause, value and rail; nil: none was kept
	Versions []runs.Run      // all versions of the alert, newest first, this one among them
	Commands []journal.Entry // what people did about the alert, newest first
}

// Recorded reads a run by its id, or the newest of an alert by the alert's id. An error that is a refusal says that
// there is none.
func (d *Desk) Recorded(ctx context.Context, which string) (Recorded, error) {
	alertID, version := splitRun(which)
	if alertID == "" {
		alertID = which
	}
	if err := alert.CheckID(alertID); err != nil {
		return Recorded{}, Refusef("run or alert id %s", err)
	}
	record, err := d.Runs.Alert(ctx, alertID)
	if err != nil {
		return Recorded{}, err
	}
	run, there := record.Run(version)
	if version == 0 {
		run, there = record.Latest()
	}
	if !there {
		return Recorded{}, Refusef("the record has no run %s; it keeps them for CORDON_RETENTION", which)
	}
	is := Recorded{Run: run}
	for i := len(record.Runs) - 1; i >= 0; i-- {
		is.Versions = append(is.Versions, record.Runs[i])
	}
	is.Plan, err = planOf(run)
	if err != nil {
		return Recorded{}, err
	}
	is.Commands, err = d.Journal.About(ctx, alertID, mostShown)
	return is, err
}

// planOf is the plan of a run. One that was too large is kept as its steps alone.
func planOf(run runs.Run) (*playbook.Plan, error) {
	var plan playbook.Plan
	kept, err := run.ReadPlan(&plan)
	if kept && err != nil {
		plan = playbook.Plan{Rule: run.Rule, Mode: playbook.Mode(run.Mode), Reason: run.Reason}
		_, err = run.ReadPlan(&plan.Steps)
	}
	if !kept || err != nil {
		return nil, err
	}
	return &plan, nil
}
