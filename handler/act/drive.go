package act

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// act brings a machine action about, under its latch: join what is under way, else begin or resume an episode.
func (r *Actor) act(ctx context.Context, run *answer.Run) (answer.Outcome, error) {
	t := &turn{Run: run, kind: answer.LatchOf(run.Step), token: rand.Text()}
	t.spec, _ = machine.SpecOf(run.Step.Kind.Action())
	for range 5 {
		l, o, err := r.latch(ctx, run.Machine.ID, t.kind, run.ID())
		if err != nil || o.Ends() {
			return o, err
		}
		t.latch = l
		held, o, err := r.enter(ctx, t)
		switch {
		case errors.Is(err, rows.ErrConflict):
			continue
		case err != nil || !held:
			return o, err
		}
		return r.drive(ctx, t)
	}
	return after(time.Second, "other invocations keep taking this latch"), nil
}

// enter carries out what comes next for the latch as it was read. If the latch is held afterwards, the episode is to be
// driven on.
func (r *Actor) enter(ctx context.Context, t *turn) (held bool, o answer.Outcome, err error) {
	next, o, err := r.next(ctx, t)
	if err != nil || o.Ends() {
		return false, o, err
	}
	switch next := next.(type) {
	case episode.Take:
		return r.take(ctx, t)
	case episode.Join:
		o, err = r.join(ctx, t)
	case episode.ClearMark:
		o, err = r.clearMark(ctx, t, next.Undoing)
	case episode.Wait:
		o = waitOf(next)
	case episode.WaitForRelease:
		o, err = r.waitForRelease(ctx, t, next)
	case episode.AskAgain:
		return r.askAgain(ctx, t)
	case episode.StaysReleased:
		cause := fmt.Sprintf("released at %s", next.Release.At.Format(time.RFC3339Nano))
		// The machine may be in that state for another alert; this one has no part in that.
		why := answer.Reason{Text: next.Release.Why, Cause: cause}
		o, err = r.notDone(ctx, t.Run, notice.ReleasedEarly, "released", why)
	case episode.Done:
		o, err = r.doneBefore(ctx, t, next.Why)
	case episode.Finish:
		o, err = r.Clerk.Finish(ctx, t.Run, next.Outcome, next.Why)
	default:
		err = fmt.Errorf("a run that wants a machine action cannot go on with %T", next)
	}
	return false, o, err
}

// next asks what comes next, and reads what that looks at.
func (r *Actor) next(ctx context.Context, t *turn) (next episode.Next, o answer.Outcome, err error) {
	v := r.view(t)
	for {
		next = episode.Enter(v)
		read, missing := next.(episode.Read)
		if !missing {
			return next, o, nil
		}
		o, err = r.read(ctx, t, &v, read.Fact)
		if err != nil || o.Ends() {
			return nil, o, err
		}
	}
}

func (r *Actor) read(ctx context.Context, t *turn, v *episode.View, fact episode.Fact) (o answer.Outcome, err error) {
	switch fact {
	case episode.TheRecord:
		var record runs.Record
		record, err = r.Runs.Alert(ctx, t.Row.AlertID)
		v.Record = &record
	case episode.TheJoiners:
		var joiners []latches.Joiner
		joiners, err = r.Latches.Joiners(ctx, t.latch)
		v.Joiners = &joiners
	case episode.TheUndoing:
		undoing, _ := machine.SpecOf(t.spec.Undoing)
		var u latches.Latch
		u, err = r.Latches.Of(ctx, t.Machine.ID, undoing.Latch)
		v.Undoing = &u
	case episode.TheLasting:
		var l latches.Latch
		l, o, err = r.lasting(ctx, t.Run, t.spec)
		v.Lasting = &l
	}
	return o, err
}

// take holds the latch for this invocation, in a new episode if none is open. The run's episode is written before it,
// so that the run knows its own; the index entry after it and before any intent. Removing an entry is conditional on
// the entry that was listed, so nobody deletes the one that is added here.
func (r *Actor) take(ctx context.Context, t *turn) (held bool, o answer.Outcome, err error) {
	l := t.latch
	if !l.State.Open() {
		if err := r.Latches.Keep(ctx, l); err != nil {
			return false, o, err
		}
		last := l.ActionID
		if last == "" {
			last = l.LastActionID
		}
		l = latches.NextEpisode(l)
		l.Desired = t.spec.Type
		l.Scope = t.Step.Scope
		l.RunID = t.ID()
		l.LastActionID = last
	}
	l.MachineName = t.Machine.ComputerDNSName
	o, err = r.noteEpisode(ctx, t, l.Episode)
	if err != nil || o.Ends() {
		return false, o, err
	}
	l.Holder = t.token
	l.HeldUntil = r.Now().UTC().Add(r.Hold)
	if err := r.Latches.Save(ctx, &l); err != nil {
		return false, o, err
	}
	t.latch = l
	if err := r.Latches.AddOpen(ctx, t.Machine.ID, t.kind); err != nil {
		r.letGo(ctx, t)
		return false, o, err
	}
	return true, o, nil
}

