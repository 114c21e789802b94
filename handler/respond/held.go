package respond

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// askBook decides. Whether acting is paused is read only for a plan that would act. What a rail holds is done if a person
// gave leave for it, unless acting is paused or the machine is no longer what that person saw.
func (r *Responder) askBook(ctx context.Context, w *work, in playbook.Input) (playbook.Plan, error) {
	plan := r.Book.Decide(in)
	if !slices.ContainsFunc(plan.Steps, w.wouldAct) {
		return plan, nil
	}
	pause, err := r.Ledger.Pause(ctx)
	if err != nil {
		return plan, err
	}
	if pause.Paused {
		in.Paused, in.PauseReason = true, pause.Why()
		return r.Book.Decide(in), nil
	}
	for i, step := range plan.Steps {
		if !w.hasLeave(step) || !step.Kind.Acts() || step.Verdict != playbook.Held {
			continue
		}
		if plan.Steps[i].Why = step.Why + "; continued by " + w.run.Leave; !plan.Enforces(step) {
			plan.Steps[i].Verdict = playbook.WouldDo
			continue
		}
		plan.Steps[i].Verdict = playbook.Do
		if spec, isAction := machine.SpecOf(step.Kind.Action()); isAction && spec.Unsupported(*w.machine, step.Scope) != "" {
			plan.Steps[i].Verdict, plan.Steps[i].Why = playbook.Skipped, spec.Unsupported(*w.machine, step.Scope)
		}
	}
	return plan, nil
}

// wouldAct reports whether a step changes something, or would if no rail held it. What is about a machine needs one.
func (w *work) wouldAct(s playbook.Step) bool {
	return s.Kind.Acts() && (s.Verdict == playbook.Do || s.Verdict == playbook.Held) && (w.machine != nil || s.Kind == playbook.UpdateAlert)
}

// hasLeave reports whether a person let the step go on, for the machine as it is now.
func (w *work) hasLeave(step playbook.Step) bool {
	state, _ := w.run.StepOf(step.Key())
	return state.Leave && w.run.Leave != "" && w.machine != nil && w.run.LeaveFor == machine.FactsDigest(*w.machine)
}

// held ends a run whose step a rail holds.
func (r *Responder) held(ctx context.Context, w *work, why reason) error {
	why = w.heldAgain(why)
	if err := r.keepHeld(ctx, w, why.text); err != nil {
		return err
	}
	return r.notDone(ctx, w, notice.Held, "held", why)
}

// holdHere ends an episode before anything was sent, because a rail holds the step.
func (r *Responder) holdHere(ctx context.Context, t *turn, why reason) error {
	why = t.heldAgain(why)
	if err := r.keepHeld(ctx, t.work, why.text); err != nil {
		return r.giveBack(ctx, t, err)
	}
	return r.endWith(ctx, t, notice.Held, "held", why)
}

// heldAgain makes it news that a step is held after a person let it go on, though the reason is the one of before. A leave counts
// for the version of the alert that it was given for; if a later one is held, people hear that too.
func (w *work) heldAgain(why reason) reason {
	newest := w.run
	for _, earlier := range w.record.Runs {
		if earlier.Version < w.run.Version && earlier.LeaveAt.After(newest.LeaveAt) {
			newest = earlier
		}
	}
	if newest.Leave == "" {
		return why
	}
	again := reason{why.text, cmp.Or(why.cause, why.text) + ", after " + newest.LeaveAt.Format(time.RFC3339Nano)}
	if newest.Version != w.run.Version {
		again.text += fmt.Sprintf("; the leave of %s, was for version %d of the alert", newest.Leave, newest.Version)
	}
	return again
}

// keepHeld lets a person find what was held. What comes without a machine cannot be continued.
func (r *Responder) keepHeld(ctx context.Context, w *work, why string) error {
	if w.machine == nil {
		return nil
	}
	there, found, err := r.Ledger.HeldOf(ctx, w.run.AlertID, w.run.Version)
	if err != nil {
		return err
	}
	var steps ledger.HeldSteps
	for _, step := range there.Wanted() {
		if state, _ := w.run.StepOf(step.Key); found && step.Key != w.step.Key() && state.Outcome == ledger.HeldOutcome {
			steps = append(steps, step)
		}
	}
	steps = append(steps, ledger.HeldStep{Key: w.step.Key(), Step: w.step.String(), Reason: why})
	err = r.Ledger.AddHeld(ctx, ledger.Held{AlertID: w.run.AlertID, Version: w.run.Version, MachineID: w.machine.ID, MachineName: w.machine.ComputerDNSName,
		Title: w.alert.Title, Severity: string(w.alert.Severity), Rule: w.plan.Rule, Steps: steps, At: r.Now().UTC()}, *w.machine)
	if err != nil {
		return err
	}
	// A version that came meanwhile may have looked for what it takes the place of before this was written.
	if seen, exists, err := r.Ledger.Seen(ctx, w.run.AlertID); err != nil || !exists || seen.Version <= w.run.Version {
		return err
	}
	return r.Ledger.RemoveHeld(ctx, w.run.AlertID, w.run.Version)
}

// forgetHeld takes what was held of earlier versions from the list: this version is answered instead, whatever the answer is.
func (r *Responder) forgetHeld(ctx context.Context, w *work) error {
	held := func(run ledger.Run) bool { return run.Version < w.run.Version && (run.IsHeld() || !run.State.Final()) }
	if !slices.ContainsFunc(w.record.Runs, held) {
		return nil
	}
	return r.Ledger.RemoveHeld(ctx, w.run.AlertID, w.run.Version-1)
}
