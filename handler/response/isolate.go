package response

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// Waits that are no settings: for a request that somebody else has under way, and how far clocks may differ when a
// look-up asks for actions since a moment.
const (
	joinWait  = 30 * time.Second
	heldWait  = 2 * time.Second // doubled with every copy: a holder is done within seconds, unless it died
	clockSkew = 2 * time.Minute
	lookBack  = 15 * time.Minute // how far before an intent the episode's own mark is looked for
)

// turn is one hold of a machine's latch by one invocation.
type turn struct {
	*work
	step  playbook.Step
	latch ledger.Latch
	token string
}

// isolate brings the machine's isolation about, under its latch: join what is under way, else begin or resume an
// episode. It ends in errDone or a comeBack; any other error is trouble, and the run goes on with a copy.
func (r *Responder) isolate(ctx context.Context, w *work, step playbook.Step) error {
	t := &turn{work: w, step: step, token: rand.Text()}
	for range 5 {
		l, err := r.Ledger.Latch(ctx, w.machine.ID, ledger.Isolation)
		if err != nil {
			return err
		}
		t.latch = l
		if l.State == ledger.Acting || l.State == ledger.Achieved {
			if err = r.join(ctx, t); errors.Is(err, ledger.ErrConflict) {
				continue
			}
			return err
		}
		if done, err := r.refuseTurn(ctx, t); done {
			return err
		}
		if err = r.take(ctx, t); errors.Is(err, ledger.ErrConflict) {
			continue
		} else if err != nil {
			return err
		}
		return r.drive(ctx, t)
	}
	return &comeBack{after: time.Second, why: "others keep taking the machine's latch"}
}

// refuseTurn says whether the run must not take the latch now, and how it ends or goes on then.
func (r *Responder) refuseTurn(ctx context.Context, t *turn) (done bool, err error) {
	l, now := t.latch, r.Now().UTC()
	switch {
	case l.Held(t.token, now):
		return true, &comeBack{after: min(l.HeldUntil.Sub(now)+time.Second, heldWait<<min(t.run.Copies, 4)), why: "another invocation holds the machine's latch"}
	case l.State == ledger.Ended && l.Episode > 0 && l.Episode == t.run.Episode && l.EndKind != "":
		// The run's own episode ended before the run could end with it.
		if again, err := r.reissueOwn(ctx, t); again || err != nil {
			return err != nil, err
		}
		return true, r.ended(ctx, t)
	case l.State == ledger.Ended && !l.ReleasedAt.IsZero() && !t.run.ObservedAt.After(l.ReleasedAt) && !t.run.LeaveAt.After(l.ReleasedAt):
		return true, r.conclude(ctx, t.work, notice.ReleasedEarly, "released", l.EndReason)
	}
	return false, nil
}

// ended ends a run with the end of its own episode.
func (r *Responder) ended(ctx context.Context, t *turn) error {
	e := r.event(t.work, notice.Kind(t.latch.EndKind))
	e.Episode, e.ActionID, e.Detail = t.latch.Episode, t.latch.ActionID, t.latch.EndReason
	if err := r.tell(ctx, t.work, e); err != nil {
		return err
	}
	return r.close(ctx, t.work, "not isolated", t.latch.EndReason)
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
		l.Desired, l.Scope, l.RunID, l.LastActionID = machine.Isolate, t.step.Scope, t.run.ID(), last
	}
	l.MachineName = t.machine.ComputerDNSName
	if err := r.noteEpisode(ctx, t.work, l.Episode); err != nil {
		return err
	}
	l.Holder, l.HeldUntil = t.token, r.Now().UTC().Add(r.Hold)
	if err := r.Ledger.SaveLatch(ctx, &l); err != nil {
		return err
	}
	t.latch = l
	if err := r.Ledger.AddOpen(ctx, t.machine.ID, ledger.Isolation); err != nil {
		return r.giveBack(ctx, t, err)
	}
	return nil
}

