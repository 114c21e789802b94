package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Pause says whether a person has stopped all acting, and who changed that last. The zero value: nobody ever did.
type Pause struct {
	keys
	Paused bool
	At     time.Time // of the last change
	By     string    // who made it
	Reason string    // why; a resumption may have none
}

// Why is the pause in words, for people; empty if acting is not paused.
func (p Pause) Why() string {
	if !p.Paused {
		return ""
	}
	return fmt.Sprintf("%s, by %s since %s", p.Reason, p.By, p.At.UTC().Format(time.RFC3339))
}

// Pause reads whether acting is paused. A change counts for every instance from its next step on.
func (s *Store) Pause(ctx context.Context) (Pause, error) {
	p := Pause{keys: keys{PartitionKey: s.pk(), RowKey: "acting"}}
	err := s.get(ctx, tableSwitches, p.PartitionKey, p.RowKey, &p)
	if errors.Is(err, errNotFound) {
		err = nil
	}
	return p, err
}

// SetPause stops acting or lets it go on, and answers with what was so before. Each change stays in a row of its own as
// well, written first, until housekeeping takes it out. What is so already is not written again.
func (s *Store) SetPause(ctx context.Context, paused bool, by, reason string, at time.Time) (was Pause, err error) {
	for range conflictTries {
		was, err = s.Pause(ctx)
		if err != nil || was.Paused == paused {
			return was, err
		}
		p := Pause{keys: was.keys, Paused: paused, At: at.UTC(), By: cut(by, 200), Reason: cut(reason, 1000)}
		change := p
		change.keys = keys{PartitionKey: s.pk("pauses"), RowKey: newestFirst(at)}
		if err := s.put(ctx, tableSwitches, &change); err != nil {
			return was, err
		}
		if err = s.save(ctx, tableSwitches, &p); !errors.Is(err, ErrConflict) {
			return was, err
		}
	}
	return was, &Error{Op: "pause or resume", cause: ErrConflict}
}
