package poll

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/switches"
)

// Alerts is what ingest reads from a source of alerts.
type Alerts interface {
	// AlertPage hands over the alerts of a window with their evidence, one by one. On an error, those handed over
	// before it are genuine.
	AlertPage(ctx context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error)
	// AlertStamps hands over ids and times of the alerts of a window.
	AlertStamps(ctx context.Context, w alert.Window, visit func(alert.Stamp) error) (alert.Page, error)
}

// Source is an API that alerts are read from, and how it is read.
type Source struct {
	Name alert.Source
	Alerts
	page, stamps int           // entries that are asked for at once
	maxSkip      int           // entries that can be left out of a page; 0: any number
	shortest     time.Duration // of a window: what is in one is read page after page
}

// Defender reads alerts from the API of Defender for Endpoint.
func Defender(api Alerts) Source {
	return Source{
		Name:     alert.Defender,
		Alerts:   api,
		page:     2000,
		stamps:   5000,
		shortest: time.Second,
	}
}

// Graph reads alerts from Microsoft Graph. It gives 1,000 at once and skips 500 at most, so that what happened in a
// moment has to fit into both (observed; https://learn.microsoft.com/graph/api/security-list-alerts_v2 names neither).
func Graph(api Alerts) Source {
	return Source{
		Name:     alert.Graph,
		Alerts:   api,
		page:     1000,
		stamps:   1000,
		maxSkip:  500,
		shortest: time.Millisecond,
	}
}

// probe is how long a source that is out of order may take: the others are not to wait for it.
const probe = 30 * time.Second

// reading is one poll of one source.
type reading struct {
	*Poller
	Source
	mark   switches.Watermark
	done   tally
	newest Sight // of what it showed

	unread error // why the source could not be read to the present; nil: it was, or ours or late says why not
	ours   error // why what was read could not be recorded or sent
	late   bool  // time is up; the next poll goes on at the watermark
}

// complete reports whether the source was read to the present.
func (r *reading) complete() bool {
	return r.unread == nil && r.ours == nil && !r.late
}

// begin reads where to begin. Where the first poll begins is written before anything is read: however long it takes
// until one succeeds, nothing after that moment is left out.
func (r *reading) begin(ctx context.Context) error {
	mark, err := r.Switches.Watermark(ctx, string(r.Name))
	switch {
	case err != nil:
	case mark.At.IsZero():
		mark, err = r.first(ctx, mark)
	case mark.Since.IsZero(): // written before there were sweeps
		mark.Since = mark.At.Add(-r.Overlap)
	}
	r.mark = mark
	return err
}

// first makes the first watermark of a source: CORDON_POLL_LOOKBACK ago, or where a source that was polled before it
// stands, so that nothing is missed between the two. The long sweep then looks as far back as that of the other would.
// If none was polled before, this is the ledger's beginning, which is written first.
func (r *reading) first(ctx context.Context, mark switches.Watermark) (switches.Watermark, error) {
	at := r.Now().UTC().Add(-r.Lookback)
	mark.Since = at
	others, err := r.Switches.Watermarks(ctx)
	if err != nil {
		return mark, err
	}
	if len(others) > 0 {
		at = earlier(at, others[0].At)
		mark.Since = later(others[0].Since, at.Add(-2*weekBack))
	} else if err := r.Switches.Begin(ctx, r.Switches.SharedNow(ctx, r.Log, r.Now)); err != nil {
		return mark, err
	}
	mark, err = r.Switches.Advance(ctx, mark, at)
	if errors.Is(err, rows.ErrConflict) {
		return r.Switches.Watermark(ctx, string(r.Name))
	}
	return mark, err
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// read reads from the watermark to the present, and moves the watermark. A source that was out of order has little time
// for each page.
func (r *reading) read(ctx context.Context, out bool) {
	page := r.AlertPage
	if out {
		page = hurried(page)
	}
	now := r.Now().UTC()
	from := later(r.mark.At.Add(-r.Overlap), r.mark.Since)
	if now.Sub(r.mark.At) < r.Overlap {
		// After an outage of our own it cannot be told how late an alert was.
		r.done.known = r.mark.At
	}
	err := walk(ctx, r.span(from, now, r.page), page, func(s slice[alert.Alert]) error {
		return r.take(ctx, s)
	})
	if errors.Is(err, rows.ErrConflict) {
		r.Log.InfoContext(ctx, "another poller moved the watermark; leaving the rest to it")
		r.ours = nil
		return
	}
	r.late = errors.Is(err, errNoTime)
	if r.ours == nil && !r.late {
		r.unread = err
	}
	r.Log.InfoContext(ctx, "polled",
		"source", r.Name.String(),
		"from", from,
		"to", now,
		"windows", r.done.windows,
		"alerts", r.done.alerts,
		"changed", r.done.changed,
		"resent", r.done.resent,
		"refused", r.done.refused,
		"complete", err == nil)
	if err == nil {
		r.ours = errors.Join(
			r.noteLateness(ctx, r.done),
			r.Switches.SetMark(ctx, MarkPoll, r.Now().UTC(), ""),
		)
	}
}

// hurried gives a reader as long as probe.
func hurried(read reader[alert.Alert]) reader[alert.Alert] {
	return func(ctx context.Context, w alert.Window, visit func(alert.Alert) error) (alert.Page, error) {
		ctx, cancel := context.WithTimeout(ctx, probe)
		defer cancel()
		return read(ctx, w, visit)
	}
}

// take ingests what a window holds and moves the watermark to its end. What was read before an answer broke off is
// genuine and goes out; the watermark stays.
func (r *reading) take(ctx context.Context, s slice[alert.Alert]) error {
	r.done.windows++
	r.done.alerts += len(s.entries)
	r.newest.take(s.entries)
	if r.ours = r.ingest(ctx, candidates(s.entries), s.page.Date, &r.done); r.ours != nil || s.broken != nil {
		return errors.Join(s.broken, r.ours)
	}
	r.ours = r.commit(ctx, s.end, s.page.Date)
	return r.ours
}

// commit moves the watermark to the end of a window, but never past the API's own clock: what changes there later must
// still be ahead of it.
func (r *reading) commit(ctx context.Context, end, apiNow time.Time) (err error) {
	if !apiNow.IsZero() && apiNow.Before(end) {
		end = apiNow
	}
	r.mark, err = r.Switches.Advance(ctx, r.mark, end)
	return err
}

// span is a time that is walked through to its end and beyond.
func (s Source) span(from, to time.Time, limit int) span {
	return span{
		from:     from,
		to:       to,
		limit:    limit,
		maxSkip:  s.maxSkip,
		shortest: s.shortest,
	}
}

// failed is why a poll of the source failed; nil: it did not.
func (r *reading) failed() error {
	err := errors.Join(r.unread, r.ours)
	switch {
	case err == nil:
		return nil
	case len(r.Sources) == 1:
		return fmt.Errorf("poll alerts: %w", err)
	}
	return fmt.Errorf("poll alerts of %s: %w", r.Name, err)
}

// Sight is an alert that a source showed.
type Sight struct {
	ID      string    `json:"id,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
}

// take keeps the newest of the alerts that both sources are to show.
func (s *Sight) take(alerts []alert.Alert) {
	for _, a := range alerts {
		if a.OfEndpoint() && a.Updated.After(s.Updated) {
			*s = Sight{a.ID, a.Updated.UTC()}
		}
	}
}