func (r *Responder) noteEpisode(ctx context.Context, w *work, episode int) error {
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if run.State.Final() {
			return errDone
		}
		if run.Episode == episode {
			return ledger.ErrUnchanged
		}
		run.Episode = episode
		return nil
	})
	if err == nil {
		w.run = run
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
			_ = r.giveBack(ctx, t, nil)
			return r.carryOut(ctx, t.work)
		}
		if err := r.leave(ctx, t); err != nil {
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
	i := t.isolation()
	if i < 0 || t.machine.ID != t.latch.MachineID {
		return true, nil
	}
	if r.stale(t.work) {
		return false, &comeBack{after: time.Second, why: "alert and machine were out of date before they were read"}
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
		return r.giveBack(ctx, t, &comeBack{after: slot.FreeAt.Sub(r.Now()), why: "the API's quota of isolations is used up; the run's turn comes at " + slot.FreeAt.Format(time.RFC3339)})
	}
	return nil
}

// reserve asks for leave to send the episode's request: once under the playbook's caps, and under the API's quota for every
// time that it is sent. A request of unknown fate has an intent, and what follows it is another request. Facts that are too
// old are read again once the run has its slot, so that those who wait for one read nothing.
func (r *Responder) reserve(ctx context.Context, t *turn) (ledger.Slot, error) {
	caps := r.Book.Limits().Of(playbook.Isolate)
	if t.hasLeave() {
		caps = playbook.Cap{} // a person has seen that the cap is reached; the isolation is counted all the same
	}
	request := "first"
	if !t.latch.IntentAt.IsZero() {
		request = fmt.Sprintf("after %d", t.latch.IntentAt.UnixMilli())
	}
	return r.Ledger.Reserve(ctx, ledger.Reservation{Action: isolateAction, Key: fmt.Sprintf("%s:e%d", t.machine.ID, t.latch.Episode), Request: request,
		Severity: t.alert.Severity, At: r.Now().UTC(), Cap: ledger.Rate(caps.Rate), Rule: cmp.Or(t.step.Rule, t.plan.Rule), RuleCap: ledger.Rate(caps.PerRule),
		Group: cmp.Or(t.machine.RBACGroupName, noGroup), GroupCap: ledger.Rate(caps.PerGroup), Quota: r.Quota, Provisional: r.stale(t.work)})
}

// noGroup stands for the device group of machines that are in none.
const noGroup = "(none)"

// isolateAction names isolations in the ledger's budgets.
const isolateAction = "isolate"

