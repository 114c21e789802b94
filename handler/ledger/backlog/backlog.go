// Package backlog counts the runs that are not over: which of them is unanswered longest, which do not get on, and
// which came last. Neighbours: handler/ledger/runs keeps them; handler/app/health, handler/watch and handler/history
// tell.
package backlog

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
)

// Counted says how many runs are not over.
type Counted struct {
	ByState    map[runs.State]int
	Unanswered Unanswered
	Stuck      Stuck
	More       bool // there are more than were looked at
}

// Unanswered is the oldest of the runs that somebody is to be at work on. One that waits for a machine is none of them:
// it was answered, and goes on when the machine does.
type Unanswered struct {
	RunID string    // empty: there is none
	Since time.Time // when it was observed or opened again; no sweep and no retry changes that
	Open  int       // all runs that are not over, give or take those whose entry means nothing any more
}

// For is how long the oldest has been unanswered; 0 if there is none.
func (u Unanswered) For(now time.Time) time.Duration {
	if u.RunID == "" {
		return 0
	}
	return max(0, now.Sub(u.Since))
}

// Oldest finds the oldest run that is not answered among up to limit of the oldest that are not over.
func Oldest(ctx context.Context, of *runs.Store, limit int, now time.Time) (Unanswered, error) {
	entries, all, err := oldestEntries(ctx, of, limit)
	if err != nil {
		return Unanswered{}, err
	}
	for _, entry := range entries {
		run, open, err := of.ReadOpen(ctx, entry, now)
		if err != nil {
			return Unanswered{}, err
		}
		if open && run.State != runs.Waiting {
			return Unanswered{RunID: run.ID(), Since: entry.At, Open: all}, nil
		}
	}
	return Unanswered{Open: all}, nil
}

// Count counts up to limit of the runs that are not over, the oldest first.
func Count(ctx context.Context, of *runs.Store, limit int, now time.Time) (Counted, error) {
	entries, all, err := oldestEntries(ctx, of, limit)
	count := Counted{
		ByState:    map[runs.State]int{},
		Unanswered: Unanswered{Open: all},
		More:       all > len(entries),
	}
	if err != nil {
		return count, err
	}
	for _, entry := range entries {
		run, open, err := of.ReadOpen(ctx, entry, now)
		if err != nil {
			return count, err
		}
		if !open {
			continue
		}
		count.ByState[run.State]++
		count.Stuck.add(run, now)
		if u := &count.Unanswered; run.State != runs.Waiting && u.RunID == "" {
			u.RunID, u.Since = run.ID(), entry.At
		}
	}
	return count, nil
}

// oldestEntries are up to limit entries of the index, the oldest first, and how many there are in all.
func oldestEntries(
	ctx context.Context,
	of *runs.Store,
	limit int,
) (oldest []runs.OpenEntry, all int, err error) {
	byAge := func(a, b runs.OpenEntry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.RowKey, b.RowKey))
	}
	err = of.EachOpen(ctx, func(entry runs.OpenEntry) error {
		all++
		if oldest = append(oldest, entry); len(oldest) >= 2*limit {
			slices.SortFunc(oldest, byAge)
			oldest = oldest[:limit]
		}
		return nil
	})
	slices.SortFunc(oldest, byAge)
	return oldest[:min(limit, len(oldest))], all, err
}

// lookedThrough is how many entries are looked through for the newest: as many as one call reads.
const lookedThrough = 999

// Newest finds up to limit entries of runs that are not over, the last to be observed or opened again first, by one
// query: of a backlog that is larger than lookedThrough, among as many. more: there are others. An entry may mean
// nothing any more.
func Newest(ctx context.Context, of *runs.Store, limit int) (newest []runs.OpenEntry, more bool, err error) {
	newest, more, err = of.SomeOpen(ctx, lookedThrough)
	slices.SortFunc(newest, func(a, b runs.OpenEntry) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.RowKey, b.RowKey))
	})
	if len(newest) > limit {
		newest, more = newest[:limit], true
	}
	return newest, more, err
}

// Stuck is what Health says of the runs that do not get on.
type Stuck struct {
	Runs   int       `json:"runs"`
	Oldest string    `json:"oldest"`
	Since  time.Time `json:"since"`
	Why    string    `json:"why"` // of the oldest
}

// add counts a run that makes no progress. One that waits for its machine action is answered.
func (s *Stuck) add(run runs.Run, now time.Time) {
	if run.State == runs.Waiting || run.StuckSince.IsZero() || now.Sub(run.StuckSince) < runs.StuckAfter {
		return
	}
	s.Runs++
	if s.Oldest == "" || run.StuckSince.Before(s.Since) {
		s.Oldest = run.ID()
		s.Since = run.StuckSince
		s.Why = rows.Cut(run.Trouble, 300)
	}
}
