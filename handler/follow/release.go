package follow

import (
	"context"

	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// watchRelease looks for a release of an isolated machine, and remembers one that is under way so that it is still read
// when it ends. What nobody released Defender lifts in the end.
func (f *Follower) watchRelease(ctx context.Context, e following, actions []machine.Action) error {
	l := e.latch
	changed := episode.NoteCompletion(&l, actions)
	if release := episode.DoneAction(l).UndoneBy(actions); release != nil {
		e.latch = l
		return f.released(ctx, e, *release)
	}
	changed = f.endings.Prolong(ctx, &l, actions) || changed
	release := episode.ReleaseUnderWay(l, actions)
	if episode.LiftDue(l, f.Now(), f.Lift) && !episode.WaitsFor(release, f.Now()) {
		if err := f.endings.End(ctx, l, ""); err != nil {
			return err
		}
		return f.Ledger.RemoveOpen(ctx, e.entry)
	}
	told, err := f.endings.Warn(ctx, &l)
	if err != nil {
		return err
	}
	if release.Created.Equal(l.ReleaseAt) && !told && !changed {
		return nil
	}
	l.ReleaseAt = release.Created
	return f.Ledger.SaveLatch(ctx, &l)
}

// finishEnd does what is left to do for an episode that has ended: runs that a release was not meant for begin again, as
// do those whose action failed and that have tries left; the others close.
func (f *Follower) finishEnd(ctx context.Context, l ledger.Latch) error {
	if !l.LiftedAt.IsZero() {
		return nil // all was done before it was written
	}
	if err := f.endings.GiveBack(ctx, l); err != nil {
		return err
	}
	joiners, err := f.Ledger.Joiners(ctx, l)
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

// released ends an episode that somebody ended by undoing it, such as by releasing the machine. Runs that joined it but were
// observed later than the release begin again: the release cannot have been meant for them.
func (f *Follower) released(ctx context.Context, e following, a machine.Action) error {
	l := e.latch
	if err := f.endings.TellJoiners(ctx, l, episode.ReleaseEvent(l, a, f.Now())); err != nil {
		return err
	}
	episode.EndReleased(&l, a, f.Now())
	if err := f.Ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	f.Log.InfoContext(ctx, "machine was released", "machine", l.MachineID, "name", l.MachineName, "by", a.Requestor, "action", a.ID)
	if err := f.finishEnd(ctx, l); err != nil {
		return err
	}
	return f.Ledger.RemoveOpen(ctx, e.entry)
}
