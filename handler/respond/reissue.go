package respond

import (
	"context"
	"slices"
	"strings"

	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// reissueOwn lets the run of a turn go on in a new episode; false if it had its tries.
func (r *Responder) reissueOwn(ctx context.Context, t *turn) (bool, error) {
	again := false
	run, err := r.Ledger.UpdateRun(ctx, t.run.AlertID, t.run.Version, func(run *ledger.Run) error {
		if again = episode.MayReissue(*run, t.latch); !again {
			return ledger.ErrUnchanged
		}
		episode.Reissue(run, t.kind, r.Now().UTC())
		return nil
	})
	if again && err == nil {
		t.run = run
	}
	return again, err
}

// asked are the latches whose machine actions are or were under way for the alert on its machine, or for which a request was
// sent whose fate is not known.
func (r *Responder) asked(ctx context.Context, w *work) ([]string, error) {
	kinds := w.record.AskedFor(w.run)
	if w.machine == nil {
		return kinds, nil
	}
	for _, step := range w.run.Steps {
		if step.Asked || step.Latch == "" || w.run.EpisodeOf(step.Latch) == 0 || step.Outcome != "" {
			continue
		}
		l, err := r.Ledger.Latch(ctx, w.machine.ID, step.Latch)
		if err != nil {
			return nil, err
		}
		if l.Episode == w.run.EpisodeOf(step.Latch) && !l.FirstIntentAt.IsZero() {
			kinds = append(kinds, step.Latch)
		}
	}
	return kinds, nil
}

// tellWithdrawn tells those who heard that a machine action is asked for again that it is not: the plan, made anew, does not
// have it any more.
func (r *Responder) tellWithdrawn(ctx context.Context, w *work) error {
	asked, exists := w.record.Asks(w.run)
	if !exists || w.machine == nil {
		return nil
	}
	for _, state := range asked.Steps {
		planned := slices.ContainsFunc(w.plan.Steps, func(s playbook.Step) bool { return s.Key() == state.Key })
		if planned || state.Latch == "" || state.Waiting || state.Outcome != "" || asked.ReissuesOf(state.Latch) == 0 {
			continue
		}
		l, err := r.Ledger.Latch(ctx, w.machine.ID, state.Latch)
		if err != nil {
			return err
		}
		switch l.State {
		case ledger.Ended:
		case ledger.Preparing:
			l.Episode-- // nothing was sent in this one
		default:
			continue
		}
		joiners, err := r.Ledger.Joiners(ctx, l)
		if err != nil {
			return err
		}
		e := r.event(w, notice.Skipped)
		e.Detail = "It is not asked for again: " + w.plan.Reason + "."
		if l.Kind != ledger.Isolation {
			e.Step, e.Action, e.Scope = l.Kind, l.Desired, l.Scope
		}
		for _, j := range joiners {
			if j.AlertID != w.run.AlertID {
				continue
			}
			for _, group := range strings.Fields(j.Groups) {
				if err := r.Teller.Tell(ctx, group, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
