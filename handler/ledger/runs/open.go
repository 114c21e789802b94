package runs

import (
	"context"
	"fmt"
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

// SomeOpen reads up to n entries of the index, in no order that means anything, by one query as long as n is below
// 1,000. more: there are others.
func (s *Store) SomeOpen(ctx context.Context, n int) (some []OpenEntry, more bool, err error) {
	some, err = rows.First[OpenEntry](ctx, s.open, rows.Prefix(s.open.Partition("runs"), ""), int32(n)+1)
	more = len(some) > n
	return some[:min(n, len(some))], more, err
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
