package runs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
)

// OpenEntry is an entry of the index of runs that are not over. It is written before the run it names and taken out
// after the run is closed, so that no run can stand still unseen; an entry without its run, or of one that is over,
// means nothing.
type OpenEntry struct {
	rows.Keys
	AlertID string
	Version int
	Opening int       // how often the run had been opened again when the entry was made
	At      time.Time // when the entry was made, by the clock of whoever made it

	Unlisted bool `json:",omitempty"` // the run could not be written into its lists
}

func (s *Store) openKeys(run Run) rows.Keys {
	// The opening is part of the key: whoever closes the run takes out the entry of that opening, never that of the
	// next.
	return s.open.At(rows.Key(run.ID(), fmt.Sprint(run.Opening)), "runs")
}

func (s *Store) addOpen(ctx context.Context, run Run, at time.Time) error {
	entry := s.openEntry(run, at)
	return s.open.Put(ctx, &entry)
}

func (s *Store) openEntry(run Run, at time.Time) OpenEntry {
	return OpenEntry{
		Keys:    s.openKeys(run),
		AlertID: run.AlertID,
		Version: run.Version,
		Opening: run.Opening,
		At:      at.UTC(),
	}
}

// dropOpen takes a run that is over out of the index. A failure is no error: the sweep takes it out later.
func (s *Store) dropOpen(ctx context.Context, run Run) {
	k := s.openKeys(run)
	_ = s.open.Remove(ctx, k)
}

// EachOpen hands over the entries of the index in no order that means anything, page by page, so that a large backlog
// is not held in memory. An error of visit ends it.
func (s *Store) EachOpen(ctx context.Context, visit func(OpenEntry) error) error {
	for entry, err := range rows.Each[OpenEntry](ctx, s.open, rows.Prefix(s.open.Partition("runs"), ""), "") {
		if err == nil {
			err = visit(entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// emptyEntryAge is how long an entry is kept that names no run, or a later opening than the run has had: whoever wrote
// it may still be about to write the run.
const emptyEntryAge = 24 * time.Hour

// ReadOpen reads the run of an entry; false if it is over or never came to be. An entry that means nothing any more is
// taken out on the way; of a run that is over, once its lists are right.
func (s *Store) ReadOpen(ctx context.Context, entry OpenEntry, now time.Time) (Run, bool, error) {
	run := Run{Keys: s.alerts.At(runKey(entry.Version), entry.AlertID)}
	found, err := s.alerts.Read(ctx, &run)
	switch {
	case err != nil:
		return Run{}, false, err
	case found && !run.State.Final():
		s.mend(ctx, entry, run)
		return run, true, nil
	case (!found || entry.Opening > run.Opening) && now.Sub(entry.At) < emptyEntryAge:
		return Run{}, false, nil
	}
	if found && s.enter(ctx, run) != nil {
		return Run{}, false, nil // the entry stays, so that a later look writes the lists
	}
	return Run{}, false, s.open.Remove(ctx, entry.Keys)
}

// mend enters a run that is not over into its lists, if whoever made it or opened it again may not have come to that.
// They hinder nothing: the next look tries again.
func (s *Store) mend(ctx context.Context, entry OpenEntry, run Run) {
	if run.Unlisted == "" && !entry.Unlisted {
		return
	}
	if s.enter(ctx, run) == nil && entry.Unlisted {
		entry.Unlisted = false
		_ = s.open.Put(ctx, &entry)
	}
}

// OpenCount says how many runs are not over.
type OpenCount struct {
	ByState    map[State]int
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

// OldestOpen finds the oldest run that is not answered among up to limit of the oldest that are not over.
func (s *Store) OldestOpen(ctx context.Context, limit int, now time.Time) (Unanswered, error) {
	entries, all, err := s.oldestEntries(ctx, limit)
	if err != nil {
		return Unanswered{}, err
	}
	for _, entry := range entries {
		run, open, err := s.ReadOpen(ctx, entry, now)
		if err != nil {
			return Unanswered{}, err
		}
		if open && run.State != Waiting {
			return Unanswered{RunID: run.ID(), Since: entry.At, Open: all}, nil
		}
	}
	return Unanswered{Open: all}, nil
}

// CountOpen counts up to limit of the runs that are not over, the oldest first.
func (s *Store) CountOpen(ctx context.Context, limit int, now time.Time) (OpenCount, error) {
	entries, all, err := s.oldestEntries(ctx, limit)
	count := OpenCount{
		ByState:    map[State]int{},
		Unanswered: Unanswered{Open: all},
		More:       all > len(entries),
	}
	if err != nil {
		return count, err
	}
	for _, entry := range entries {
		run, open, err := s.ReadOpen(ctx, entry, now)
		if err != nil {
			return count, err
		}
		if !open {
			continue
		}
		count.ByState[run.State]++
		count.Stuck.add(run, now)
		if u := &count.Unanswered; run.State != Waiting && u.RunID == "" {
			u.RunID, u.Since = run.ID(), entry.At
		}
	}
	return count, nil
}

// oldestEntries are up to limit entries of the index, the oldest first, and how many there are in all.
func (s *Store) oldestEntries(ctx context.Context, limit int) (oldest []OpenEntry, all int, err error) {
	byAge := func(a, b OpenEntry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.RowKey, b.RowKey)) }
	err = s.EachOpen(ctx, func(entry OpenEntry) error {
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
