package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
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

// Worked reports whether an app has ever worked for the tenant in these tables, which is whether it left a mark. It makes no
// table: where they are missing nobody has.
func (s *Store) Worked(ctx context.Context) (bool, error) {
	worked := false
	err := s.list(ctx, tableSwitches, prefixFilter(s.pk(), "mark:"), "RowKey", func([]byte) error {
		worked = true
		return nil
	})
	if hasCode(err, aztables.TableNotFound) {
		return false, nil
	}
	return worked, err
}

// FirstMark sets a mark that was never set and leaves one that was; it answers with what stands there.
func (s *Store) FirstMark(ctx context.Context, name string, at time.Time, note string) (Mark, error) {
	m := Mark{keys: keys{PartitionKey: s.pk(), RowKey: "mark:" + key(name)}, At: at, Note: cut(note, 1000)}
	err := s.save(ctx, tableSwitches, &m)
	if errors.Is(err, ErrConflict) {
		return s.Mark(ctx, name)
	}
	return m, err
}