// askAgain lets the run go on in a new episode after its own has ended, or ends the step if it had its tries.
func (r *Actor) askAgain(ctx context.Context, t *turn) (held bool, o answer.Outcome, err error) {
	again := false
	row, err := r.Runs.Update(ctx, t.Row.AlertID, t.Row.Version, func(row *runs.Run) (bool, error) {
		again = episode.MayReissue(*row, t.latch)
		if !again {
			return false, nil
		}
		episode.Reissue(row, t.kind, r.Now().UTC())
		return true, nil
	})
	switch {
	case err != nil:
		return false, o, err
	case again:
		t.Row = row
		return r.take(ctx, t)
	}
	e := r.Clerk.Event(t.Run, notice.Kind(t.latch.EndKind))
	e.Episode = t.latch.Episode
	e.ActionID = t.latch.ActionID
	e.Detail = t.latch.EndReason
	e.Cause = t.latch.EndCause
	if err := r.Clerk.Tell(ctx, t.Run, e); err != nil {
		return false, o, err
	}
	o, err = r.Clerk.Finish(ctx, t.Run, episode.NotDone(t.spec.Done), t.latch.EndReason)
	return false, o, err
}

// doneBefore ends the step with an action that is done.
func (r *Actor) doneBefore(ctx context.Context, t *turn, why string) (o answer.Outcome, err error) {
	e := r.Clerk.Event(t.Run, notice.Done)
	e.Episode, e.ActionID = t.latch.Episode, t.latch.ActionID
	e.Detail = "The " + episode.Noun(t.latch) + " was " + why + "."
	if err := r.Clerk.Tell(ctx, t.Run, e); err != nil {
		return o, err
	}
	return r.Clerk.Finish(ctx, t.Run, t.spec.Done, why)
}

// drive carries the held episode from where it stands to an action id.
func (r *Actor) drive(ctx context.Context, t *turn) (answer.Outcome, error) {
	next, err := r.resume(ctx, t)
	if err != nil {
		r.letGo(ctx, t)
		return answer.Outcome{}, err
	}
	switch next := next.(type) {
	case episode.Adopt:
		return r.adopt(ctx, t, next.Action)
	case episode.Ask:
		return r.ask(ctx, t)
	case episode.Wait:
		r.letGo(ctx, t)
		return waitOf(next), nil
	case episode.WaitForRelease:
		o, err := r.waitForRelease(ctx, t, next)
		r.letGo(ctx, t)
		return o, err
	}
	r.letGo(ctx, t)
	return answer.Outcome{}, fmt.Errorf("unexpected next step of an episode: %T", next)
}

// resume looks at the machine's actions and says how the held episode goes on.
func (r *Actor) resume(ctx context.Context, t *turn) (episode.Next, error) {
	if t.latch.State == latches.Preparing {
		// Before anything is adopted: what the ledger took over it seems to know.
		if err := r.current.HoldAgainstLedger(ctx); err != nil {
			return nil, err
		}
		current, err := r.CurrentActions(ctx)
		return episode.FirstLook(r.view(t), current), err
	}
	v := r.view(t) // what is listed is as of now
	actions, err := r.API.ActionsOn(ctx, t.Machine.ID,
		t.latch.FirstIntentAt.Add(-episode.LookBack))
	return episode.AfterIntent(v, actions), err
}

// ask gets a slot for the request, with facts that are not too old, and sends it.
func (r *Actor) ask(ctx context.Context, t *turn) (answer.Outcome, error) {
	o, err := r.takeSlot(ctx, t)
	if err != nil || o.Ends() {
		return o, err
	}
	doubted, err := r.doubted(ctx, t)
	if err != nil {
		r.letGo(ctx, t)
		return o, err
	}
	if doubted || r.stale(t.Run) {
		o, err := r.lookAgain(ctx, t)
		if err != nil || o.Ends() {
			r.letGo(ctx, t)
			return o, err
		}
		o, err = r.takeSlot(ctx, t)
		if err != nil || o.Ends() {
			return o, err
		}
	}
	if t.spec.Undoes != "" {
		o, err := r.claimUndoing(ctx, t)
		if err != nil || o.Ends() {
			return o, err
		}
	}
	return r.request(ctx, t)
}

// doubted reports whether the ledger turned out, since the plan was made, not to know what was done before.
func (r *Actor) doubted(ctx context.Context, t *turn) (bool, error) {
	if err := r.current.HoldAgainstLedger(ctx); err != nil {
		return false, err
	}
	began, err := r.Switches.Beginning(ctx)
	return began.At.After(t.Began), err
}

// lookAgain reads the facts again for a run that is about to act. If they ask for something else now, the plan has
// changed.
func (r *Actor) lookAgain(ctx context.Context, t *turn) (answer.Outcome, error) {
	o, err := r.Facts.ReadAgain(ctx, t.Run)
	if err != nil || o.Ends() {
		return o, err
	}
	i := slices.IndexFunc(t.Plan.Steps, func(s playbook.Step) bool {
		return s.Key() == t.Step.Key() && s.Verdict == playbook.Do
	})
	if i < 0 || t.Machine == nil || t.Machine.ID != t.latch.MachineID {
		return answer.PlanChanged(), nil
	}
	if r.stale(t.Run) {
		return tooSlow(), nil
	}
	t.Step = t.Plan.Steps[i]
	return answer.Outcome{}, nil
}
