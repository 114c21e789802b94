package notices

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/ledger/rows"
)

// settle lists a sequence among those that were sent, or dropped, then takes it out of the index of unsent ones: a
// process that is killed in between leaves a row behind by which it is found again. A repeat is harmless.
func (s *Store) settle(ctx context.Context, n Notice) error {
	if !n.DroppedAt.IsZero() && n.State == Sent { // somebody had it in hand when it was dropped
		if err := s.notices.Remove(ctx, s.overKeys(n, Dropped, n.DroppedAt)); err != nil {
			return err
		}
	}
	at := n.SentAt
	if n.State == Dropped {
		at = n.DroppedAt
	}
	listed := n
	listed.Keys = s.overKeys(n, n.State, at)
	if err := s.notices.Put(ctx, &listed); err != nil {
		return err
	}
	return s.dropDue(ctx, n)
}

// overKeys is where a sequence is listed that is over: a partition for each state, newest first.
func (s *Store) overKeys(n Notice, state State, at time.Time) rows.Keys {
	return s.notices.At(rows.Key(rows.NewestFirst(at), n.Group, fmt.Sprint(n.Seq)), string(state))
}

// Listed reads sequences that were sent, or dropped, newest first, by one query, from behind the place after on; empty:
// from the newest. next is the place behind the last of them; empty: nothing follows.
func (s *Store) Listed(
	ctx context.Context,
	state State,
	limit int,
	after string,
) (found []Notice, next string, err error) {
	return rows.PageOf[Notice](ctx, s.notices, rows.Range{
		Partition: s.notices.Partition(string(state)),
		After:     after,
	}, limit)
}
