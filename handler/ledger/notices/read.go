package notices

import (
	"context"
	"fmt"
	"math"

	"cordon/handler/ledger/rows"
)

// Notice reads a sequence; false if it was never written.
func (s *Store) Notice(ctx context.Context, group string, seq int) (n Notice, found bool, err error) {
	n.Keys = s.notices.At(seqKey(seq), "group", group)
	found, err = s.notices.Read(ctx, &n)
	return n, found, err
}

// written is notice for a sequence that somebody counted on.
func (s *Store) written(ctx context.Context, group string, seq int) (Notice, error) {
	n, found, err := s.Notice(ctx, group, seq)
	if err == nil && !found {
		err = fmt.Errorf("notice %d of %s: %w", seq, group, rows.ErrNoRow)
	}
	return n, err
}

// Entries reads every entry of a group.
func (s *Store) Entries(ctx context.Context, group string) ([]Entry, error) {
	all, err := rows.List[Entry](ctx, s.notices, rows.Prefix(s.notices.Partition("group", group), "entry:"))
	return placed(all), err
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

func seqKey(seq int) string { return fmt.Sprintf("seq:%08d", seq) }
