package follow

import (
	"context"
	"fmt"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// closeRuns ends the runs that wait for the episode.
func (f *Follower) closeRuns(ctx context.Context, l latches.Latch, outcome, reason string) error {
	joiners, err := f.Latches.Joiners(ctx, l)
	if err != nil {
		return err
	}
	for _, j := range joiners {
		_, err := f.Runs.Update(ctx, j.AlertID, j.Version, func(run *runs.Run) (bool, error) {
			return episode.CloseWith(run, l, outcome, reason, f.Now().UTC()), nil
		})
		if err != nil && !runs.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// againDetail says how it goes on after a failure, for people; empty if it does not.
func (f *Follower) againDetail(ctx context.Context, l latches.Latch) (string, error) {
	joiners, err := f.Latches.Joiners(ctx, l)
	if err != nil {
		return "", err
	}
	for _, j := range joiners {
		record, err := f.Runs.Alert(ctx, j.AlertID)
		if err != nil {
			return "", err
		}
		run, exists := record.Run(j.Version)
		if exists && episode.Answers(record, run) && episode.MayReissue(run, l) {
			try := run.ReissuesOf(l.Kind) + 2
			return fmt.Sprintf(" It is asked for again (try %d of %d).", try, episode.MaxReissues+1), nil
		}
	}
	return "", nil
}

// finishEnd does what is left to do for an episode that has ended: runs that a release was not meant for begin again,
// as do those whose action failed and that have tries left; the others close.
func (f *Follower) finishEnd(ctx context.Context, l latches.Latch) error {
	if !l.LiftedAt.IsZero() {
		return nil // all was done before it was written
	}
	if err := f.endings.GiveBack(ctx, l); err != nil {
		return err
	}
	joiners, err := f.Latches.Joiners(ctx, l)
	if err != nil {
		return err
	}
	next := f.afterFailure
	if !l.ReleasedAt.IsZero() {
		next = f.endings.BeginAgain
	}
	for _, j := range joiners {
		if err := next(ctx, j, l); err != nil {
			return err
		}
	}
	return nil
}

// afterFailure asks again for a run that has tries left, or closes it. A repeat changes nothing; if the message was
// lost the run is found standing still.
func (f *Follower) afterFailure(ctx context.Context, j latches.Joiner, l latches.Latch) error {
	record, err := f.Runs.Alert(ctx, j.AlertID)
	if err != nil {
		return err
	}
	again := false
	due := f.Now().UTC().Add(f.ReissueAfter)
	run, err := f.Runs.Update(ctx, j.AlertID, j.Version, func(run *runs.Run) (bool, error) {
		again = episode.Answers(record, *run) && episode.MayReissue(*run, l)
		if again {
			episode.Reissue(run, l.Kind, due)
			run.Copies++
			return true, nil
		}
		outcome := episode.DoneWord(l)
		if l.ActionStatus != machine.Succeeded {
			outcome = episode.NotDone(outcome)
		}
		return episode.CloseWith(run, l, outcome, l.EndReason, f.Now().UTC()), nil
	})
	if runs.IsNotFound(err) {
		return nil
	}
	if err != nil || !again {
		return err
	}
	f.Log.WarnContext(ctx, "a machine action failed and is asked for again",
		"machine", l.MachineID,
		"name", l.MachineName,
		"run", run.ID(),
		"try", run.ReissuesOf(l.Kind)+1,
		"reason", l.EndReason)
	return f.Queue.SendAlerts(ctx,
		[]alert.Envelope{run.Message(f.Runs.Tenant(), "failed", due)})
}