// firstLook is before the first request of an episode: an open action of the same kind is adopted, one that undoes it
// must end first.
func (r *Responder) firstLook(ctx context.Context, t *turn) (*machine.Action, error) {
	open, err := r.openActions(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range open {
		switch {
		case a.MachineID != t.machine.ID || a.ID == t.latch.LastActionID:
		case a.Type == t.latch.Desired && (a.Scope == t.latch.Scope || a.Scope == ""):
			return &a, nil
		case a.Type == t.latch.Desired.Opposite():
			return nil, &comeBack{after: joinWait, why: fmt.Sprintf("the machine is being released by %s (action %s)", a.Requestor, a.ID)}
		}
	}
	return nil, nil
}

// openActions is the list of open actions of all machines, shared by the runs of this process for half a minute.
func (r *Responder) openActions(ctx context.Context) ([]machine.Action, error) {
	select {
	case r.listing <- struct{}{}:
		defer func() { <-r.listing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if r.listed != nil && r.Now().Sub(r.listedAt) < joinWait {
		return r.listed, nil
	}
	at := r.Now()
	listed, err := r.API.OpenActions(ctx)
	if err != nil {
		return nil, err
	}
	r.listed, r.listedAt = append([]machine.Action{}, listed...), at
	return r.listed, nil
}

// afterIntent resumes an episode in which a request may have been sent: nothing is sent again before a look-up, made
// late enough for lists to show the action, has found none.
func (r *Responder) afterIntent(ctx context.Context, t *turn) (*machine.Action, error) {
	asked := r.Now()
	found, err := r.lookUp(ctx, t)
	if err != nil || found != nil {
		return found, err
	}
	if due := t.latch.IntentAt.Add(r.RecheckAfter); asked.Before(due) {
		return nil, &comeBack{after: due.Sub(asked), why: "a request may have been sent; its action is looked for again before it is repeated"}
	}
	return nil, nil
}

// lookUp asks the API afresh for an action of this episode, in any state. One that carries the episode's mark comes
// first; any other of the same kind since the episode's first intent does as well.
func (r *Responder) lookUp(ctx context.Context, t *turn) (*machine.Action, error) {
	actions, err := r.API.ActionsOn(ctx, t.machine.ID, t.latch.FirstIntentAt.Add(-lookBack))
	if err != nil {
		return nil, err
	}
	return pick(actions, t.latch), nil
}

// pick chooses the action of a latch's episode among a machine's actions; nil if there is none. The mark of the episode
// decides wherever it is found; without one it is the newest of the same kind since about the first intent that no
// release has undone.
func pick(actions []machine.Action, l ledger.Latch) *machine.Action {
	var other *machine.Action
	for _, a := range actions {
		if a.Type != l.Desired || a.ID == l.LastActionID || (a.MachineID != "" && a.MachineID != l.MachineID) {
			continue
		}
		if marksEpisode(a.Comment, l.Episode) {
			return &a
		}
		recent := !a.Created.Before(l.FirstIntentAt.Add(-clockSkew))
		if recent && !isMarked(a.Comment) && !undone(a, actions) && (other == nil || a.Created.After(other.Created)) {
			other = &a
		}
	}
	return other
}

// undone reports whether an action was followed by one that undid it.
func undone(a machine.Action, actions []machine.Action) bool {
	return slices.ContainsFunc(actions, func(b machine.Action) bool {
		return b.Type == a.Type.Opposite() && b.MachineID == a.MachineID && b.Status == machine.Succeeded && b.Created.After(a.Created)
	})
}

// hitCap ends the episode before anything was sent: the cap holds the step for a person. The operator hears of a cap once,
// as long as it goes on to hold.
func (r *Responder) hitCap(ctx context.Context, t *turn, slot ledger.Slot) error {
	if err := r.alarm(ctx, slot); err != nil {
		return r.giveBack(ctx, t, err)
	}
	return r.holdHere(ctx, t, "held: the cap on isolations is reached, "+slot.CapReached)
}

// alarm tells before it notes that it has: the event's key is the cap and since when it holds.
func (r *Responder) alarm(ctx context.Context, slot ledger.Slot) error {
	trip, told, err := r.Ledger.Trip(ctx, slot.Cap, slot.CapReached, r.Now().UTC(), slot.CapWindow)
	if err != nil || told {
		return err
	}
	r.Log.ErrorContext(ctx, "a cap holds isolations for a person; look at cordon held list", "cap", slot.Cap, "why", slot.CapReached)
	e := notice.Event{Kind: notice.CapReached, At: r.Now().UTC(), RunID: slot.Cap + " " + trip.Since.Format(time.RFC3339Nano), To: r.Operator,
		Detail: fmt.Sprintf("Isolations: %s. What is beyond it is held: cordon held list shows it, cordon held run continues with it.", slot.CapReached)}
	if err := r.Teller.Tell(ctx, "operator", e); err != nil {
		return err
	}
	return r.Ledger.TripTold(ctx, trip)
}

// endWith ends the episode without an action, and the run with it: told, then the latch, then the run.
func (r *Responder) endWith(ctx context.Context, t *turn, kind notice.Kind, outcome, why string) error {
	e := r.event(t.work, kind)
	e.Detail = why
	if err := r.tell(ctx, t.work, e); err != nil {
		return r.giveBack(ctx, t, err)
	}
	if err := r.end(ctx, t, kind, why); err != nil {
		return err
	}
	return r.close(ctx, t.work, outcome, why)
}

// end closes the episode without an action.
func (r *Responder) end(ctx context.Context, t *turn, kind notice.Kind, why string) error {
	t.latch.EndKind = string(kind)
	t.latch.State, t.latch.EndedAt, t.latch.EndReason = ledger.Ended, r.Now().UTC(), why
	t.latch.Holder, t.latch.HeldUntil = "", time.Time{}
	return r.lost(r.Ledger.SaveLatch(ctx, &t.latch))
}

// giveBack lets go of the latch before its time and passes the cause on.
func (r *Responder) giveBack(ctx context.Context, t *turn, cause error) error {
	t.latch.Holder, t.latch.HeldUntil = "", time.Time{}
	if err := r.Ledger.SaveLatch(ctx, &t.latch); err != nil {
		r.Log.WarnContext(ctx, "the latch could not be given back; it lapses by itself", "machine", t.machine.ID, "error", err.Error())
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
