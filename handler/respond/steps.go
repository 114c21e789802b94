package respond

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// The machine actions of a plan are asked for in their order, then its tags and updates are made: those change what rules
// read, and must not make a rule forget what it asked for. None waits for the outcome of the one before it, and trouble with
// one action keeps no other from being asked for: a scan that cannot be asked for is no reason to leave a machine on the
// network. The run waits once every step has its outcome or a machine action that is followed, and closes with the last outcome.

var (
	// errStepDone ends a step in good order; the run has others that are not over.
	errStepDone = errors.New("nothing left to do for the step")
	// errPlanChanged says that facts were read again and the plan made anew, before the step was done.
	errPlanChanged = errors.New("the plan was made anew")
)

// stepStates are the acting steps of the plan as a run begins with them.
func stepStates(plan playbook.Plan) []ledger.StepState {
	var states []ledger.StepState
	for _, step := range plan.Steps {
		if step.Kind.Acts() {
			states = append(states, ledger.StepState{Key: step.Key(), Latch: latchOf(step)})
		}
	}
	return states
}

// latchOf names the latch that owns the step's machine action; empty if it has none.
func latchOf(step playbook.Step) string {
	spec, found := machine.SpecOf(step.Kind.Action())
	if !found {
		return ""
	}
	return spec.LatchOf(step.Scope)
}

// carryOut does what the plan says and closes the run, or leaves it waiting for the outcome of machine actions.
func (r *Responder) carryOut(ctx context.Context, w *work) error {
	acts := len(w.run.Steps) > 0 // also what an earlier plan of the run had done
	switch {
	case acts:
		return r.carryOutSteps(ctx, w)
	case len(w.plan.Steps) == 0:
		return r.close(ctx, w, "no rule", w.plan.Reason)
	case r.stale(w):
		if err := r.readAgain(ctx, w); err != nil {
			return err
		}
		if r.stale(w) {
			return errTooSlow()
		}
		return r.carryOut(ctx, w)
	}
	e := r.event(w, notice.Matched)
	e.Detail = w.plan.Reason
	if err := r.tell(ctx, w, e); err != nil {
		return err
	}
	return r.close(ctx, w, "mailed", w.plan.Reason)
}

// carryOutSteps tries every acting step that is not over once. If some are left, the run comes back for the one whose turn
// comes first.
func (r *Responder) carryOutSteps(ctx context.Context, w *work) error {
	var later error
	for tried := map[string]bool{}; ; {
		i := w.nextStep(tried)
		if i < 0 && later == nil {
			return r.settle(ctx, w)
		} else if i < 0 {
			return later
		}
		w.step = w.plan.Steps[i]
		tried[w.step.Key()] = true
		err := r.carryOutStep(ctx, w)
		if err != nil && w.last && ctx.Err() == nil {
			err = r.unfinished(ctx, w, err)
		}
		switch {
		case err == nil || errors.Is(err, errStepDone):
		case errors.Is(err, errPlanChanged):
			clear(tried)
			later = nil
			if len(w.run.Steps) == 0 {
				return r.carryOut(ctx, w)
			}
		case errors.Is(err, errDone) || ctx.Err() != nil:
			return err
		default:
			later = sooner(later, err)
		}
	}
}

// nextStep is the step to try next: machine actions in order, then, once all of them are followed or over, the others; below
// 0 if none is left.
func (w *work) nextStep(tried map[string]bool) int {
	open := func(latched bool) func(playbook.Step) bool {
		return func(s playbook.Step) bool {
			state, _ := w.run.StepOf(s.Key())
			return s.Kind.Acts() && (latchOf(s) != "") == latched && !tried[s.Key()] && state.Outcome == ""
		}
	}
	if i := slices.IndexFunc(w.plan.Steps, open(true)); i >= 0 {
		return i
	}
	if w.asksLater() {
		return -1
	}
	return slices.IndexFunc(w.plan.Steps, open(false))
}

// settle ends a run that has nothing left to do, or leaves it waiting.
func (r *Responder) settle(ctx context.Context, w *work) error {
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if run.State.Final() || run.State == ledger.Waiting {
			return ledger.ErrUnchanged
		}
		run.Settle(r.Now().UTC())
		return nil
	})
	if err == nil {
		w.run = run
	}
	return err
}

// sooner joins the reasons for which a run comes back. Trouble says what is wrong; what only waits says when the run comes
// back at the latest, so that a step whose turn comes is not kept waiting by the trouble of another.
func sooner(a, b error) error {
	var waitA, waitB *comeBack
	var known *delayed
	switch {
	case a == nil:
		return b
	case errors.As(a, &known):
		if errors.As(b, &waitB) && waitB.after < known.after {
			return &delayed{known.error, waitB.after}
		}
		return a
	case errors.As(a, &waitA) && errors.As(b, &waitB):
		if waitB.after < waitA.after {
			return b
		}
		return a
	case errors.As(a, &waitA):
		return &delayed{b, waitA.after}
	case errors.As(b, &waitB):
		return &delayed{a, waitB.after}
	}
	return a
}

// delayed is trouble with one step while another has to come back.
type delayed struct {
	error
	after time.Duration
}

func (d *delayed) Unwrap() error { return d.error }

