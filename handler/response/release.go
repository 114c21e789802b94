package response

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// watchRelease looks for a release of an isolated machine, and remembers one that is under way so that it is still read
// when it ends. What nobody released Defender lifts in the end.
func (f *Follower) watchRelease(ctx context.Context, e following, actions []machine.Action) error {
	l := e.latch
	changed := noteCompletion(&l, actions)
	if release := episode.DoneAction(l).UndoneBy(actions); release != nil {
		e.latch = l
		return f.released(ctx, e, *release)
	}
	changed = f.lifts().prolong(ctx, &l, actions) || changed
	release := underWay(l, actions)
	if f.lifts().due(l) && !f.lifts().waitsFor(release) {
		if err := f.lifts().end(ctx, l, ""); err != nil {
			return err
		}
		return f.Ledger.RemoveOpen(ctx, e.entry)
	}
	told, err := f.lifts().warn(ctx, &l)
	if err != nil {
		return err
	}
	if release.Created.Equal(l.ReleaseAt) && !told && !changed {
		return nil
	}
	l.ReleaseAt = release.Created
	return f.Ledger.SaveLatch(ctx, &l)
}

// underWay is the oldest release that is not over; its zero value if there is none.
func underWay(l ledger.Latch, actions []machine.Action) (open machine.Action) {
	for _, a := range actions {
		if a.Type == l.Desired.Opposite() && !a.Status.Final() && (open.ID == "" || a.Created.Before(open.Created)) {
			open = a
		}
	}
	return open
}

// noteCompletion fills in what rows from before it was kept do not have.
func noteCompletion(l *ledger.Latch, actions []machine.Action) (changed bool) {
	i := slices.IndexFunc(actions, func(a machine.Action) bool { return a.ID == l.ActionID && a.Status == machine.Succeeded })
	if i < 0 || !l.AchievedAt.IsZero() {
		return false
	}
	l.AchievedAt, l.Owner = actions[i].Completed(), actions[i].AskedBy(episode.Owners(*l))
	return true
}

// finishEnd does what is left to do for an episode that has ended: runs that a release was not meant for begin again, as
// do those whose action failed and that have tries left; the others close.
func (f *Follower) finishEnd(ctx context.Context, l ledger.Latch) error {
	if !l.LiftedAt.IsZero() {
		return nil // all was done before it was written
	}
	if err := f.giveBack(ctx, l); err != nil {
		return err
	}
	joiners, err := f.Ledger.Joiners(ctx, l)
	if err != nil {
		return err
	}
	next := f.afterFailure
	if !l.ReleasedAt.IsZero() {
		next = f.lifts().beginAgain
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
	if err := f.tellJoiners(ctx, l, releaseEvent(l, a, f.Now())); err != nil {
		return err
	}
	endReleased(&l, a, f.Now())
	if err := f.Ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	f.Log.InfoContext(ctx, "machine was released", "machine", l.MachineID, "name", l.MachineName, "by", a.Requestor, "action", a.ID)
	if err := f.finishEnd(ctx, l); err != nil {
		return err
	}
	return f.Ledger.RemoveOpen(ctx, e.entry)
}

// endReleased ends the episode of a latch with a release.
func endReleased(l *ledger.Latch, a machine.Action, now time.Time) {
	l.State, l.EndedAt, l.ReleasedAt, l.EndReason = ledger.Ended, now.UTC(), a.Created, releaseEvent(*l, a, now).Detail
	if l.UndoneBy != "" && !isOf(a, l.UndoneBy) {
		l.UndoneBy = "" // a person was first
	}
}

// releaseEvent tells that a lasting state was undone by an action.
func releaseEvent(l ledger.Latch, a machine.Action, now time.Time) notice.Event {
	e := latchEvent(l, notice.Released, now)
	if markPattern.MatchString(a.Comment) {
		e.Kind = notice.ByRule
	}
	e.At, e.ActionID = a.Updated, a.ID
	e.Detail = fmt.Sprintf("Released by %s (%s): %s", a.Requestor, a.RequestSource, a.Comment)
	return e
}

// beginAgain lets a run that joined the episode after its release begin again. A repeat only sends another message.
func (x lifts) beginAgain(ctx context.Context, j ledger.Joiner, l ledger.Latch) error {
	again := false
	run, err := x.ledger.UpdateRun(ctx, j.AlertID, j.Version, func(run *ledger.Run) error {
		joined := run.EpisodeOf(l.Kind) == l.Episode && run.State != ledger.Parked
		begun := run.EpisodeOf(l.Kind) == 0 && run.State == ledger.Started && !run.IsOver(l.Kind)
		again = run.ObservedAt.After(l.ReleasedAt) && (joined || begun)
		if !again {
			return ledger.ErrUnchanged
		}
		run.Again(l.Kind, "", x.now().UTC())
		run.Copies++
		return nil
	})
	if err != nil || !again {
		return err
	}
	return x.queue.SendAlerts(ctx, []alert.Envelope{run.Message(x.ledger.Tenant(), "released", time.Time{})})
}

// staysReleased ends the step with a release that was meant for its alert. Whether the state is there all the same, for
// another alert, is none of this one's.
func (r *Responder) staysReleased(ctx context.Context, t *turn) (done bool, err error) {
	if len(t.latch.AllReleases()) == 0 {
		return false, nil
	}
	record, err := r.Ledger.Alert(ctx, t.run.AlertID)
	if err != nil {
		return false, err
	}
	release, stays := record.StaysReleased(t.run, t.latch)
	if !stays {
		return false, nil
	}
	return true, r.notDone(ctx, t.work, notice.ReleasedEarly, "released", reason{release.Why, fmt.Sprintf("released at %s", release.At.Format(time.RFC3339Nano))})
}
