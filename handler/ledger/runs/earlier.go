package runs

import (
	"context"
	"strings"

	"cordon/handler/ledger/rows"
)

// ListOld enters runs that are over into their lists, of one page of alerts from a place on: those that an earlier
// version wrote, which knew no lists. It answers with the place where it stopped. A repeat is harmless.
func (s *Store) ListOld(ctx context.Context, from rows.Cursor) (rows.Cursor, error) {
	first := s.alerts.Partition("")
	filter := "PartitionKey ge '" + first + "' and PartitionKey lt '" + first + "~' and RowKey ge '" + runPrefix +
		"' and RowKey lt '" + runPrefix + "~'"
	page, next, err := s.alerts.Page(ctx, filter, from)
	if err != nil {
		return from, err
	}
	for _, k := range page {
		run := Run{Keys: k}
		found, err := s.alerts.Read(ctx, &run)
		if err == nil && found && run.State.Final() && run.Listed == "" {
			err = s.enter(ctx, run)
		}
		if err != nil {
			return from, err
		}
	}
	return next, nil
}

// mayBeListed notes on which lists a run of an earlier version may have come: if it changes, it leaves them.
func (r *Run) mayBeListed() {
	if r.Listed == "" && r.State.Final() {
		r.Unlisted = strings.Join(r.InShort().Lists(), " ")
	}
}
