package notices

import (
	"context"
	"fmt"

	"cordon/handler/ledger/rows"
)

// sentPartition holds a row for each sequence that was sent, newest first.
const sentPartition = "sent"

// settle lists a sequence among those that were sent, then takes it out of the index of unsent ones: a process that is
// killed in between leaves a row behind by which it is found again. A repeat is harmless.
func (s *Store) settle(ctx context.Context, n Notice) error {
	listed := n
	key := rows.Key(rows.NewestFirst(n.SentAt), n.Group, fmt.Sprint(n.Seq))
	listed.Keys = s.notices.At(key, sentPartition)
	if err := s.notices.Put(ctx, &listed); err != nil {
		return err
	}
	return s.dropDue(ctx, n)
}

// Sent reads sequences that were sent, newest first, by one query, from behind the place after on; empty: from the
// newest. next is the place behind the last of them; empty: nothing follows.
func (s *Store) Sent(ctx context.Context, limit int, after string) (found []Notice, next string, err error) {
	return rows.PageOf[Notice](ctx, s.notices, rows.Range{
		Partition: s.notices.Partition(sentPartition),
		After:     after,
	}, limit)
}
