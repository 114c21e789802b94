// Package desk is what people may do and see: what rails have held, which machines are isolated, their release.
// Whatever way leads to it, such as the command line, asks here, and every change names a person and a reason.
//
// Neighbours: handler/respond carries on what a person continues with, handler/follow sees the outcome.
package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/findings"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/mailbox"
)

// HeldAPI is what is read again before a person continues with what was held.
type HeldAPI interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Machine(ctx context.Context, id string) (machine.Machine, error)
}

// Queue takes the messages of runs that go on.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Desk is what people may do and see. What has no API, Actions, Seen, Queue or Teller can do only what needs none.
type Desk struct {
	API      HeldAPI
	Actions  Actions // for what acts, and what looks before it acts
	Seen     Reads   // for people who only look
	Queue    Queue
	Teller   Teller   // nil: a pause is told to nobody
	Operator []string // who hears of a pause
	Runs     *runs.Store
	Latches  *latches.Store
	Held     *held.Store
	Findings *findings.Store
	Switches *switches.Store
	Journal  *journal.Store
	Mails    *mailbox.Mailbox
	Now      func() time.Time

	Lift         time.Duration // how long Defender keeps an isolation
	RecheckAfter time.Duration // before what Defender was asked for, and does not list, is asked for again
}

// HeldState is what is held, and whether it can still be continued.
type HeldState struct {
	held.Entry
	Over string // why it cannot be continued any more; empty: it can
}

// List answers with all that is held, newest first.
func (d *Desk) List(ctx context.Context) ([]HeldState, error) {
	return d.heldOn(ctx, "")
}

// heldOn is what is held of one machine; empty: of all.
func (d *Desk) heldOn(ctx context.Context, machineID string) ([]HeldState, error) {
	all, err := d.Held.All(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(h held.Entry) bool {
		return machineID != "" && h.MachineID != machineID
	})
	slices.SortStableFunc(all, func(a, b held.Entry) int {
		return b.At.Compare(a.At)
	})
	return each(ctx, all, func(ctx context.Context, h held.Entry) (HeldState, error) {
		over, err := d.over(ctx, h)
		return HeldState{h, over}, err
	})
}

// over says why the ledger has nothing left to continue; empty if it has.
func (d *Desk) over(ctx context.Context, h held.Entry) (string, error) {
	record, err := d.Runs.Alert(ctx, h.AlertID)
	if err != nil {
		return "", err
	}
	run, exists := record.Run(h.Version)
	switch {
	case !exists:
		return "its run is gone", nil
	case record.Seen != nil && record.Seen.Version > h.Version:
		return fmt.Sprintf("version %d of the alert is newer and was answered instead", record.Seen.Version), nil
	case !run.IsHeld():
		return fmt.Sprintf("its run is %s, %s", run.State, run.Outcome), nil
	}
	return d.underWay(ctx, h.MachineID, run)
}

// underWay says that all that was held has been asked for since; empty if something is left.
func (d *Desk) underWay(ctx context.Context, machineID string, run runs.Run) (string, error) {
	kinds := []string{latches.Isolation}
	if len(run.Steps) > 0 {
		kinds = nil
	}
	for _, step := range run.Steps {
		if step.Outcome == runs.HeldOutcome {
			kinds = append(kinds, step.Latch)
		}
	}
	why := ""
	for _, kind := range kinds {
		spec, isLatch := machine.SpecOfLatch(kind)
		if !isLatch {
			return "", nil
		}
		l, err := d.Latches.Of(ctx, machineID, kind)
		if err != nil {
			return "", err
		}
		if l.State != latches.Acting && l.State != latches.Achieved {
			return "", nil
		}
		why = fmt.Sprintf("the machine is %s or being %s by action %s", spec.Done, spec.Done, l.ActionID)
	}
	return why, nil
}

// Continue lets the run of what was held go on: alert and machine are read again first, and what differs from what the
// rails saw is refused with the reason (IsRefusal). Any other error is trouble; then the run either was not touched,
// or is found standing still and goes on by itself. A repeat is refused, because the run is no longer held.
func (d *Desk) Continue(ctx context.Context, h held.Entry, c Command) error {
	if err := d.mayContinue(ctx, h); err != nil {
		return err
	}
	facts, err := h.Facts()
	if err != nil {
		return err
	}
	now := d.Now().UTC()
	run, err := d.Runs.Update(ctx, h.AlertID, h.Version, func(run *runs.Run) (bool, error) {
		if !run.IsHeld() {
			return false, notHeld(*run)
		}
		if err := d.mark(ctx, run, c); err != nil {
			return false, err
		}
		run.Unhold(now)
		run.Leave = c.By.Name + ": " + c.Reason
		run.LeaveFor = machine.FactsDigest(facts)
		run.LeaveAt = now
		run.Copies++
		return true, nil
	})
	if err != nil {
		return err
	}
	return d.goOn(ctx, h, run)
}

