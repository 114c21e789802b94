package runs

import (
	"context"
	"time"

	"cordon/handler/ledger/rows"
)

// Ref points at a run from the index by day.
type Ref struct {
	rows.Keys
	AlertID    string
	Version    int
	ObservedAt time.Time
}

// indexRun makes a run findable before it exists, by day and among those that are open. An index row without its run
// means nothing.
func (s *Store) indexRun(ctx context.Context, run Run, now time.Time) error {
	if err := s.addOpen(ctx, run, now); err != nil {
		return err
	}
	at := run.ObservedAt.UTC()
	ref := Ref{
		Keys:       s.runIndex.At(rows.NewestFirst(at)+"|"+rows.Key(run.ID()), at.Format(time.DateOnly)),
		AlertID:    run.AlertID,
		Version:    run.Version,
		ObservedAt: at,
	}
	return s.runIndex.Put(ctx, &ref)
}

// OnDay lists the runs observed on the UTC day of at, newest first.
func (s *Store) OnDay(ctx context.Context, at time.Time) ([]Ref, error) {
	return rows.List[Ref](ctx, s.runIndex, rows.Prefix(s.runIndex.Partition(at.UTC().Format(time.DateOnly)), ""))
}
