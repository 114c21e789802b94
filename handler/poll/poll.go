// Package poll is ingest: it reads the alerts that changed since the watermark, records each change in the ledger and
// puts it on the queue. It decides nothing and calls no machine action. Its neighbours are the ledger, which knows what
// was seen, and the response package behind the queue.
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
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// pageLimit is the longest page that is accepted; a window with more alerts is halved. It bounds memory.
const pageLimit = 2000

// shortestWindow is where halving ends; within it pages are skipped through.
const shortestWindow = time.Second

// MarkPoll is the ledger mark of the last poll that reached the present.
const MarkPoll = "poll"

// API is what ingest reads from Defender.
type API interface {
	// AlertPage hands over the alerts of a window with their evidence, one by one. On an error, those handed over
	// before it are genuine.
	AlertPage(ctx context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error)
	// Machines reads the machines with the given ids in as few calls as possible; those that do not exist are missing
	// from the answer.
	Machines(ctx context.Context, ids []string) ([]machine.Machine, error)
}

// Queue takes messages for the responder, all of them or an error.
type Queue interface {
	SendAlerts(ctx context.Context, messages []alert.Envelope) error
}

// Options are the parts and settings of a Poller; all are required.
type Options struct {
	API      API
	Queue    Queue
	Ledger   *ledger.Store
	Log      *slog.Logger
	Now      func() time.Time
	Overlap  time.Duration // read again behind the watermark, for alerts that become visible late
	Lookback time.Duration // how far the very first poll goes back
}

// Poller polls. One poll runs at a time; a second instance is harmless.
type Poller struct{ Options }

// New makes a Poller.
func New(o Options) *Poller { return &Poller{o} }

// tally counts what one poll did, for its log line.
type tally struct{ windows, alerts, changed, resent, refused int }

// Poll reads from the watermark to the present. On an error the watermark stands before everything that may not have
// been enqueued; the next poll starts there. A repeat is safe.
func (p *Poller) Poll(ctx context.Context) error {
	if err := p.Ledger.Prepare(ctx); err != nil {
		return err
	}
	mark, err := p.Ledger.Watermark(ctx)
	if err != nil {
		return err
	}
	to := p.Now().UTC()
	from := mark.At.Add(-p.Overlap)
	if mark.At.IsZero() {
		from = to.Add(-p.Lookback)
	}
	var done tally
	err = p.walk(ctx, mark, from, to, &done)
	p.Log.InfoContext(ctx, "polled", "from", from, "to", to, "windows", done.windows, "alerts", done.alerts,
		"changed", done.changed, "resent", done.resent, "refused", done.refused, "complete", err == nil)
	if err != nil {
		return fmt.Errorf("poll alerts: %w", err)
	}
	return p.Ledger.SetMark(ctx, MarkPoll, p.Now().UTC(), "")
}

// walk takes windows from the oldest on, commits the watermark behind each, and fits their length to the page limit.
func (p *Poller) walk(ctx context.Context, mark ledger.Watermark, from, to time.Time, done *tally) error {
	length := to.Sub(from)
	for from.Before(to) {
		end := from.Add(length)
		if end.After(to) {
			end = to
		}
		batch, page, err := p.read(ctx, from, end)
		if errors.Is(err, errTooMany) && end.Sub(from) > shortestWindow {
			length = max(end.Sub(from)/2, shortestWindow)
			continue
		}
		readErr := err
		done.windows++
		done.alerts += len(batch)
		// What was read before an answer broke off is genuine and goes out; the watermark stays.
		if err := p.ingest(ctx, batch, page.Date, done); err != nil || readErr != nil {
			return errors.Join(readErr, err)
		}
		if mark, err = p.commit(ctx, mark, end, page.Date); errors.Is(err, ledger.ErrConflict) {
			p.Log.InfoContext(ctx, "another poller moved the watermark; leaving the rest to it")
			return nil
		} else if err != nil {
			return err
		}
		from = end
		if len(batch) < pageLimit/2 {
			length *= 2
		}
	}
	return nil
}

// commit moves the watermark to the end of a window, but never past the API's own clock: what changes there later must
// still be ahead of it.
func (p *Poller) commit(ctx context.Context, mark ledger.Watermark, end, apiNow time.Time) (ledger.Watermark, error) {
	if !apiNow.IsZero() && apiNow.Before(end) {
		end = apiNow
	}
	return p.Ledger.Advance(ctx, mark, end)
}

var errTooMany = errors.New("the window has more alerts than a page")

// read collects the alerts of a window. errTooMany asks for a shorter one; in the shortest one it reads page after page.
func (p *Poller) read(ctx context.Context, from, to time.Time) ([]candidate, alert.Page, error) {
	var batch []candidate
	collect := func(a alert.Alert) error {
		batch = append(batch, candidate{alert: a, hash: alert.DecisionHash(a)})
		return nil
	}
	window := alert.Window{From: from, To: to, Top: pageLimit}
	page, err := p.API.AlertPage(ctx, window, collect)
	if err != nil || page.Count < pageLimit {
		return batch, page, err
	}
	if to.Sub(from) > shortestWindow {
		return nil, page, errTooMany
	}
	for next := page; err == nil && next.Count == pageLimit; {
		window.Skip += pageLimit
		next, err = p.API.AlertPage(ctx, window, collect)
	}
	return batch, page, err
}
