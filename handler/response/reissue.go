package response

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// maxReissues bounds how often the machine action of one run is asked for again after it failed.
const maxReissues = 2

// mendable reports whether an episode ended in a way that another request may mend: the action failed or the machine did
// not come back. What a person cancelled or released, a rail held or the API refused stays as it is.
func mendable(l ledger.Latch) bool {
	return l.State == ledger.Ended && l.ReleasedAt.IsZero() && (l.EndKind == string(notice.Failed) || l.EndKind == string(notice.TimedOut))
}

// mayReissue reports whether a run may ask again for what a latch owns, after its episode ended.
func mayReissue(run ledger.Run, l ledger.Latch) bool {
	return mendable(l) && !run.IsOver(l.Kind) && run.EpisodeOf(l.Kind) == l.Episode && run.ReissuesOf(l.Kind) < maxReissues
}

// answers reports whether the run is the one that decides for its alert: the newest version's, or one before it as long as
// that one has not decided otherwise.
func answers(record ledger.Record, run ledger.Run) bool {
	latest, exists := record.Latest()
	return exists && (latest.Version == run.Version || latest.Book == "" && !latest.State.Final())
}

// reissue lets a run begin a new episode in place of the one that failed. It is written once: the run's episode is none
// afterwards.
func reissue(run *ledger.Run, kind string, due time.Time) {
	run.Again(kind, "the machine action failed and is asked for again", due)
	run.CountReissue(kind)
}

// reissueOwn lets the run of a turn go on in a new episode; false if it had its tries.
func (r *Responder) reissueOwn(ctx context.Context, t *turn) (bool, error) {
	again := false
	run, err := r.Ledger.UpdateRun(ctx, t.run.AlertID, t.run.Version, func(run *ledger.Run) error {
		if again = mayReissue(*run, t.latch); !again {
			return ledger.ErrUnchanged
		}
		reissue(run, t.kind, r.Now().UTC())
		return nil
	})
	if again && err == nil {
		t.run = run
	}
	return again, err
}

// againDetail says how it goes on after a failure, for people; empty if it does not.
func (f *Follower) againDetail(ctx context.Context, l ledger.Latch) (string, error) {
	joiners, err := f.Ledger.Joiners(ctx, l)
	if err != nil {
		return "", err
	}
	for _, j := range joiners {
		record, err := f.Ledger.Alert(ctx, j.AlertID)
		if err != nil {
			return "", err
		}
		if run, exists := record.Run(j.Version); exists && answers(record, run) && mayReissue(run, l) {
			return fmt.Sprintf(" It is asked for again (try %d of %d).", run.ReissuesOf(l.Kind)+2, maxReissues+1), nil
		}
	}
	return "", nil
}

// afterFailure asks again for a run that has tries left, or closes it. A repeat changes nothing; if the message was lost
// the run is found standing still.
func (f *Follower) afterFailure(ctx context.Context, j ledger.Joiner, l ledger.Latch) error {
	record, err := f.Ledger.Alert(ctx, j.AlertID)
	if err != nil {
		return err
	}
	again, due := false, f.Now().UTC().Add(f.ReissueAfter)
	run, err := f.Ledger.UpdateRun(ctx, j.AlertID, j.Version, func(run *ledger.Run) error {
		if again = answers(record, *run) && mayReissue(*run, l); again {
			reissue(run, l.Kind, due)
			run.Copies++
			return nil
		}
		outcome := episode.DoneWord(l)
		if l.ActionStatus != machine.Succeeded {
			outcome = "not " + outcome
		}
		return closeWith(run, l, outcome, l.EndReason, f.Now().UTC())
	})
	if ledger.IsNotFound(err) {
		return nil
	}
	if err != nil || !again {
		return err
	}
	f.Log.WarnContext(ctx, "a machine action failed and is asked for again", "machine", l.MachineID, "name", l.MachineName, "run", run.ID(), "try", run.ReissuesOf(l.Kind)+1, "reason", l.EndReason)
	return f.Queue.SendAlerts(ctx, []alert.Envelope{run.Message(f.Ledger.Tenant(), "failed", due)})
}

// closeWith ends the step of a run with its episode, if it is the run's and the step is not over; with its last step the
// run is closed.
func closeWith(run *ledger.Run, l ledger.Latch, outcome, reason string, at time.Time) error {
	if run.IsOver(l.Kind) || run.EpisodeOf(l.Kind) != l.Episode {
		return ledger.ErrUnchanged
	}
	run.FinishLatch(l.Kind, outcome, reason, at)
	return nil
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
