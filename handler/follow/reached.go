package follow

import (
	"context"

	"cordon/handler/episode"
	"cordon/handler/machine"
)

// watchState looks for a release of an isolated machine, and remembers one that is under way so that it is still read
// when it ends. If nobody releases the machine, Defender lifts the isolation in the end.
func (f *Follower) watchState(ctx context.Context, e following, actions []machine.Action) error {
	is := f.endings.Watch(ctx, e.latch, actions)
	switch {
	case is.Released != nil:
		e.latch = is.Latch
		return f.released(ctx, e, *is.Released)
	case is.LiftDue && !is.WaitsForRelease(f.Now()):
		err := f.endings.End(ctx, is.Latch, "")
		if err != nil {
			return err
		}
		return f.Latches.RemoveOpen(ctx, e.entry)
	}
	l := is.Latch
	told, err := f.endings.Warn(ctx, &l)
	if err != nil {
		return err
	}
	if is.Release.Created.Equal(l.ReleaseAt) && !told && !is.Changed {
		return nil
	}
	l.ReleaseAt = is.Release.Created
	return f.Latches.Save(ctx, &l)
}

// released ends an episode that somebody ended by undoing it, such as by releasing the machine. Runs that joined it
// but were observed later than the release begin again: the release cannot have been meant for them.
func (f *Follower) released(ctx context.Context, e following, a machine.Action) error {
	l := e.latch
	err := f.endings.TellJoiners(ctx, l, episode.ReleaseEvent(l, a, f.Now()))
	if err != nil {
		return err
	}
	episode.EndReleased(&l, a, f.Now())
	if err := f.Latches.Save(ctx, &l); err != nil {
		return err
	}
	f.endings.LogRelease(ctx, l, a)
	if err := f.finishEnd(ctx, l); err != nil {
		return err
	}
	return f.Latches.RemoveOpen(ctx, e.entry)
}
