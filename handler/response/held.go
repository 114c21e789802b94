package response

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
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
	return state.Leave && w.run.Leave != "" && w.machine != nil && w.run.LeaveFor == factsDigest(*w.machine)
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

// HeldAPI is what is read again before a person continues with what was held.
type HeldAPI interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Machine(ctx context.Context, id string) (machine.Machine, error)
}

// Desk lets a person look at what rails have held, and continue with it or drop it.
type Desk struct {
	API    HeldAPI
	Queue  Queue
	Ledger *ledger.Store
	Now    func() time.Time
}

// HeldState is what is held, and whether it can still be continued.
type HeldState struct {
	ledger.Held
	Over string // why it cannot be continued any more; empty: it can
}

// refusal says why something held is not continued; nothing was changed.
type refusal struct{ why string }

func (e *refusal) Error() string { return e.why }

// IsRefusal reports whether an error of Continue is a reason not to continue, and no trouble.
func IsRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// List answers with all that is held, oldest first.
func (d *Desk) List(ctx context.Context) ([]HeldState, error) {
	all, err := d.Ledger.AllHeld(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b ledger.Held) int { return a.At.Compare(b.At) })
	states := make([]HeldState, 0, len(all))
	for _, h := range all {
		over, err := d.over(ctx, h)
		if err != nil {
			return nil, err
		}
		states = append(states, HeldState{h, over})
	}
	return states, nil
}

// over says why the ledger has nothing left to continue; empty if it has.
func (d *Desk) over(ctx context.Context, h ledger.Held) (string, error) {
	record, err := d.Ledger.Alert(ctx, h.AlertID)
	if err != nil {
		return "", err
	}
	run, exists := record.Run(h.Version)
	switch {
	case !exists:
		return "its run is gone", nil
	case record.Seen != nil && record.Seen.Version > h.Version:
		return fmt.Sprintf("version %d of the alert is newer and was answered instead", record.Seen.Version), nil
	case !run.IsHeld():
		return fmt.Sprintf("its run is %s, %s", run.State, run.Outcome), nil
	}
	return d.underWay(ctx, h.MachineID, run)
}

// underWay says that all that was held has been asked for since; empty if something is left.
func (d *Desk) underWay(ctx context.Context, machineID string, run ledger.Run) (string, error) {
	kinds := []string{ledger.Isolation}
	if len(run.Steps) > 0 {
		kinds = nil
	}
	for _, step := range run.Steps {
		if step.Outcome == ledger.HeldOutcome {
			kinds = append(kinds, step.Latch)
		}
	}
	why := ""
	for _, kind := range kinds {
		spec, isLatch := machine.SpecOfLatch(kind)
		if !isLatch {
			return "", nil
		}
		l, err := d.Ledger.Latch(ctx, machineID, kind)
		if err != nil {
			return "", err
		}
		if l.State != ledger.Acting && l.State != ledger.Achieved {
			return "", nil
		}
		why = fmt.Sprintf("the machine is %s or being %s by action %s", spec.Done, spec.Done, l.ActionID)
	}
	return why, nil
}

// Continue lets the run of what was held go on: alert and machine are read again first, and what differs from what the
// rails saw is refused with the reason (IsRefusal). Any other error is trouble; then the run either was not touched, or is
// found standing still and goes on by itself. A repeat is refused, because the run is no longer held.
func (d *Desk) Continue(ctx context.Context, h ledger.Held, by, reason string) error {
	if err := d.mayContinue(ctx, h); err != nil {
		return err
	}
	facts, err := h.Facts()
	if err != nil {
		return err
	}
	now := d.Now().UTC()
	run, err := d.Ledger.UpdateRun(ctx, h.AlertID, h.Version, func(run *ledger.Run) error {
		if !run.IsHeld() {
			return &refusal{fmt.Sprintf("its run is %s, %s", run.State, run.Outcome)}
		}
		run.Unhold(now)
		run.Leave, run.LeaveFor, run.LeaveAt = by+": "+reason, factsDigest(facts), now
		run.Copies++
		return nil
	})
	if err != nil {
		return err
	}
	if err := sendRun(ctx, d.Queue, d.Ledger.Tenant(), run, "continued", time.Time{}); err != nil {
		return fmt.Errorf("the run is open again but its message could not be sent; the sweep sends it: %w", err)
	}
	return d.Ledger.RemoveHeld(ctx, h.AlertID, h.Version)
}

