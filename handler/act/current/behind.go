package current

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// A ledger that was put back to an earlier state, or that is one of two for the same tenant, does not know of itself
// that it is behind. Defender does: every machine action of Cordon's carries the mark of an episode, and its intent is
// written before it is asked for. So a listed action whose episode the ledger never asked in is another ledger's. From
// then on what is older is known no better than by a new ledger.

const (
	markHeldAgainst = "actions"        // the ledger mark of the newest list that was held against the ledger
	heldAgainEvery  = 5 * time.Minute  // how often that is written
	listsLag        = 15 * time.Minute // an action is listed within this time
	latchReaders    = 8
)

// hold looks for an action of another ledger in the list, and begins the ledger anew if there is one. What was listed
// when the ledger was held against a list before is not looked at again.
func (c *Actions) hold(ctx context.Context) error {
	listed, at := c.listed, c.listedAt.UTC()
	mark, err := c.Switches.Mark(ctx, markHeldAgainst)
	if err != nil {
		return err
	}
	began, err := c.Switches.Beginning(ctx)
	if err != nil {
		return err
	}
	since := latest(mark.At.Add(-listsLag), began.At)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(latchReaders)
	strangers := make([]bool, len(listed))
	for i, a := range listed {
		asked, marked := episode.AskedBy(a)
		if !marked || !a.Created.After(since) {
			continue
		}
		group.Go(func() (err error) {
			strangers[i], err = c.stranger(gctx, a, asked)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, a := range listed {
		if strangers[i] {
			return c.beginAnew(ctx, a)
		}
	}
	if at.Sub(mark.At) < heldAgainEvery {
		return nil
	}
	return c.Switches.SetMark(ctx, markHeldAgainst, at, "")
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// stranger reports whether an action is of an episode that the ledger never asked in. The API may book an action on
// another record of the machine than the one that it was asked for.
func (c *Actions) stranger(ctx context.Context, a machine.Action, asked episode.Asked) (bool, error) {
	l, err := c.Latches.Of(ctx, a.MachineID, asked.Latch)
	if err != nil || known(l, a, asked) {
		return false, err
	}
	alertID, version := alert.SplitRunID(asked.RunID)
	if alertID == "" {
		return true, nil
	}
	run, found, err := c.Runs.Of(ctx, alertID, version)
	if err != nil {
		return false, err
	}
	if !found || strings.EqualFold(run.MachineID, a.MachineID) {
		return true, nil
	}
	l, err = c.Latches.Of(ctx, run.MachineID, asked.Latch)
	return err == nil && !known(l, a, asked), err
}

func known(l latches.Latch, a machine.Action, asked episode.Asked) bool {
	return asked.KnownTo(l) || a.ID == l.ActionID || a.ID == l.LastActionID
}

// beginAnew tells the operator, once a day, and moves the ledger's beginning to now.
func (c *Actions) beginAnew(ctx context.Context, a machine.Action) error {
	now := c.Switches.SharedNow(ctx, c.Log, c.Now)
	why := fmt.Sprintf("Defender lists the action %s of %s on machine %s, "+
		"which Cordon asked for and this ledger does not know",
		a.ID, a.Created.UTC().Format(time.RFC3339), a.MachineID)
	c.Log.ErrorContext(ctx,
		"the ledger does not know what Cordon did: it was put back, or another app acts for the tenant",
		"why", why)
	err := c.Teller.Tell(ctx, notice.OperatorGroup, notice.Event{
		Kind:   notice.Behind,
		At:     now,
		RunID:  now.Format(time.DateOnly),
		To:     c.Operator,
		Detail: why + whatToDo,
	})
	if err != nil {
		return err
	}
	_, err = c.Switches.BeginAnew(ctx, now, why)
	return err
}

// whatToDo is what people hear besides.
const whatToDo = ". Either the ledger was put back to an earlier state, or another Cordon acts for the same tenant. " +
	"What is to be done for alerts from before now is held: cordon held list shows it, " +
	"cordon held run continues with it. Look that only one app acts."
