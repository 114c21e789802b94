package ending

import (
	"context"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// Defender lifts an isolation by itself after a time, and no machine action says so. A while before that people are
// told; at the time the episode ends as lifted, they are told again, and runs that joined it shortly before are
// decided anew: their alerts were never contained. The Follower sees to it with every follow, and a Responder that
// comes upon such an episode first does the same, so that no run joins what is over.
//
// The order is: told, runs opened again, latch written. Whoever repeats it after a kill changes nothing that was done,
// and nobody begins the next episode before all of it is.

// Warn tells people once that the lift of a latch is near. The caller writes the latch if it was told.
func (c *Closer) Warn(ctx context.Context, l *latches.Latch) (told bool, err error) {
	if !episode.WarnsOfLift(*l, c.Now(), c.Lift) {
		return false, nil
	}
	what := episode.Event(*l, notice.LiftsSoon, c.Now())
	what.Detail = episode.Whose(*l) + episode.LiftSentence(*l, c.Lift)
	if err := c.TellJoiners(ctx, *l, what); err != nil {
		return false, err
	}
	l.LiftTold = true
	return true, nil
}

// End ends an episode that Defender has lifted. The run that asks for it, if one does, goes on by itself.
func (c *Closer) End(ctx context.Context, l latches.Latch, asking string) error {
	at := episode.LiftOf(l, c.Lift)
	what := episode.Event(l, notice.Lifted, c.Now())
	what.At = at
	what.Detail = episode.Whose(l) + episode.LiftSentence(l, c.Lift)
	if err := c.TellJoiners(ctx, l, what); err != nil {
		return err
	}
	joiners, err := c.Latches.Joiners(ctx, l)
	if err != nil {
		return err
	}
	for _, j := range joiners {
		err := c.decideAgain(ctx, j, l, at.Add(-c.StaleAfter), asking)
		if err != nil {
			return err
		}
	}
	l.State = latches.Ended
	l.EndedAt = c.Now().UTC()
	l.LiftedAt = at
	l.EndReason = what.Detail
	l.EndKind = string(what.Kind)
	l.Holder, l.HeldUntil = "", time.Time{}
	if err := c.Latches.Save(ctx, &l); err != nil {
		return err
	}
	c.Log.InfoContext(ctx, "isolation was lifted by Defender",
		"machine", l.MachineID,
		"name", l.MachineName,
		"action", l.ActionID,
		"episode", l.Episode,
		"at", at)
	return nil
}

// decideAgain opens the run of a joiner again if it found the isolation there no longer than the stale limit before the
// lift. A repeat changes nothing; it only sends another message for a run that has not begun a new episode yet.
func (c *Closer) decideAgain(
	ctx context.Context,
	j latches.Joiner,
	l latches.Latch,
	since time.Time,
	asking string,
) error {
	record, err := c.Runs.Alert(ctx, j.AlertID)
	if err != nil {
		return err
	}
	latest, exists := record.Latest()
	joined := j.JoinedAt
	if exists && joined.IsZero() && latest.ObservedAt.After(l.Since()) {
		joined = latest.ObservedAt // in rows from before the time was kept; nobody waited for what was there already
	}
	if !exists ||
		latest.Version != j.Version ||
		latest.ID() == asking ||
		joined.IsZero() ||
		joined.Before(since) {
		return nil
	}
	again := false
	run, err := c.Runs.Update(ctx, j.AlertID, j.Version, func(run *runs.Run) (bool, error) {
		was := run.EpisodeOf(l.Kind) == l.Episode && run.State != runs.Parked
		begun := run.EpisodeOf(l.Kind) == 0 &&
			run.State == runs.Started &&
			!run.IsOver(l.Kind)
		if again = was || begun; !again {
			return false, nil
		}
		run.Again(l.Kind, "Defender lifted the isolation that it had joined; it is decided again", c.Now().UTC())
		run.Asked(l.Kind, joined) // as for what is asked for again, its age is not looked at anew
		run.Copies++
		return true, nil
	})
	if err != nil || !again {
		return err
	}
	c.Log.InfoContext(ctx, "the run is decided again: the isolation that it had joined was lifted",
		"run", run.ID(),
		"machine", l.MachineID,
		"name", l.MachineName)
	return c.Queue.SendAlerts(ctx,
		[]alert.Envelope{run.Message(c.Runs.Tenant(), "lifted", time.Time{})})
}

// Conclude writes what became of an episode whose lift is due: it was released, lasts longer, or was lifted. The
// answer is the release that is under way instead, for which the run that asks waits; its zero value: something was
// written.
func (c *Closer) Conclude(
	ctx context.Context,
	l latches.Latch,
	actions []machine.Action,
	asking string,
) (waitsFor machine.Action, err error) {
	switch is := c.Watch(ctx, l, actions); {
	case is.Released != nil:
		return waitsFor, c.release(ctx, is.Latch, *is.Released, asking)
	case is.Changed:
		return waitsFor, c.Latches.Save(ctx, &is.Latch)
	case is.WaitsForRelease(c.Now()):
		return is.Release, nil
	}
	return waitsFor, c.End(ctx, l, asking)
}

// Watch says what is true of a state that was reached, and logs that it lasts longer by another action.
func (c *Closer) Watch(
	ctx context.Context,
	l latches.Latch,
	actions []machine.Action,
) episode.Standing {
	is := episode.Watch(l, actions, c.Now(), c.Lift)
	if !is.Until.IsZero() {
		c.Log.InfoContext(ctx, "the machine stays isolated by another action",
			"machine", l.MachineID,
			"name", l.MachineName,
			"before", l.ActionID,
			"action", is.Latch.ActionID,
			"until", is.Until)
	}
	return is
}

// release ends an episode with a release that no follow has seen. Until the latch is written nobody joins it, because
// its lift is due, so the order is that of a lift.
func (c *Closer) release(
	ctx context.Context,
	l latches.Latch,
	a machine.Action,
	asking string,
) error {
	err := c.TellJoiners(ctx, l, episode.ReleaseEvent(l, a, c.Now()))
	if err != nil {
		return err
	}
	episode.EndReleased(&l, a, c.Now())
	joiners, err := c.Latches.Joiners(ctx, l)
	if err != nil {
		return err
	}
	for _, j := range joiners {
		if alert.RunID(j.AlertID, j.Version) == asking {
			continue // it goes on by itself
		}
		if err := c.BeginAgain(ctx, j, l); err != nil {
			return err
		}
	}
	if err := c.Latches.Save(ctx, &l); err != nil {
		return err
	}
	c.LogRelease(ctx, l, a)
	return nil
}

// LogRelease logs that somebody ended an episode by undoing it.
func (c *Closer) LogRelease(ctx context.Context, l latches.Latch, a machine.Action) {
	c.Log.InfoContext(ctx, "machine was released",
		"machine", l.MachineID,
		"name", l.MachineName,
		"by", a.Requestor,
		"action", a.ID)
}
