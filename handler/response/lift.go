package response

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// Defender lifts an isolation by itself after a time, and no machine action says so. A while before that people are told; at
// the time the episode ends as lifted, they are told again, and runs that joined it shortly before are decided anew: their
// alerts were never contained. The Follower sees to it with every follow, and a Responder that comes upon such an episode
// first does the same, so that no run joins what is over.
//
// The order is: told, runs opened again, latch written. Whoever repeats it after a kill changes nothing that was done, and
// nobody begins the next episode before all of it is.

// warnAhead is how long before a lift people are told of it, at most. Of an isolation that lasts less than a week it is as
// much less.
const warnAhead = 24 * time.Hour

// warnParts is into how many parts of that length an isolation is divided.
const warnParts = 7

// lifts is what it takes to end an episode that Defender has lifted.
type lifts struct {
	ledger     *ledger.Store
	queue      Queue
	teller     Teller
	log        *slog.Logger
	now        func() time.Time
	lift       time.Duration
	staleAfter time.Duration
}

func (r *Responder) lifts() lifts {
	return lifts{r.Ledger, r.Queue, r.Teller, r.Log, r.Now, r.Lift, r.StaleAfter}
}

func (f *Follower) lifts() lifts {
	return lifts{f.Ledger, f.Queue, f.Teller, f.Log, f.Now, f.Lift, f.StaleAfter}
}

// due reports whether Defender has lifted the isolation of a latch by now.
func (x lifts) due(l ledger.Latch) bool {
	at := episode.LiftOf(l, x.lift)
	return !at.IsZero() && !x.now().Before(at)
}

// near reports whether people are to be told now that the isolation of a latch is lifted soon, or was. What the machine's
// actions say since it began is looked at before.
func (x lifts) near(l ledger.Latch) bool { return x.due(l) || x.warns(l) }

// warns reports whether people are to be told now of the lift that is near.
func (x lifts) warns(l ledger.Latch) bool {
	at := episode.LiftOf(l, x.lift)
	return !at.IsZero() && !l.LiftTold && x.now().Before(at) && !x.now().Before(at.Add(-min(warnAhead, at.Sub(l.Since())/warnParts)))
}

// warn tells people once that the lift of a latch is near. The caller writes the latch if it was told.
func (x lifts) warn(ctx context.Context, l *ledger.Latch) (told bool, err error) {
	if !x.warns(*l) {
		return false, nil
	}
	what := latchEvent(*l, notice.LiftsSoon, x.now())
	what.Detail = episode.Whose(*l) + episode.LiftSentence(*l, x.lift)
	if err := tellJoiners(ctx, x.ledger, x.teller, *l, what); err != nil {
		return false, err
	}
	l.LiftTold = true
	return true, nil
}

// end ends an episode that Defender has lifted. The run that asks for it, if one does, goes on by itself.
func (x lifts) end(ctx context.Context, l ledger.Latch, asking string) error {
	at := episode.LiftOf(l, x.lift)
	what := latchEvent(l, notice.Lifted, x.now())
	what.At, what.Detail = at, episode.Whose(l)+episode.LiftSentence(l, x.lift)
	if err := tellJoiners(ctx, x.ledger, x.teller, l, what); err != nil {
		return err
	}
	joiners, err := x.ledger.Joiners(ctx, l)
	if err != nil {
		return err
	}
	for _, j := range joiners {
		if err := x.decideAgain(ctx, j, l, at.Add(-x.staleAfter), asking); err != nil {
			return err
		}
	}
	l.State, l.EndedAt, l.LiftedAt = ledger.Ended, x.now().UTC(), at
	l.EndReason, l.EndKind = what.Detail, string(what.Kind)
	l.Holder, l.HeldUntil = "", time.Time{}
	if err := x.ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	x.log.InfoContext(ctx, "isolation was lifted by Defender", "machine", l.MachineID, "name", l.MachineName, "action", l.ActionID, "episode", l.Episode, "at", at)
	return nil
}

