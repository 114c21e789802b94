package act

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/handler/answer"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// The machine actions of a plan are asked for in their order, then its tags and updates are made: those change what
// rules read, and must not make a rule forget what it asked for. None waits for the outcome of the one before it, and
// trouble with one action keeps no other from being asked for: a scan that cannot be asked for is no reason to leave a
// machine on the network. The run waits once every step has its outcome or a machine action that is followed, and
// closes with the last outcome.

// left is why a run comes back for its steps. It comes back at the earliest wait, so that the trouble of one
// step does not hold up another whose turn comes.
type left struct {
	trouble error           // the first that was met; nil: none
	wait    *answer.Outcome // the one that ends first; nil: nothing waits
}

func (l *left) add(o answer.Outcome, err error) {
	switch {
	case err != nil && l.trouble == nil:
		l.trouble = err
	case err == nil && (l.wait == nil || o.Pause.After < l.wait.Pause.After):
		l.wait = &o
	}
}

func (l *left) outcome() (o answer.Outcome, err error) {
	if l.wait != nil {
		o = *l.wait
	}
	return o, l.trouble
}

// carryOutSteps tries once every acting step that is not over. If some are left, the run comes back for the one whose
// turn comes first.
func (r *Actor) carryOutSteps(ctx context.Context, run *answer.Run) (answer.Outcome, error) {
	var later left
	for tried := map[string]bool{}; ; {
		i := nextStep(run, tried)
		if i < 0 && later.trouble == nil && later.wait == nil {
			return r.settle(ctx, run)
		} else if i < 0 {
			return later.outcome()
		}
		run.Step = run.Plan.Steps[i]
		tried[run.Step.Key()] = true
		o, err := r.carryOutStep(ctx, run)
		if (err != nil || o.ComesBack()) && run.Last && ctx.Err() == nil {
			o, err = r.unfinished(ctx, run, o, err)
		}
		switch {
		case err == nil && (o.StepIsOver() || !o.Ends()):
		case err == nil && o.PlanHasChanged():
			clear(tried)
			later = left{}
			if len(run.Row.Steps) == 0 {
				return r.CarryOut(ctx, run)
			}
		case err == nil && o.RunIsOver() || ctx.Err() != nil:
			return o, err
		default:
			later.add(o, err)
		}
	}
}

// nextStep is the step to try next: machine actions in order, then, once all of them are followed or over, the others;
// below 0 if none is left.
func nextStep(run *answer.Run, tried map[string]bool) int {
	open := func(latched bool) func(playbook.Step) bool {
		return func(s playbook.Step) bool {
			state, _ := run.Row.StepOf(s.Key())
			wanted := s.Kind.Acts() && (answer.LatchOf(s) != "") == latched
			return wanted && !tried[s.Key()] && state.Outcome == ""
		}
	}
	i := slices.IndexFunc(run.Plan.Steps, open(true))
	if i >= 0 {
		return i
	}
	if run.AsksLater() {
		return -1
	}
	return slices.IndexFunc(run.Plan.Steps, open(false))
}

// settle ends a run that has nothing left to do, or leaves it waiting.
func (r *Actor) settle(ctx context.Context, run *answer.Run) (answer.Outcome, error) {
	return r.Clerk.Write(ctx, run, func(row *runs.Run) (bool, error) {
		if row.State == runs.Waiting {
			return false, nil
		}
		row.Settle(r.Now().UTC())
		return true, nil
	})
}

// unfinished is trouble with a step, or a wait. At the last try the step is held.
func (r *Actor) unfinished(
	ctx context.Context,
	run *answer.Run,
	o answer.Outcome,
	cause error,
) (answer.Outcome, error) {
	if cause != nil && !FromAPI(cause) {
		return o, cause
	}
	if cause == nil &&
		o.Pause.Turn &&
		run.Row.TurnsFor(r.Now(), answer.PatientFor) {
		return o, nil
	}
	if cause == nil {
		cause = errors.New(o.Pause.Why)
	}
	said := "held: it could not be done since " + run.Since().Format(time.RFC3339) + ": "
	why := run.HeldAgain(answer.Reason{
		Text:  said + cause.Error(),
		Cause: "held: it could not be done: " + answer.CauseOf(cause),
	})
	err := r.Clerk.KeepHeld(ctx, run, why.Text)
	if err != nil {
		return answer.Outcome{}, err
	}
	return r.Clerk.Conclude(ctx, run, notice.Held, runs.HeldOutcome, why)
}

