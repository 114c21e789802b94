// Package history reads the record: which runs there were, how each was answered and why, and how many ended how.
//
// Neighbours: handler/operate shows it to people, handler/ledger keeps it.
package history

import (
	"context"
	"sync"
	"time"

	"cordon/handler/archive"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/tallies"
	"cordon/handler/mailbox"
	"cordon/handler/playbook"
)

// History is the record as people read it. What may be nil says so; the rest is required.
type History struct {
	Runs    *runs.Store
	Lists   *lists.Store
	Tallies *tallies.Store
	Journal *journal.Store
	Archive *archive.Archive
	Mails   *mailbox.Mailbox
	Book    *playbook.Book // today's playbook; nil: it is not known here
	Now     func() time.Time
}

// Line is a run as it stands in a list.
type Line struct {
	lists.Entry
	State runs.State
}

// List reads a page of runs, newest first. What is not over is shown as it is now, which costs a call each; the rest is
// one query, however many runs there are. next is the place behind the page; empty: nothing follows.
func (h *History) List(ctx context.Context, q lists.Query) (page []Line, next string, err error) {
	found, next, err := h.Lists.Page(ctx, q)
	if err != nil {
		return nil, "", err
	}
	page, err = h.asTheyAre(ctx, found)
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

// asTheyAre are lines of runs. What was not over when it was listed is read; without those that never came to be.
func (h *History) asTheyAre(ctx context.Context, found []lists.Entry) (page []Line, err error) {
	lines := make([]Line, len(found))
	errs := make([]error, len(found))
	turns := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for i, e := range found {
		lines[i] = Line{Entry: e, State: runs.Closed}
		if !e.ClosedAt.IsZero() {
			continue
		}
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			lines[i], errs[i] = h.asItIs(ctx, e)
		})
	}
	group.Wait()
	for i, line := range lines {
		switch {
		case errs[i] != nil:
			return nil, errs[i]
		case line.AlertID != "":
			page = append(page, line)
		}
	}
	return page, nil
}

// atOnce is how many runs of a page are read at a time.
const atOnce = 8

// asItIs is a line of a run that was not over when it was listed; without an alert: the run never came to be.
func (h *History) asItIs(ctx context.Context, e lists.Entry) (Line, error) {
	run, found, err := h.Runs.Of(ctx, e.AlertID, e.Version)
	if err != nil || !found {
		return Line{}, err
	}
	return Line{Entry: run.InShort(), State: run.State}, nil
}

// Versions are the runs of one alert, newest first.
func (h *History) Versions(ctx context.Context, alertID string) ([]Line, error) {
	record, err := h.Runs.Alert(ctx, alertID)
	if err != nil {
		return nil, err
	}
	var all []Line
	for i := len(record.Runs) - 1; i >= 0; i-- {
		run := record.Runs[i]
		all = append(all, Line{Entry: run.InShort(), State: run.State})
	}
	return all, nil
}
