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

// MarkTrouble is the mark of the newest trouble that any instance met; its note says what and where.
const MarkTrouble = "trouble"

// troubleEvery is how often one process writes it at most: in an outage everything meets trouble at once.
const troubleEvery = 10 * time.Second

// NoteTrouble keeps what went wrong for whoever asks for the health of the whole. It is no promise: the run and the log
// have it too, so a failure to write it is none.
func (s *Store) NoteTrouble(ctx context.Context, at time.Time, where string, trouble error) {
	s.mu.Lock()
	early := at.Sub(s.troubleAt) < troubleEvery && !at.Before(s.troubleAt)
	if !early {
		s.troubleAt = at
	}
	s.mu.Unlock()
	if early {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.SetMark(ctx, MarkTrouble, at, where+": "+trouble.Error())
}