func (d *Desk) mayContinue(ctx context.Context, h ledger.Held) error {
	over, err := d.over(ctx, h)
	if err != nil {
		return err
	}
	if over != "" {
		return &refusal{over}
	}
	pause, err := d.Ledger.Pause(ctx)
	if err != nil {
		return err
	}
	if pause.Paused {
		return &refusal{"acting is paused: " + pause.Why() + "; see cordon resume"}
	}
	a, err := alertOrFinding(ctx, d.Ledger, d.API.Alert, h.AlertID)
	if err != nil {
		return refusedIfGone(err, "the alert")
	}
	seen, _, err := d.Ledger.Seen(ctx, h.AlertID)
	if err != nil {
		return err
	}
	// A single read may show evidence differently from the list; at the same moment that is no change.
	if !a.Updated.Equal(seen.Updated) && alert.DecisionHash(a) != seen.Hash {
		return &refusal{"the alert has changed since; the change is answered as a version of its own"}
	}
	was, err := h.Facts()
	if err != nil {
		return err
	}
	is, err := d.API.Machine(ctx, h.MachineID)
	if err != nil {
		return refusedIfGone(err, "the machine")
	}
	if changes := changesOf(was, is); len(changes) > 0 {
		return &refusal{"the machine has changed since it was held: " + strings.Join(changes, "; ")}
	}
	return nil
}

func refusedIfGone(err error, what string) error {
	if trouble, _ := machine.TroubleOf(err); trouble == machine.NotFound {
		return &refusal{what + " does not exist any more: " + err.Error()}
	}
	return err
}

// fact is something that says which machine it is or whether it is protected.
type fact struct{ name, value string }

func factsOf(m machine.Machine) []fact {
	return []fact{{"id", m.ID}, {"name", m.ComputerDNSName}, {"operating system", m.OSPlatform}, {"onboarding status", m.OnboardingStatus}, {"group", m.RBACGroupName},
		{"device value", m.DeviceValue}, {"Entra device", m.AADDeviceID}, {"tags", sortedTags(m)}}
}

// factsDigest stands for the facts of a machine.
func factsDigest(m machine.Machine) string { return alert.SHA256(fmt.Appendf(nil, "%q", factsOf(m))) }

// changesOf names the facts that differ.
func changesOf(was, is machine.Machine) []string {
	var changes []string
	now := factsOf(is)
	for i, f := range factsOf(was) {
		if f != now[i] {
			changes = append(changes, fmt.Sprintf("%s was %q, is %q", f.name, f.value, now[i].value))
		}
	}
	return changes
}

func sortedTags(m machine.Machine) string {
	tags := slices.Clone(m.Tags)
	slices.Sort(tags)
	return strings.Join(tags, ", ")
}

// Drop decides that what was held is not done. The run keeps its outcome and says who dropped it. A repeat is harmless.
func (d *Desk) Drop(ctx context.Context, h ledger.Held, by, reason string) error {
	_, err := d.Ledger.UpdateRun(ctx, h.AlertID, h.Version, func(run *ledger.Run) error {
		if !run.IsHeld() {
			return ledger.ErrUnchanged
		}
		run.Drop(fmt.Sprintf("; dropped by %s: %s", by, reason))
		return nil
	})
	if err != nil && !ledger.IsNotFound(err) {
		return err
	}
	return d.Ledger.RemoveHeld(ctx, h.AlertID, h.Version)
}
