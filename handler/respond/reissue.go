package respond

import (
	"context"
	"slices"
	"strings"

	"cordon/handler/answer"
	"cordon/handler/ledger/latches"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// asked are the latches whose machine actions are or were under way for the alert on its machine, or for which a
// request was sent whose fate is not known.
func (r *Responder) asked(ctx context.Context, run *answer.Run) ([]string, error) {
	kinds := run.Record.AskedFor(run.Row)
	if run.Machine == nil {
		return kinds, nil
	}
	for _, step := range run.Row.Steps {
		if step.Asked || step.Latch == "" || run.Row.EpisodeOf(step.Latch) == 0 || step.Outcome != "" {
			continue
		}
		l, err := r.Latches.Of(ctx, run.Machine.ID, step.Latch)
		if err != nil {
			return nil, err
		}
		if l.Episode == run.Row.EpisodeOf(step.Latch) && !l.FirstIntentAt.IsZero() {
			kinds = append(kinds, step.Latch)
		}
	}
	return kinds, nil
}

// tellWithdrawn takes an announced retry back: people heard that a machine action is asked for again, and the new plan
// no longer has it.
func (r *Responder) tellWithdrawn(ctx context.Context, run *answer.Run) error {
	asked, exists := run.Record.Asks(run.Row)
	if !exists || run.Machine == nil {
		return nil
	}
	for _, state := range asked.Steps {
		planned := slices.ContainsFunc(run.Plan.Steps, func(s playbook.Step) bool { return s.Key() == state.Key })
		if planned || state.Latch == "" || state.Waiting || state.Outcome != "" || asked.ReissuesOf(state.Latch) == 0 {
			continue
		}
		l, err := r.Latches.Of(ctx, run.Machine.ID, state.Latch)
		if err != nil {
			return err
		}
		switch l.State {
		case latches.Ended:
		case latches.Preparing:
			l.Episode-- // nothing was sent in this one
		default:
			continue
		}
		joiners, err := r.Latches.Joiners(ctx, l)
		if err != nil {
			return err
		}
		e := r.clerk.Event(run, notice.Skipped)
		e.Detail = "It is not asked for again: " + run.Plan.Reason + "."
		if l.Kind != latches.Isolation {
			e.Step = l.Kind
			e.Action = l.Desired
			e.Scope = l.Scope
		}
		for _, j := range joiners {
			if j.AlertID != run.Row.AlertID {
				continue
			}
			for _, group := range strings.Fields(j.Groups) {
				err := r.Teller.Tell(ctx, group, e)
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}
