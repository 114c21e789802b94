package respond

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// Waits that are no settings.
const (
	joinWait = 30 * time.Second // for a request that somebody else has under way
	heldWait = 2 * time.Second  // doubled with every copy: a holder is done within seconds, unless it died

	tooSlowWait = time.Second
	doneFor     = time.Hour // how long a scan or a package that is done will do for other alerts
)

// turn is one hold of one of a machine's latches by one invocation.
type turn struct {
	*work
	spec  machine.Spec
	kind  string // of the latch
	latch ledger.Latch
	token string

	counted bool // the episode has its place under the caps, for a request that has not been sent
}

// act brings a machine action about, under its latch: join what is under way, else begin or resume an episode. It ends in
// nil, errStepDone, errDone or a comeBack; any other error is trouble, and the run goes on with a copy.
func (r *Responder) act(ctx context.Context, w *work) error {
	t := &turn{work: w, kind: latchOf(w.step), token: rand.Text()}
	t.spec, _ = machine.SpecOf(w.step.Kind.Action())
	for range 5 {
		l, err := r.latch(ctx, w.machine.ID, t.kind, w.run.ID())
		if err != nil {
			return err
		}
		t.latch = l
		done, err := r.refuseTurn(ctx, t)
		if !done && err == nil {
			if l.State == ledger.Acting || l.State == ledger.Achieved {
				done, err = true, r.join(ctx, t)
			} else {
				err = r.take(ctx, t)
			}
		}
		switch {
		case errors.Is(err, ledger.ErrConflict):
			continue
		case done || err != nil:
			return err
		}
		return r.drive(ctx, t)
	}
	return &comeBack{after: time.Second, why: "others keep taking the machine's latch"}
}

// refuseTurn says whether the run must not join or take the latch now, and how it ends or goes on then.
func (r *Responder) refuseTurn(ctx context.Context, t *turn) (done bool, err error) {
	l, now := t.latch, r.Now().UTC()
	own := l.Episode > 0 && l.Episode == t.run.EpisodeOf(t.kind)
	if done, err := r.staysReleased(ctx, t); done || err != nil {
		return true, err
	}
	switch {
	case l.UndoneBy != "" && (l.State == ledger.Acting || l.State == ledger.Achieved):
		return r.waitForUndoing(ctx, t)
	case l.State == ledger.Acting || l.State == ledger.Achieved:
		return false, nil
	case l.Held(t.token, now):
		return true, &comeBack{after: min(l.HeldUntil.Sub(now)+time.Second, heldWait<<min(t.run.Copies, 4)), why: "another invocation holds the machine's latch"}
	case l.State == ledger.Ended && !l.LiftedAt.IsZero():
		return false, nil // what has joined it is contained no longer, what has not never was
	case l.State == ledger.Ended && own && l.EndKind != "" && (l.EndRun == "" || l.EndRun == t.run.ID()):
		// The run's own episode ended before the run could end with it. One that another alert's rail, or the answer to its
		// request, ended before anything was under way says nothing about this run, which begins anew.
		if again, err := r.reissueOwn(ctx, t); again || err != nil {
			return err != nil, err
		}
		return true, r.ended(ctx, t)
	case l.State == ledger.Ended && l.ActionStatus == machine.Succeeded && !t.spec.Lasting && t.spec.Undoes == "":
		return r.doneBefore(ctx, t, own)
	case t.spec.Undoes != "" && !l.State.Open():
		return r.nothingToUndo(ctx, t)
	}
	return false, nil
}

// doneBefore ends the step with an action that is done: the run's own, one that was done for the same alert, or one that
// anybody had done a short while ago.
func (r *Responder) doneBefore(ctx context.Context, t *turn, own bool) (done bool, err error) {
	l := t.latch
	why := fmt.Sprintf("done by action %s at %s", l.ActionID, l.EndedAt.Format(time.RFC3339))
	if !own && r.Now().Sub(l.EndedAt) > doneFor {
		joiners, err := r.Ledger.Joiners(ctx, l)
		if err != nil {
			return true, err
		}
		if !slices.ContainsFunc(joiners, func(j ledger.Joiner) bool { return j.AlertID == t.run.AlertID }) {
			return false, nil
		}
		why += " for this alert"
	}
	e := r.event(t.work, notice.Done)
	e.Episode, e.ActionID, e.Detail = l.Episode, l.ActionID, "The "+episode.Noun(l)+" was "+why+"."
	if err := r.tell(ctx, t.work, e); err != nil {
		return true, err
	}
	return true, r.finish(ctx, t.work, t.spec.Done, why)
}