// goOn forgets that a run that is open again was held, and sends its message. In this order: whoever answers the message
// may hold it again at once.
func (d *Desk) goOn(ctx context.Context, h held.Entry, run runs.Run) error {
	forgotten := d.Held.Remove(ctx, h.AlertID, h.Version)
	again := run.Message(d.Runs.Tenant(), "continued", time.Time{})
	err := d.Queue.SendAlerts(ctx, []alert.Envelope{again})
	if err != nil {
		err = fmt.Errorf("the run is open again but its message could not be sent; the sweep sends it: %w", err)
	}
	return errors.Join(err, forgotten)
}

func (d *Desk) mayContinue(ctx context.Context, h held.Entry) error {
	over, err := d.over(ctx, h)
	if err != nil {
		return err
	}
	if over != "" {
		return &refusal{over}
	}
	pause, err := d.Switches.Pause(ctx)
	if err != nil {
		return err
	}
	if pause.Paused {
		return &refusal{"acting is paused: " + pause.Why() + "; see cordon resume"}
	}
	a, err := d.Findings.AlertOrFinding(ctx, h.AlertID, d.API.Alert)
	if err != nil {
		return refusedIfGone(err, "the alert")
	}
	seen, _, err := d.Runs.Seen(ctx, h.AlertID)
	if err != nil {
		return err
	}
	if !asSeen(seen, a, d.Now()) {
		return &refusal{"the alert has changed since; the change is answered as a version of its own"}
	}
	was, err := h.Facts()
	if err != nil {
		return err
	}
	is, err := d.API.Machine(ctx, h.MachineID)
	if err != nil {
		return refusedIfGone(err, "the machine")
	}
	changes := machine.ChangedFacts(was, is)
	if len(changes) > 0 {
		return &refusal{"the machine has changed since it was held: " + strings.Join(changes, "; ")}
	}
	return nil
}

// asSeen reports whether an alert that was read alone is as it was seen. A single read may show evidence differently
// from the list; at the same moment that is no change.
func asSeen(seen runs.Seen, a alert.Alert, now time.Time) bool {
	look := looks.Look{
		Alert:  a,
		Hash:   alert.DecisionHash(a),
		At:     now,
		Single: true,
	}
	return seen.Compare(look) == looks.Known ||
		a.Updated.Equal(seen.UpdatedBy(a.Source))
}

func refusedIfGone(err error, what string) error {
	trouble, _ := machine.TroubleOf(err)
	if trouble == machine.NotFound {
		return &refusal{what + " does not exist any more: " + err.Error()}
	}
	return err
}

// Drop decides that what was held is not done. The run keeps its outcome and says who dropped it. A repeat is harmless.
// What somebody else decided meanwhile is refused with the reason (IsRefusal).
func (d *Desk) Drop(ctx context.Context, h held.Entry, c Command) error {
	run, err := d.Runs.Update(ctx, h.AlertID, h.Version, func(run *runs.Run) (bool, error) {
		if !run.IsHeld() {
			return false, nil
		}
		if err := d.mark(ctx, run, c); err != nil {
			return false, err
		}
		run.Drop(fmt.Sprintf("; dropped by %s: %s", c.By.Name, c.Reason))
		return true, nil
	})
	if err != nil && !runs.IsNotFound(err) {
		return err
	}
	others := err == nil && run.Command != c.ID
	if others && !run.State.Final() {
		return notHeld(run) // it may be held again by now
	}
	err = d.Held.Remove(ctx, h.AlertID, h.Version)
	if err == nil && others {
		err = notHeld(run)
	}
	return err
}

func notHeld(run runs.Run) error {
	return Refusef("it is held no more: its run is %s, %s", run.State, cmp.Or(run.Outcome, "under way"))
}

// mark writes the command into the run that it changes. What stood there before is settled first: nobody could find
// that it was done afterwards.
func (d *Desk) mark(ctx context.Context, run *runs.Run, c Command) error {
	err := d.Overwritten(ctx, run.Command, run.AlertID, c)
	run.Command = c.ID
	return err
}
