package switches

import (
	"context"
	"errors"
	"time"

	"cordon/handler/ledger/rows"
)

// Mark is a fact about Cordon itself that all instances share, such as when a function last succeeded.
type Mark struct {
	rows.Keys
	At   time.Time
	Note string // what went with it; empty when nothing did
}

// MarkFollow is the mark of the last time that FollowActions succeeded.
const MarkFollow = "follow"

// SetMark writes a mark whatever was there before.
func (s *Store) SetMark(ctx context.Context, name string, at time.Time, note string) error {
	m := s.mark(name)
	m.At = at
	m.Note = rows.Cut(note, 1000)
	return s.switches.Put(ctx, &m)
}

// Mark reads a mark; one with a zero time if it was never set.
func (s *Store) Mark(ctx context.Context, name string) (Mark, error) {
	m := s.mark(name)
	found, err := s.switches.Read(ctx, &m)
	if !found {
		return Mark{}, err
	}
	return m, nil
}

func (s *Store) mark(name string) Mark {
	return Mark{Keys: s.switches.At("mark:" + rows.Key(name))}
}

// Worked reports whether an app has ever worked for the tenant in these tables, which is whether it left a mark. It
// makes no table: where they are missing nobody has.
func (s *Store) Worked(ctx context.Context) (worked bool, err error) {
	marks := rows.Prefix(s.switches.Partition(), "mark:")
	for _, err := range rows.Each[rows.Keys](ctx, s.switches, marks, "RowKey") {
		if err != nil && !rows.IsTableMissing(err) {
			return worked, err
		}
		worked = worked || err == nil
	}
	return worked, nil
}

// FirstMark sets a mark that was never set and leaves one that was; it answers with what stands there.
func (s *Store) FirstMark(ctx context.Context, name string, at time.Time, note string) (Mark, error) {
	m := s.mark(name)
	m.At = at
	m.Note = rows.Cut(note, 1000)
	err := s.switches.Save(ctx, &m)
	if errors.Is(err, rows.ErrConflict) {
		return s.Mark(ctx, name)
	}
	return m, err
}