// decideAgain opens the run of a joiner again if it found the isolation there no longer than the stale limit before the
// lift. A repeat changes nothing; it only sends another message for a run that has not begun a new episode yet.
func (x lifts) decideAgain(ctx context.Context, j ledger.Joiner, l ledger.Latch, since time.Time, asking string) error {
	record, err := x.ledger.Alert(ctx, j.AlertID)
	if err != nil {
		return err
	}
	latest, exists := record.Latest()
	joined := j.JoinedAt
	if exists && joined.IsZero() && latest.ObservedAt.After(l.Since()) {
		joined = latest.ObservedAt // in rows from before the time was kept; nobody waited for what was there already
	}
	if !exists || latest.Version != j.Version || latest.ID() == asking || joined.IsZero() || joined.Before(since) {
		return nil
	}
	again := false
	run, err := x.ledger.UpdateRun(ctx, j.AlertID, j.Version, func(run *ledger.Run) error {
		was := run.EpisodeOf(l.Kind) == l.Episode && run.State != ledger.Parked
		begun := run.EpisodeOf(l.Kind) == 0 && run.State == ledger.Started && !run.IsOver(l.Kind)
		if again = was || begun; !again {
			return ledger.ErrUnchanged
		}
		run.Again(l.Kind, "Defender lifted the isolation that it had joined; it is decided again", x.now().UTC())
		run.Asked(l.Kind, joined) // as for what is asked for again, its age is not looked at anew
		run.Copies++
		return nil
	})
	if err != nil || !again {
		return err
	}
	x.log.InfoContext(ctx, "the run is decided again: the isolation that it had joined was lifted", "run", run.ID(), "machine", l.MachineID, "name", l.MachineName)
	return x.queue.SendAlerts(ctx, []alert.Envelope{run.Message(x.ledger.Tenant(), "lifted", time.Time{})})
}

// latch reads a latch of a machine. An episode whose isolation Defender should have lifted is brought up to what the machine's
// actions say first, for a run that asks: nobody may have followed them for days.
func (r *Responder) latch(ctx context.Context, machineID, kind, asking string) (ledger.Latch, error) {
	for range 5 {
		l, err := r.Ledger.Latch(ctx, machineID, kind)
		if err != nil || !r.lifts().due(l) {
			return l, err
		}
		actions, err := r.API.ActionsOn(ctx, machineID, l.ActionAt.Add(-time.Second))
		if err != nil {
			return l, err
		}
		if err := r.lifts().conclude(ctx, l, actions, asking); err != nil && !errors.Is(err, ledger.ErrConflict) {
			return l, err
		}
	}
	return ledger.Latch{}, &comeBack{after: time.Second, why: "others keep writing the latch of an isolation that Defender has lifted"}
}

// conclude writes what became of an episode whose lift is due: it was released, lasts longer, is about to be released, which the
// run that asks waits for, or was lifted.
func (x lifts) conclude(ctx context.Context, l ledger.Latch, actions []machine.Action, asking string) error {
	changed := noteCompletion(&l, actions)
	if release := episode.DoneAction(l).UndoneBy(actions); release != nil {
		return x.release(ctx, l, *release, asking)
	}
	if changed = x.prolong(ctx, &l, actions) || changed; changed {
		return x.ledger.SaveLatch(ctx, &l)
	}
	if a := underWay(l, actions); x.waitsFor(a) {
		why := fmt.Sprintf("%s asked for the release of what Defender has lifted (action %s), which is not over", a.Requestor, a.ID)
		return &comeBack{after: joinWait, patient: true, why: why}
	}
	return x.end(ctx, l, asking)
}

// release ends an episode with a release that no follow has seen. Until the latch is written nobody joins it, because its lift is
// due, so the order is that of a lift.
func (x lifts) release(ctx context.Context, l ledger.Latch, a machine.Action, asking string) error {
	if err := tellJoiners(ctx, x.ledger, x.teller, l, releaseEvent(l, a, x.now())); err != nil {
		return err
	}
	endReleased(&l, a, x.now())
	joiners, err := x.ledger.Joiners(ctx, l)
	if err != nil {
		return err
	}
	for _, j := range joiners {
		if alert.RunID(j.AlertID, j.Version) == asking {
			continue // it goes on by itself
		}
		if err := x.beginAgain(ctx, j, l); err != nil {
			return err
		}
	}
	if err := x.ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	x.log.InfoContext(ctx, "machine was released", "machine", l.MachineID, "name", l.MachineName, "by", a.Requestor, "action", a.ID)
	return nil
}

// waitsFor reports whether a lift that is due waits for a release: only its end says whether a person's word stands. The zero
// value is no release. Defender gives an action up after three days; whatever lists it as open for longer is not waited for.
func (x lifts) waitsFor(release machine.Action) bool {
	return release.ID != "" && x.now().Sub(release.Created) < patientFor
}

// prolong makes the isolation that stands the latch's, if Defender lifts it later than the latch's own, such as one that a person
// asked for meanwhile: the machine is isolated until then.
func (x lifts) prolong(ctx context.Context, l *ledger.Latch, actions []machine.Action) bool {
	own := episode.LiftOf(*l, x.lift)
	is := episode.StateOf(*l, actions, x.now(), x.lift)
	if own.IsZero() || !is.Is || is.Action.ID == l.ActionID || !is.Until.After(own) {
		return false
	}
	before := l.ActionID
	ownAction(l, is.Action, !marks(is.Action, *l))
	l.AchievedAt, l.LiftTold = is.Since, false
	x.log.InfoContext(ctx, "the machine stays isolated by another action", "machine", l.MachineID, "name", l.MachineName,
		"before", before, "action", l.ActionID, "until", is.Until)
	return true
}
