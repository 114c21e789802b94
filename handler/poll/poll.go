// Package poll is ingest: it reads the alerts that changed since the watermark, records each change in the ledger and
// puts it on the queue. Its sweeps close what gaps there are: alerts that become visible late, and versions whose
// message was lost. It decides nothing and calls no machine action. Its neighbours are the ledger, which knows what was
// seen, and the response package behind the queue.
//
// The order of writes makes every gap repairable: observed row, then queue, then watermark. Whatever is interrupted is
// read again, and nothing is enqueued twice that matters.
package poll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
)

// MarkPoll is the ledger mark of the last poll that reached the present.
const MarkPoll = "poll"

// API is what ingest reads from Defender.
type API interface {
	// AlertPage hands over the alerts of a window with their evidence, one by one. On an error, those handed over
	// before it are genuine.
	AlertPage(ctx context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error)
	// AlertStamps hands over ids and times of the alerts of a window.
	AlertStamps(ctx context.Context, w alert.Window, visit func(alert.Stamp) error) (alert.Page, error)
	// Machines reads the machines with the given ids in as few calls as possible; those that do not exist are missing
	// from the answer.
	Machines(ctx context.Context, ids []string) ([]machine.Machine, error)
}

// Queue takes messages for the responder, all of them or an error.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Housekeeper removes records that were last changed before a time, a bounded number of them. A repeat is safe.
type Housekeeper interface {
	Housekeep(ctx context.Context, before time.Time) (removed int, err error)
}

// Options are the parts and settings of a Poller; all are required.
type Options struct {
	API        API
	Queue      Queue
	Runs       *runs.Store
	Latches    *latches.Store
	Switches   *switches.Store
	Ledger     Housekeeper
	Log        *slog.Logger
	Now        func() time.Time
	Overlap    time.Duration // read again behind the watermark, for alerts that become visible late
	Lookback   time.Duration // how far the very first poll goes back
	Every      time.Duration // the longest pause between two polls
	SweepAfter time.Duration // how long a version may stand still before it is sent again
	Retention  time.Duration // how long records are kept after their last change
}

// Poller polls. One poll runs at a time; a second instance is harmless.
type Poller struct{ Options }

// New makes a Poller.
func New(o Options) *Poller { return &Poller{o} }

// tally counts what one poll or sweep did, for its log line.
type tally struct {
	windows, alerts, changed, resent, refused int

	known  time.Time     // alerts updated before this were to be seen earlier; zero: not known
	lates  int           // changes among those
	latest time.Duration // the largest lateness of them
	lateID string
}

// Poll reads from the watermark to the present, and then sweeps what is due. On an error the watermark stands before
// everything that may not have been enqueued; the next poll starts there. A repeat is safe.
func (p *Poller) Poll(ctx context.Context) error {
	if err := p.Runs.Prepare(ctx); err != nil {
		return err
	}
	mark, err := p.watermark(ctx)
	if err != nil {
		return err
	}
	mark, err = p.poll(ctx, mark)
	if errors.Is(err, errNoTime) {
		p.Log.WarnContext(ctx, "the poll has not reached the present yet; it goes on where it stopped",
			"watermark", mark.At)
		return nil
	}
	if err != nil {
		err = fmt.Errorf("poll alerts: %w", err)
	}
	return errors.Join(err, p.sweep(ctx, mark, err == nil))
}

// watermark reads where to begin. Where the first poll begins is written before anything is read: however long it takes
// until one succeeds, nothing after that moment is left out.
func (p *Poller) watermark(ctx context.Context) (switches.Watermark, error) {
	mark, err := p.Switches.Watermark(ctx)
	switch {
	case err != nil:
	case mark.At.IsZero():
		mark.Since = p.Now().UTC().Add(-p.Lookback)
		mark, err = p.Switches.Advance(ctx, mark, mark.Since)
		if errors.Is(err, rows.ErrConflict) {
			mark, err = p.Switches.Watermark(ctx)
		}
	case mark.Since.IsZero(): // written before there were sweeps
		mark.Since = mark.At.Add(-p.Overlap)
	}
	return mark, err
}

// poll reads from the watermark to the present and returns the watermark as it is then.
func (p *Poller) poll(ctx context.Context, mark switches.Watermark) (switches.Watermark, error) {
	now := p.Now().UTC()
	from := mark.At.Add(-p.Overlap)
	if from.Before(mark.Since) {
		from = mark.Since
	}
	done := tally{}
	if now.Sub(mark.At) < p.Overlap {
		// After an outage of our own it cannot be told how late an alert was.
		done.known = mark.At
	}
	err := walk(ctx, span{from, now, pageLimit, false}, p.API.AlertPage, func(s slice[alert.Alert]) error {
		done.windows++
		done.alerts += len(s.entries)
		// What was read before an answer broke off is genuine and goes out; the watermark stays.
		if err := p.ingest(ctx, candidates(s.entries), s.page.Date, &done); err != nil || s.broken != nil {
			return errors.Join(s.broken, err)
		}
		var err error
		mark, err = p.commit(ctx, mark, s.end, s.page.Date)
		return err
	})
	if errors.Is(err, rows.ErrConflict) {
		p.Log.InfoContext(ctx, "another poller moved the watermark; leaving the rest to it")
		return mark, nil
	}
	p.Log.InfoContext(ctx, "polled", "from", from, "to", now, "windows", done.windows, "alerts", done.alerts,
		"changed", done.changed, "resent", done.resent, "refused", done.refused, "complete", err == nil)
	if err != nil {
		return mark, err
	}
	return mark, errors.Join(
		p.noteLateness(ctx, done),
		p.Switches.SetMark(ctx, MarkPoll, p.Now().UTC(), ""),
	)
}

// commit moves the watermark to the end of a window, but never past the API's own clock: what changes there later must
// still be ahead of it.
func (p *Poller) commit(
	ctx context.Context,
	mark switches.Watermark,
	end, apiNow time.Time,
) (switches.Watermark, error) {
	if !apiNow.IsZero() && apiNow.Before(end) {
		end = apiNow
	}
	return p.Switches.Advance(ctx, mark, end)
}
