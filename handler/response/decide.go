package response

import (
	"context"
	"slices"
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
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if run.State.Final() {
			return errDone
		}
		run.Rule, run.Mode, run.Book, run.MachineID = w.plan.Rule, string(w.plan.Mode), r.Book.Hash(), w.alert.MachineID
		return run.SetPlan(w.plan, w.plan.Steps)
	})
	if err != nil {
		return err
	}
	w.run = run
	return nil
}

// carryOut does what the plan says and closes the run, or leaves it waiting for the outcome of a machine action.
func (r *Responder) carryOut(ctx context.Context, w *work) error {
	if r.stale(w) && len(w.plan.Steps) > 0 && w.isolation() < 0 {
		if err := r.readAgain(ctx, w); err != nil {
			return err
		}
	}
	if len(w.plan.Steps) == 0 {
		return r.close(ctx, w, "no rule", w.plan.Reason)
	}
	for _, step := range w.plan.Steps {
		if step.Kind == playbook.Isolate {
			return r.carryOutIsolation(ctx, w, step)
		}
	}
	e := r.event(w, notice.Matched)
	e.Detail = w.plan.Reason
	if err := r.tell(ctx, w, e); err != nil {
		return err
	}
	return r.close(ctx, w, "mailed", w.plan.Reason)
}

// isolation is the plan's step that isolates, and below 0 if there is none that is to be carried out.
func (w *work) isolation() int {
	i := slices.IndexFunc(w.plan.Steps, func(s playbook.Step) bool { return s.Kind == playbook.Isolate })
	if i >= 0 && (w.machine == nil || w.plan.Steps[i].Verdict != playbook.Do) {
		return -1
	}
	return i
}

func (r *Responder) carryOutIsolation(ctx context.Context, w *work, step playbook.Step) error {
	switch {
	case w.machine == nil:
		return r.conclude(ctx, w, notice.NoMachine, "no machine", step.Why)
	case step.Verdict == playbook.Do:
		return r.isolate(ctx, w, step)
	case step.Verdict == playbook.WouldDo:
		return r.notDone(ctx, w, notice.WouldIsolate, "would isolate", step.Why)
	case step.Verdict == playbook.Skipped:
		return r.conclude(ctx, w, notice.Refused, "skipped", step.Why)
	}
	return r.held(ctx, w, step.Why)
}

// notDone ends a run whose step is not carried out. It must not be told as "not isolated" about a machine that is
// isolated or being isolated all the same, for another alert or by a request of this run whose fate is still open:
// whoever joined that hears of its outcome.
func (r *Responder) notDone(ctx context.Context, w *work, kind notice.Kind, outcome, reason string) error {
	l, err := r.Ledger.Latch(ctx, w.machine.ID, ledger.Isolation)
	if err != nil {
		return err
	}
	if l.State == ledger.Intended || l.State == ledger.Acting || l.State == ledger.Achieved {
		return r.close(ctx, w, outcome, reason+"; an isolation that was asked for before goes on")
	}
	return r.conclude(ctx, w, kind, outcome, reason)
}

// conclude tells people and then closes the run.
func (r *Responder) conclude(ctx context.Context, w *work, kind notice.Kind, outcome, reason string) error {
	e := r.event(w, kind)
	e.Detail = reason
	if err := r.tell(ctx, w, e); err != nil {
		return err
	}
	return r.close(ctx, w, outcome, reason)
}

// tell records an event for everybody whom the plan's mail steps name; without a mail step nobody is told.
func (r *Responder) tell(ctx context.Context, w *work, e notice.Event) error {
	for _, step := range w.plan.Steps {
		if step.Kind != playbook.Mail {
			continue
		}
		e.To = step.To
		if err := r.Teller.Tell(ctx, notice.Group(w.alert, step.To), e); err != nil {
			return err
		}
	}
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
	if w.alert.ID != "" {
		e.Title, e.Severity, e.Incident = w.alert.Title, string(w.alert.Severity), w.alert.IncidentID
	}
	if w.machine != nil {
		e.MachineID, e.MachineName = w.machine.ID, w.machine.ComputerDNSName
	}
	return e
}
