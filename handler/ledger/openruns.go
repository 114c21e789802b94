package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// OpenRun is an entry of the index of runs that are not over. It is written before the run it names and taken out after
// the run is closed, so that no run can stand still unseen; an entry without its run, or of one that is over, means
// nothing.
type OpenRun struct {
	keys
	AlertID string
	Version int
	Opening int       // how often the run had been opened again when the entry was made
	At      time.Time // when the entry was made, by the clock of whoever made it
}

func (s *Store) openRunKeys(run Run) keys {
	// The opening is part of the key: whoever closes the run takes out the entry of that opening, never that of the next.
	return keys{PartitionKey: s.pk("runs"), RowKey: key(run.ID(), fmt.Sprint(run.Opening))}
}

func (s *Store) addOpenRun(ctx context.Context, run Run, at time.Time) error {
	return s.put(ctx, tableOpen, &OpenRun{keys: s.openRunKeys(run), AlertID: run.AlertID, Version: run.Version, Opening: run.Opening, At: at.UTC()})
}

// dropOpenRun takes a run that is over out of the index. A failure is no error: the sweep takes it out later.
func (s *Store) dropOpenRun(ctx context.Context, run Run) {
	k := s.openRunKeys(run)
	_ = s.remove(ctx, tableOpen, k.PartitionKey, k.RowKey)
}

// OpenRuns hands over the entries of the index in no order that means anything, page by page, so that a large backlog is
// not held in memory. An error of visit ends it.
func (s *Store) OpenRuns(ctx context.Context, visit func(OpenRun) error) error {
	return s.list(ctx, tableOpen, prefixFilter(s.pk("runs"), ""), "", func(body []byte) error {
		var entry OpenRun
		if err := decodeRow(tableOpen, body, "", &entry); err != nil {
			return err
		}
		return visit(entry)
	})
}

// emptyEntryAge is how long an entry is kept that names no run, or a later opening than the run has had: whoever wrote it
// may still be about to write the run.
const emptyEntryAge = 24 * time.Hour

// OpenRun reads the run of an entry; false if it is over or never came to be. An entry that means nothing any more is
// taken out on the way.
func (s *Store) OpenRun(ctx context.Context, entry OpenRun, now time.Time) (Run, bool, error) {
	var run Run
	err := s.get(ctx, tableAlerts, s.pk(entry.AlertID), runKey(entry.Version), &run)
	switch {
	case err != nil && !errors.Is(err, errNotFound):
		return Run{}, false, err
	case err == nil && !run.State.Final():
		return run, true, nil
	case (err != nil || entry.Opening > run.Opening) && now.Sub(entry.At) < emptyEntryAge:
		return Run{}, false, nil
	}
	return Run{}, false, s.remove(ctx, tableOpen, entry.PartitionKey, entry.RowKey)
}

// OpenRunCount says how many runs are not over.
type OpenRunCount struct {
	ByState  map[RunState]int
	Standing int  // of those that stand still for longer than was asked about
	More     bool // there are more than were looked at
}

var errEnough = errors.New("enough was seen")

// CountOpenRuns counts up to limit of the runs that are not over, and those that were expected to go on longer than
// standing ago and do not wait for a machine.
func (s *Store) CountOpenRuns(ctx context.Context, limit int, now time.Time, standing time.Duration) (OpenRunCount, error) {
	count := OpenRunCount{ByState: map[RunState]int{}}
	looked := 0
	err := s.OpenRuns(ctx, func(entry OpenRun) error {
		if looked++; looked > limit {
			count.More = true
			return errEnough
		}
		run, open, err := s.OpenRun(ctx, entry, now)
		if err != nil || !open {
			return err
		}
		count.ByState[run.State]++
		if run.State != Waiting && now.Sub(run.DueAt) > standing {
			count.Standing++
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return count, err
}
