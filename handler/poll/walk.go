package poll

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/handler/alert"
)

// Bounds of reading. A page that is nearly full counts as full: an item that was lost at its edge must not make a
// window look complete.
const (
	nearlyFull = 20  // a page is full if less than a 20th of it is free
	maxPages   = 100 // of one window of the shortest length
	timeLeft   = 45 * time.Second
)

// reader reads one page of a window and hands over its entries one by one. On an error those handed over are genuine.
type reader[T any] func(ctx context.Context, w alert.Window, visit func(T) error) (alert.Page, error)

// span is a time that is walked through in windows whose entries fit into one page.
type span struct {
	from, to time.Time
	limit    int           // entries of a page
	shortest time.Duration // of a window
	maxSkip  int           // entries that can be left out; 0: any number
	closed   bool          // the last window ends at to; else it has no end
	patient  bool          // it is read to its end, whatever time is left
}

// slice is one window that was read.
type slice[T any] struct {
	entries []T
	end     time.Time // of the window; the present for the last one
	page    alert.Page
	broken  error // the answer broke off: the entries are genuine, but not all
}

var (
	errTooMany = errors.New("the window has more entries than a page")
	errNoTime  = errors.New("the invocation's time is up; the rest is read next time")
)

// walk reads the windows of a span from the oldest on and hands each to take, one in memory at a time. It ends with
// take's first error, or with errNoTime when the invocation has little time left.
func walk[T any](ctx context.Context, s span, read reader[T], take func(slice[T]) error) error {
	from, length := s.from, max(s.to.Sub(s.from), s.shortest)
	for {
		deadline, set := ctx.Deadline()
		if set && time.Until(deadline) < timeLeft && !s.patient {
			return errNoTime
		}
		w := alert.Window{
			From: from,
			To:   from.Add(length),
			Top:  s.limit,
		}
		end := w.To
		last := !w.To.Before(s.to)
		switch {
		case last && s.closed:
			end, w.To = s.to, s.to
		case last:
			end, w.To = s.to, time.Time{}
		}
		entries, page, err := readWindow(ctx, w, read, s.maxSkip, end.Sub(from) > s.shortest)
		if errors.Is(err, errTooMany) {
			length = max(end.Sub(from)/2, s.shortest)
			continue
		}
		err = take(slice[T]{entries, end, page, err})
		if err != nil || last {
			return err
		}
		from = end
		if len(entries) < s.limit/2 {
			length *= 2
		}
	}
}

// Updated hands over the alerts of a source that were updated in a span, those of one window at a time, the oldest
// window first. A repeat is safe.
func (s Source) Updated(ctx context.Context, from, to time.Time, take func([]alert.Alert) error) error {
	all := s.span(from, to, s.page)
	all.closed = true
	all.patient = true
	return walk(ctx, all, s.AlertPage, func(window slice[alert.Alert]) error {
		return errors.Join(take(window.entries), window.broken)
	})
}

// readWindow collects the entries of a window. errTooMany asks for a shorter one if it can be split; else it reads page
// after page up to an empty one, or up to one that is not full where no more can be left out.
func readWindow[T any](
	ctx context.Context,
	w alert.Window,
	read reader[T],
	maxSkip int,
	splittable bool,
) ([]T, alert.Page, error) {
	var entries []T
	collect := func(one T) error {
		entries = append(entries, one)
		return nil
	}
	page, err := read(ctx, w, collect)
	if err != nil || !full(w, page) {
		return entries, page, err
	}
	if splittable {
		return nil, page, errTooMany
	}
	next := page
	for pages := 1; err == nil && next.Count > 0; pages++ {
		atEnd := maxSkip > 0 && w.Skip == maxSkip
		if atEnd && !full(w, next) {
			break
		}
		if atEnd || pages == maxPages {
			return entries, page, fmt.Errorf("the alerts of the moment from %s do not end after %d pages of %d",
				w.From.Format(time.RFC3339Nano), pages, w.Top)
		}
		w.Skip += next.Count
		if maxSkip > 0 {
			w.Skip = min(w.Skip, maxSkip)
		}
		next, err = read(ctx, w, collect)
	}
	return entries, page, err
}

// full reports whether there may be more than a page shows.
func full(w alert.Window, page alert.Page) bool {
	return page.More || page.Count >= w.Top-w.Top/nearlyFull
}
