package ledger

import (
	"context"
	"fmt"
	"time"
)

// RunRef points at a run from the index by day.
type RunRef struct {
	keys
	AlertID    string
	Version    int
	ObservedAt time.Time
}

// indexRun makes a run findable before it exists, by day and among those that are open. An index row without its run
// means nothing.
func (s *Store) indexRun(ctx context.Context, run Run, now time.Time) error {
	if err := s.addOpenRun(ctx, run, now); err != nil {
		return err
	}
	at := run.ObservedAt.UTC()
	ref := RunRef{keys: keys{PartitionKey: s.pk(at.Format(time.DateOnly)), RowKey: newestFirst(at) + "|" + key(run.ID())},
		AlertID: run.AlertID, Version: run.Version, ObservedAt: at}
	return s.put(ctx, tableRunIndex, &ref)
}

// Runs lists the runs observed on the UTC day of at, newest first.
func (s *Store) Runs(ctx context.Context, at time.Time) ([]RunRef, error) {
	var refs []RunRef
	err := s.list(ctx, tableRunIndex, prefixFilter(s.pk(at.UTC().Format(time.DateOnly)), ""), "", func(body []byte) error {
		var ref RunRef
		err := decodeRow(tableRunIndex, body, "", &ref)
		refs = append(refs, ref)
		return err
	})
	return refs, err
}

// newestFirst writes a time so that later ones sort first.
func newestFirst(t time.Time) string { return fmt.Sprintf("%019d", int64(1<<63-1)-t.UnixNano()) }