// ended ends the step with the end of its own episode.
func (r *Responder) ended(ctx context.Context, t *turn) error {
	e := r.event(t.work, notice.Kind(t.latch.EndKind))
	e.Episode, e.ActionID, e.Detail, e.Cause = t.latch.Episode, t.latch.ActionID, t.latch.EndReason, t.latch.EndCause
	if err := r.tell(ctx, t.work, e); err != nil {
		return err
	}
	return r.finish(ctx, t.work, episode.NotDoneWord(t.spec), t.latch.EndReason)
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

// take holds the latch for this invocation, in a new episode if none is open. The run's episode is written before it, so
// that the run knows its own; the index entry after it and before any intent: whoever removes an entry because the latch
// he read has nothing to follow removes exactly the entry that he listed, never the one that is added here.
func (r *Responder) take(ctx context.Context, t *turn) error {
	l := t.latch
	if !l.State.Open() {
		last := l.ActionID
		if last == "" {
			last = l.LastActionID
		}
		l = ledger.NextEpisode(l)
		l.Desired, l.Scope, l.RunID, l.LastActionID = t.spec.Type, t.step.Scope, t.run.ID(), last
	}
	l.MachineName = t.machine.ComputerDNSName
	if err := r.noteEpisode(ctx, t, l.Episode); err != nil {
		return err
	}
	l.Holder, l.HeldUntil = t.token, r.Now().UTC().Add(r.Hold)
	if err := r.Ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	t.latch = l
	if err := r.Ledger.AddOpen(ctx, t.machine.ID, t.kind); err != nil {
		return r.giveBack(ctx, t, err)
	}
	return nil
}

func (r *Responder) noteEpisode(ctx context.Context, t *turn, number int) error {
	run, err := r.Ledger.UpdateRun(ctx, t.run.AlertID, t.run.Version, func(run *ledger.Run) error {
		if run.State.Final() {
			return errDone
		}
		if run.EpisodeOf(t.kind) == number {
			return ledger.ErrUnchanged
		}
		run.SetEpisode(t.kind, number)
		if t.latch.Episode == number && (t.latch.State == ledger.Acting || t.latch.State == ledger.Achieved) {
			run.Asked(t.kind, r.Now().UTC())
		}
		return nil
	})
	if err == nil {
		t.run = run
	}
	return err
}

// drive carries the held episode from where it stands to an action id.
func (r *Responder) drive(ctx context.Context, t *turn) error {
	var found *machine.Action
	var err error
	if t.latch.State == ledger.Preparing {
		found, err = r.firstLook(ctx, t)
	} else {
		found, err = r.afterIntent(ctx, t)
	}
	if err != nil {
		return r.giveBack(ctx, t, err)
	}
	if found != nil {
		return r.adopt(ctx, t, *found)
	}
	if err := r.leave(ctx, t); err != nil {
		return err
	}
	if r.stale(t.work) {
		if changed, err := r.lookAgain(ctx, t); err != nil {
			return r.giveBack(ctx, t, err)
		} else if changed {
			return r.giveBack(ctx, t, errPlanChanged)
		}
		if err := r.leave(ctx, t); err != nil {
			return err
		}
	}
	if t.spec.Undoes != "" {
		if err := r.claimUndoing(ctx, t); err != nil {
			return err
		}
	}
	return r.request(ctx, t)
}

// lookAgain reads the facts again for a run that is about to act, and says whether they ask for something else now.
func (r *Responder) lookAgain(ctx context.Context, t *turn) (changed bool, err error) {
	if err := r.readAgain(ctx, t.work); err != nil {
		return false, err
	}
	i := slices.IndexFunc(t.plan.Steps, func(s playbook.Step) bool { return s.Key() == t.step.Key() && s.Verdict == playbook.Do })
	if i < 0 || t.machine == nil || t.machine.ID != t.latch.MachineID {
		return true, nil
	}
	if r.stale(t.work) {
		return false, errTooSlow()
	}
	t.step = t.plan.Steps[i]
	return false, nil
}

// leave gets the leave to send the episode's request. Without it the run ends or comes back, which is the error.
func (r *Responder) leave(ctx context.Context, t *turn) error {
	slot, err := r.reserve(ctx, t)
	switch {
	case err != nil:
		return r.giveBack(ctx, t, err)
	case slot.CapReached != "":
		return r.hitCap(ctx, t, slot)
	case !slot.FreeAt.IsZero():
		return r.giveBack(ctx, t, &comeBack{after: slot.FreeAt.Sub(r.sharedNow(ctx)), turn: true, why: "the API's quota of " + t.spec.Plural + " is used up; the run's turn comes at " + slot.FreeAt.Format(time.RFC3339)})
	}
	return nil
}

// reserve asks for leave to send the episode's request: once under the playbook's caps, and under the API's quota for every
// time that it is sent. A request of unknown fate has an intent, and what follows it is another request. Facts that are too
// old are read again once the run has its slot, so that those who wait for one read nothing.
func (r *Responder) reserve(ctx context.Context, t *turn) (ledger.Slot, error) {
	caps := r.Book.Limits().Of(t.step.Kind)
	if t.hasLeave(t.step) {
		caps = playbook.Cap{} // a person has seen that the cap is reached; the action is counted all the same
	}
	request := "first"
	if !t.latch.IntentAt.IsZero() {
		request = fmt.Sprintf("after %d", t.latch.IntentAt.UnixMilli())
	}
	action, key := episode.CapOf(t.latch)
	reservation := ledger.Reservation{Action: action, Key: key, Request: request, Severity: t.alert.Severity, At: r.sharedNow(ctx), Provisional: r.stale(t.work),
		Cap: ledger.Rate(caps.Rate), Machine: t.machine.ID, MachineCap: ledger.Rate(caps.PerMachine), Rule: cmp.Or(t.step.Rule, t.plan.Rule), RuleCap: ledger.Rate(caps.PerRule),
		Group: cmp.Or(t.machine.RBACGroupName, noGroup), GroupCap: ledger.Rate(caps.PerGroup), Quota: r.Quota}
	slot, err := r.Ledger.Reserve(ctx, reservation)
	t.counted = err == nil && slot == ledger.Slot{} && !reservation.Provisional
	return slot, err
}

// noGroup stands for the device group of machines that are in none.
const noGroup = "(none)"

// hitCap ends the episode before anything was sent: the cap holds the step for a person. The operator hears of a cap once,
// as long as it goes on to hold.
func (r *Responder) hitCap(ctx context.Context, t *turn, slot ledger.Slot) error {
	if err := r.alarm(ctx, t.spec, slot); err != nil {
		return r.giveBack(ctx, t, err)
	}
	return r.holdHere(ctx, t, reason{"the cap on " + t.spec.Plural + " is reached, " + slot.CapReached, "cap " + slot.Cap})
}

// alarm tells before it notes that it has: the event's key is the cap and since when it holds.
func (r *Responder) alarm(ctx context.Context, spec machine.Spec, slot ledger.Slot) error {
	trip, told, err := r.Ledger.Trip(ctx, slot.Cap, slot.CapReached, r.sharedNow(ctx), slot.CapWindow)
	if err != nil || told {
		return err
	}
	r.Log.ErrorContext(ctx, "a cap holds "+spec.Plural+" for a person; look at cordon held list", "cap", slot.Cap, "why", slot.CapReached)
	e := notice.Event{Kind: notice.CapReached, Action: spec.Type, At: r.Now().UTC(), RunID: slot.Cap + " " + trip.Since.Format(time.RFC3339Nano), To: r.Operator,
		Detail: fmt.Sprintf("%s: %s. What is beyond it is held: cordon held list shows it, cordon held run continues with it.", strings.ToUpper(spec.Plural[:1])+spec.Plural[1:], slot.CapReached)}
	if err := r.Teller.Tell(ctx, "operator", e); err != nil {
		return err
	}
	return r.Ledger.TripTold(ctx, trip)
}

// endWith ends the episode without an action, and the run with it: told, then the latch, then the run.
func (r *Responder) endWith(ctx context.Context, t *turn, kind notice.Kind, outcome string, why reason) error {
	if err := r.tellOnce(ctx, t.work, kind, why); err != nil {
		return r.giveBack(ctx, t, err)
	}
	if err := r.end(ctx, t, kind, why); err != nil {
		return err
	}
	return r.finish(ctx, t.work, outcome, why.text)
}

// end closes the episode without an action.
func (r *Responder) end(ctx context.Context, t *turn, kind notice.Kind, why reason) error {
	t.latch.EndKind, t.latch.EndCause, t.latch.EndRun = string(kind), why.cause, t.run.ID()
	t.latch.State, t.latch.EndedAt, t.latch.EndReason = ledger.Ended, r.Now().UTC(), why.text
	r.uncount(ctx, t)
	t.latch.Holder, t.latch.HeldUntil = "", time.Time{}
	return r.lost(r.Ledger.SaveLatch(ctx, &t.latch))
}

// giveBack lets go of the latch before its time and passes the cause on.
func (r *Responder) giveBack(ctx context.Context, t *turn, cause error) error {
	if t.latch.State == ledger.Preparing {
		r.uncount(ctx, t)
	}
	t.latch.Holder, t.latch.HeldUntil = "", time.Time{}
	if err := r.Ledger.SaveLatch(ctx, &t.latch); err != nil {
		r.Log.WarnContext(ctx, "the latch could not be given back; it lapses by itself", "machine", t.latch.MachineID, "error", err.Error())
	}
	return cause
}

// lost turns the loss of the latch to somebody else into a later try.
func (r *Responder) lost(err error) error {
	if errors.Is(err, ledger.ErrConflict) {
		return &comeBack{after: time.Second, why: "the machine's latch was taken over"}
	}
	return err
}
