package notices

import (
	"context"
	"math"

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

// placed gives what was noted the sequence that it goes with: another thread may have got the number that it was noted
// for. What still waits for one comes after all others.
func placed(entries []Entry) []Entry {
	for i, noted := range entries {
		if !noted.Noted {
			continue
		}
		entries[i].Seq = math.MaxInt32
		for _, e := range entries {
			if !e.Noted && e.Thread == noted.Thread && e.Seq >= noted.Seq {
				entries[i].Seq = min(entries[i].Seq, e.Seq)
			}
		}
	}
	return entries
}
