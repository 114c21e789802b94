package ledger

import (
	"context"
	"errors"
	"time"
)

// Mark is a fact about Cordon itself that all instances share, such as when a function last succeeded.
type Mark struct {
	keys
	At   time.Time
	Note string // what went with it; empty when nothing did
}

// SetMark writes a mark whatever was there before.
func (s *Store) SetMark(ctx context.Context, name string, at time.Time, note string) error {
	m := Mark{keys: keys{PartitionKey: s.pk(), RowKey: "mark:" + key(name)}, At: at, Note: cut(note, 1000)}
	return s.put(ctx, tableSwitches, &m)
}

// Mark reads a mark; one with a zero time if it was never set.
func (s *Store) Mark(ctx context.Context, name string) (Mark, error) {
	var m Mark
	err := s.get(ctx, tableSwitches, s.pk(), "mark:"+key(name), &m)
	if errors.Is(err, errNotFound) {
		return Mark{}, nil
	}
	return m, err
}