func (r *Responder) carryOutStep(ctx context.Context, w *work) error {
	step := w.step
	machineAction := step.Verdict == playbook.Do && latchOf(step) != "" && w.machine != nil
	if r.stale(w) && !machineAction {
		// A machine action waits for its turn first and reads again when it has it.
		if err := r.readAgain(ctx, w); err != nil {
			return err
		}
		if r.stale(w) {
			return errTooSlow()
		}
		return errPlanChanged
	}
	if done, err := r.undoesNothing(ctx, w); done {
		return err
	}
	switch {
	case w.machine == nil && w.missing == "" && step.Kind != playbook.UpdateAlert:
		return r.conclude(ctx, w, notice.NoMachine, "no machine", whyOf(step))
	case step.Verdict == playbook.WouldDo:
		return r.notDone(ctx, w, wouldKind(step), "would "+would(step), whyOf(step))
	case step.Verdict == playbook.Skipped:
		return r.notDone(ctx, w, notice.Skipped, "skipped", whyOf(step))
	case step.Verdict != playbook.Do:
		return r.held(ctx, w, whyOf(step))
	case machineAction:
		return r.act(ctx, w)
	}
	return r.change(ctx, w)
}

// errTooSlow gives up a try in which reading took longer than what was read may be old.
func errTooSlow() error {
	return &comeBack{after: tooSlowWait, why: "alert and machine were out of date before they were read"}
}

// finish gives the step of w its outcome, and closes the run with its last one. It ends in errStepDone or errDone; a step
// that has its outcome keeps it.
func (r *Responder) finish(ctx context.Context, w *work, outcome, reason string) error {
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if state, _ := run.StepOf(w.step.Key()); run.State == ledger.Closed || state.Outcome != "" {
			return ledger.ErrUnchanged
		}
		run.Tell(w.told...)
		run.Finish(w.step.Key(), outcome, reason, r.Now().UTC())
		run.Status = cmp.Or(string(w.alert.Status), run.Status) // the step may have changed it
		return nil
	})
	if err != nil {
		return err
	}
	w.run, w.told = run, nil
	if run.State.Final() {
		r.Log.InfoContext(ctx, "run closed", "outcome", run.Outcome, "reason", run.Reason, "machine", run.MachineID, "rule", run.Rule)
		return errDone
	}
	r.Log.InfoContext(ctx, "step is over", "step", w.step.Key(), "outcome", outcome, "reason", reason, "machine", run.MachineID, "rule", run.Rule)
	return errStepDone
}

// would says what observe mode would have done.
func would(step playbook.Step) string {
	if spec, found := machine.SpecOf(step.Kind.Action()); found {
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

// notDone ends a step that is not carried out. It must not be told as "not isolated" about a machine that is isolated or being
// isolated all the same. Whose alert had asked for that hears of its outcome, by a request of this run whose fate is still open,
// say; anybody else would hear of this alert neither now nor when that ends, so the step is told with what stands.
func (r *Responder) notDone(ctx context.Context, w *work, kind notice.Kind, outcome string, why reason) error {
	latch := latchOf(w.step)
	if latch == "" || w.machine == nil {
		return r.conclude(ctx, w, kind, outcome, why)
	}
	l, err := r.latch(ctx, w.machine.ID, latch, w.run.ID())
	if err != nil {
		return err
	}
	if l.State != ledger.Intended && l.State != ledger.Acting && l.State != ledger.Achieved {
		return r.conclude(ctx, w, kind, outcome, why)
	}
	joiners, err := r.Ledger.Joiners(ctx, l)
	if err != nil {
		return err
	}
	hears := func(j ledger.Joiner) bool { return j.AlertID == w.run.AlertID && j.Groups != "" }
	if slices.ContainsFunc(joiners, hears) {
		return r.finish(ctx, w, outcome, fmt.Sprintf("%s; %s that was asked for before goes on", why.text, episode.Article(episode.Noun(l))))
	}
	whom := "for another alert (run " + l.RunID + ")"
	if l.RunID == "" || strings.HasPrefix(l.RunID, w.run.AlertID+":") {
		whom = "before"
	}
	e := r.event(w, kind)
	e.Cause, e.Stands, e.Episode, e.ActionID = cmp.Or(why.cause, why.text), notice.UnderWay, l.Episode, l.ActionID
	e.Detail = fmt.Sprintf("%s; %s that was asked for %s goes on", why.text, episode.Article(episode.Noun(l)), whom)
	if l.State == ledger.Achieved {
		e.Stands = notice.InForce
		e.Detail = fmt.Sprintf("%s; the machine is %s, as was asked for %s", why.text, episode.DoneWord(l), whom)
	}
	if l.Adopted {
		e.Detail += ". " + episode.Whose(l)
	}
	if err := r.tellNews(ctx, w, e); err != nil {
		return err
	}
	return r.finish(ctx, w, outcome, e.Detail)
}

// conclude tells people and then ends the step.
func (r *Responder) conclude(ctx context.Context, w *work, kind notice.Kind, outcome string, why reason) error {
	if err := r.tellOnce(ctx, w, kind, why); err != nil {
		return err
	}
	return r.finish(ctx, w, outcome, why.text)
}
