package operate

import (
	"context"
	"strings"

	"cordon/handler/desk"
	"cordon/handler/ledger/runs"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook/explain"
)

// Run implements Desk.
func (p *person) Run(ctx context.Context, which string) (wire.Run, error) {
	is, err := p.office.Desk.Recorded(ctx, which)
	if err != nil {
		return wire.Run{}, problem(err)
	}
	r := recorded(is.Run)
	r.Commands = entries(is.Commands)
	r.Versions = versions(is)
	if is.Plan != nil {
		r.Decision = explain.Plan(*is.Plan)
		r.Plan = is.Plan
	}
	return r, nil
}

func recorded(run runs.Run) wire.Run {
	r := wire.Run{
		ID:          run.ID(),
		AlertID:     run.AlertID,
		Version:     run.Version,
		State:       string(run.State),
		Outcome:     run.Outcome,
		Reason:      run.Reason,
		Trouble:     run.Trouble,
		MachineID:   run.MachineID,
		Title:       run.Title,
		Severity:    run.Severity,
		Status:      run.Status,
		Rule:        run.Rule,
		Mode:        run.Mode,
		Playbook:    run.Book,
		Observed:    run.ObservedAt,
		Started:     run.StartedAt,
		Closed:      run.ClosedAt,
		Due:         run.DueAt,
		Steps:       []wire.RunStep{},
		Told:        append([]string{}, strings.Fields(run.Told)...),
		ContinuedBy: run.Leave,
		ContinuedAt: run.LeaveAt,
	}
	for _, step := range run.Steps {
		r.Steps = append(r.Steps, wire.RunStep{
			Step:    step.Key,
			Outcome: step.Outcome,
			Reason:  step.Reason,
			Waiting: step.Waiting,
			Again:   step.Reissues,
		})
	}
	return r
}

func versions(is desk.Recorded) []wire.RunVersion {
	all := make([]wire.RunVersion, len(is.Versions))
	for i, run := range is.Versions {
		all[i] = wire.RunVersion{
			Run:      run.ID(),
			State:    string(run.State),
			Outcome:  run.Outcome,
			Severity: run.Severity,
			Observed: run.ObservedAt,
		}
	}
	return all
}
