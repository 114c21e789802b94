package notices

import (
	"context"

	"cordon/handler/ledger/rows"
)

// Note records an event, once, as Add does, but asks for no mail: the event goes with the open sequence of its thread,
// else with the next one that something else opens.
func (s *Store) Note(ctx context.Context, e Told) error {
	return rows.Try("note for notice "+e.Group, func() error {
		entry, top, err := s.entry(ctx, e)
		if err != nil || entry.Stored() {
			return err
		}
		t := top.threadOf(e.Machine)
		if err := entry.fill(e, t); err != nil {
			return err
		}
		entry.Seq = t.Open
		if t.Open == 0 {
			entry.Noted = true
			entry.Seq = top.Last + 1
		}
		return s.notices.Transact(ctx, &entry, &top)
	})
}
