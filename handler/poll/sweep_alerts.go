package poll

import (
	"context"
	"errors"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/switches"
)

// sweeps are those that look through the alerts of a source.
func (r *reading) sweeps() []due {
	suffix := ""
	if r.Name != alert.Defender {
		suffix = ":" + r.Name.String()
	}
	return []due{
		{markSweepDay + suffix, dayEvery, func(ctx context.Context, now time.Time, _ switches.Mark) error {
			return r.sweepAlerts(ctx, now, now.Add(-dayBack))
		}},
		{markSweepWeek + suffix, weekEvery, func(ctx context.Context, now time.Time, last switches.Mark) error {
			return r.sweepAlerts(ctx, now, r.weekBefore(last))
		}},
	}
}

// weekBefore is where the long sweep begins: a week before the last but one that was complete, not a week before now.
// An alert that became visible less than a week late is then looked for by two long sweeps, whenever that was in a day
// and whatever outage came between: a page may lose what a complete sweep should have seen. The overlap is for clocks
// that differ. Before the second long sweep there is no bound.
func (p *Poller) weekBefore(last switches.Mark) time.Time {
	from := last.At
	if last.Note != "" { // a mark from before the last but one was kept has none
		before, err := time.Parse(time.RFC3339Nano, last.Note)
		if err != nil {
			return time.Time{}
		}
		from = before
	}
	if from.IsZero() {
		return from
	}
	return from.Add(-weekBack - p.Overlap)
}

// sweepAlerts looks through the alerts from a time on, ids and times only, and fetches those that were never seen or
// were updated since. Nothing depends on how late an alert may be. It goes back no further than the first poll did:
// what changed before was never to be answered.
func (r *reading) sweepAlerts(ctx context.Context, now, from time.Time) error {
	from = later(from, r.mark.Since)
	found := tally{known: r.mark.At}
	looked := 0
	err := walk(ctx, r.span(from, now, r.stamps), r.AlertStamps, func(s slice[alert.Stamp]) error {
		looked += len(s.entries)
		fresh, err := r.unseen(ctx, s.entries)
		if err == nil && len(fresh) > 0 {
			err = r.fetch(ctx, fresh, &found)
		}
		return errors.Join(s.broken, err)
	})
	r.Log.InfoContext(ctx, "swept",
		"source", r.Name.String(),
		"from", from,
		"looked", looked,
		"changed", found.changed,
		"late", found.lates,
		"complete", err == nil)
	return errors.Join(err,
		r.noteLateness(ctx, found),
		r.noteSwept(ctx, 0, found.lates))
}

// unseen picks the alerts that the ledger does not know as the source shows them.
func (r *reading) unseen(ctx context.Context, stamps []alert.Stamp) ([]alert.Stamp, error) {
	differs := make([]bool, len(stamps))
	err := parallel(ctx, len(stamps), func(ctx context.Context, i int) error {
		if alert.CheckID(stamps[i].ID) != nil {
			return nil // the poll has named it
		}
		seen, known, err := r.Runs.Seen(ctx, stamps[i].ID)
		differs[i] = err == nil &&
			(!known || !seen.UpdatedBy(r.Name).Equal(stamps[i].Updated))
		return err
	})
	var fresh []alert.Stamp
	for i, s := range stamps {
		if differs[i] {
			fresh = append(fresh, s)
		}
	}
	return fresh, err
}

// fetch reads alerts with their evidence and ingests them: each by the moment of its update, or the time of all of them
// if they are many. An alert that is updated meanwhile is no longer there, and the next poll finds it.
func (r *reading) fetch(ctx context.Context, fresh []alert.Stamp, found *tally) error {
	slices.SortFunc(fresh, func(a, b alert.Stamp) int {
		return a.Updated.Compare(b.Updated)
	})
	take := func(s slice[alert.Alert]) error {
		return errors.Join(r.ingest(ctx, candidates(s.entries), s.page.Date, found), s.broken)
	}
	first := fresh[0].Updated
	last := fresh[len(fresh)-1].Updated
	if len(fresh) > singleFetches {
		all := r.span(first, last.Add(apiTick), r.page)
		all.closed = true
		return walk(ctx, all, r.AlertPage, take)
	}
	var read time.Time
	for _, s := range fresh {
		if s.Updated.Equal(read) {
			continue
		}
		read = s.Updated
		w := alert.Window{
			From: read,
			To:   read.Add(apiTick),
			Top:  r.page,
		}
		entries, page, err := readWindow(ctx, w, r.AlertPage, r.maxSkip, false)
		one := slice[alert.Alert]{
			entries: entries,
			page:    page,
			broken:  err,
		}
		if err := take(one); err != nil {
			return err
		}
	}
	return nil
}
