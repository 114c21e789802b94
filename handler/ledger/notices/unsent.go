package notices

import (
	"context"
	"fmt"

	"cordon/handler/ledger/rows"
)

// Unsent lists the sequences that are not known to be sent, with the time at which each is due.
func (s *Store) Unsent(ctx context.Context) ([]Notice, error) {
	return rows.List[Notice](ctx, s.notices, rows.Prefix(s.notices.Partition("due"), ""))
}

// index puts a sequence into the index of unsent ones.
func (s *Store) index(ctx context.Context, n Notice) error {
	n.Keys = s.notices.At(dueKey(n), "due")
	return s.notices.Put(ctx, &n)
}

// dropDue takes a sequence out of the index of unsent ones.
func (s *Store) dropDue(ctx context.Context, n Notice) error {
	return s.notices.Remove(ctx, s.notices.At(dueKey(n), "due"))
}

func dueKey(n Notice) string {
	return rows.Key(n.Group, fmt.Sprint(n.Seq))
}