// FromAPI reports whether an error is the API's, or of the way to it.
func FromAPI(err error) bool {
	var api machine.APIError
	return errors.As(err, &api)
}

func (r *Actor) carryOutStep(ctx context.Context, run *answer.Run) (answer.Outcome, error) {
	step := run.Step
	machineAction := step.Verdict == playbook.Do &&
		answer.LatchOf(step) != "" &&
		run.Machine != nil
	if r.stale(run) && !machineAction {
		// A machine action waits for its turn first and reads again when it has it.
		o, err := r.Facts.ReadAgain(ctx, run)
		if err != nil || o.Ends() {
			return o, err
		}
		if r.stale(run) {
			return tooSlow(), nil
		}
		return answer.PlanChanged(), nil
	}
	o, err := r.undoesNothing(ctx, run)
	if err != nil || o.Ends() {
		return o, err
	}
	switch {
	case run.Machine == nil && run.Missing == "" && step.Kind != playbook.UpdateAlert:
		return r.Clerk.Conclude(ctx, run, notice.NoMachine, "no machine", answer.WhyOf(step))
	case step.Verdict == playbook.WouldDo:
		return r.notDone(ctx, run,
			wouldKind(step),
			"would "+would(step),
			answer.WhyOf(step))
	case step.Verdict == playbook.Skipped:
		return r.notDone(ctx, run, notice.Skipped, "skipped", answer.WhyOf(step))
	case step.Verdict != playbook.Do:
		return r.hold(ctx, run, answer.WhyOf(step))
	case machineAction:
		return r.act(ctx, run)
	}
	pause, err := r.Switches.Pause(ctx)
	if err != nil {
		return answer.Outcome{}, err
	} else if pause.Paused {
		return r.hold(ctx, run, paused(pause))
	}
	return r.changer.Make(ctx, run)
}

// would says what observe mode would have done.
func would(step playbook.Step) string {
	spec, found := machine.SpecOf(step.Kind.Action())
	if found {
		return spec.Would
	}
	if step.Kind == playbook.Tag {
		return "tag"
	}
	return "update the alert"
}

func wouldKind(step playbook.Step) notice.Kind {
	if step.Kind == playbook.Isolate {
		return notice.WouldIsolate
	}
	return notice.WouldDo
}

// paused holds a step because acting is paused.
func paused(p switches.Pause) answer.Reason {
	return answer.Reason{Text: fmt.Sprintf("acting is paused: %s", p.Why())}
}

// CarryOut does what the plan says and closes the run, or leaves it waiting for the outcome of machine actions. An
// error that comes with an outcome is trouble with one step; the outcome says when another step brings the run back.
func (r *Actor) CarryOut(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	switch {
	case len(run.Row.Steps) > 0: // also what an earlier plan of the run had done
		return r.carryOutSteps(ctx, run)
	case len(run.Plan.Steps) == 0:
		return r.Clerk.Close(ctx, run, "no rule", run.Plan.Reason)
	case r.stale(run):
		o, err := r.Facts.ReadAgain(ctx, run)
		if err != nil || o.Ends() {
			return o, err
		}
		if r.stale(run) {
			return tooSlow(), nil
		}
		return r.CarryOut(ctx, run)
	}
	e := r.Clerk.Event(run, notice.Matched)
	e.Detail = run.Plan.Reason
	if err := r.Clerk.Tell(ctx, run, e); err != nil {
		return o, err
	}
	return r.Clerk.Close(ctx, run, "mailed", run.Plan.Reason)
}
