package respond

import (
	"cmp"
	"context"
	"strings"

	"cordon/handler/ledger"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// decide asks the playbook and records the plan with its reasons before anything is done. What was decided in observe
// mode stays observed, whatever the mode has become since.
func (r *Responder) decide(ctx context.Context, w *work) error {
	ceiling := r.Ceiling
	if w.run.Mode == string(playbook.Observe) {
		ceiling = playbook.Observe
	}
	in, err := r.input(ctx, w)
	if err != nil {
		return err
	}
	in.Ceiling = ceiling
	if w.plan, err = r.askBook(ctx, w, in); err != nil {
		return err
	}
	r.noteOddities(ctx, w, in)
	if err := r.tellWithdrawn(ctx, w); err != nil {
		return err
	}
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if run.State.Final() {
			return errDone
		}
		run.Rule, run.Mode, run.Book, run.MachineID = w.plan.Rule, string(w.plan.Mode), r.Book.Hash(), w.alert.MachineID
		run.Steps = run.Steps.Plan(stepStates(w.plan))
		return run.SetPlan(w.plan, w.plan.Steps)
	})
	if err != nil {
		return err
	}
	w.run = run
	return nil
}

// groups are the notice groups that hear of the run.
func (w *work) groups() string {
	var groups []string
	for _, step := range w.plan.Steps {
		if step.Kind == playbook.Mail {
			groups = append(groups, notice.Group(w.alert, step.To))
		}
	}
	return strings.Join(groups, " ")
}

// event begins an event about the run with what is known of it.
func (r *Responder) event(w *work, kind notice.Kind) notice.Event {
	e := notice.Event{Kind: kind, At: r.Now().UTC(), RunID: w.run.ID(), AlertID: w.message.AlertID, Title: w.run.Title,
		Severity: w.run.Severity, Incident: w.seen.IncidentID, Rule: w.plan.Rule}
	if w.step.Kind != "" && w.step.Kind != playbook.Isolate {
		e.Step, e.Action, e.Scope = cmp.Or(latchOf(w.step), w.step.Key()), w.step.Kind.Action(), w.step.Scope
	}
	if w.alert.ID != "" {
		e.Title, e.Severity, e.Incident = w.alert.Title, string(w.alert.Severity), w.alert.IncidentID
	}
	if w.machine != nil {
		e.MachineID, e.MachineName = w.machine.ID, w.machine.ComputerDNSName
	} else if w.missing != "" {
		e.MachineID, e.MachineName = w.alert.MachineID, w.alert.ComputerDNSName
	}
	return e
}
