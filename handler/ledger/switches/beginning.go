package switches

import (
	"context"
	"errors"
	"time"

	"cordon/handler/ledger/rows"
)

// Beginning is since when the ledger knows what became of alerts. What was there before may have been answered by
// whoever kept the record then, in tables that are lost or in rows that are newer than these.
type Beginning struct {
	rows.Keys
	At  time.Time
	Why string `json:",omitempty"` // why it is later than the first poll; empty: it is not
}

const beginningKey = "beginning"

// Beginning reads the beginning; one with a zero time if no poll has looked yet. In tables from before it was kept, it
// is where the first poll began.
func (s *Store) Beginning(ctx context.Context) (Beginning, error) {
	began := Beginning{Keys: s.switches.At(beginningKey)}
	found, err := s.switches.Read(ctx, &began)
	if err != nil || found {
		return began, err
	}
	polled, err := s.Watermarks(ctx)
	for _, w := range polled {
		at := w.Since
		if at.IsZero() { // from before that was kept too
			at = w.At
		}
		if began.At.IsZero() || at.Before(began.At) {
			began.At = at
		}
	}
	return began, err
}

// Begin writes the beginning, unless there is one. It comes before everything else that a new ledger is given.
func (s *Store) Begin(ctx context.Context, at time.Time) error {
	began := Beginning{Keys: s.switches.At(beginningKey), At: at.UTC()}
	err := s.switches.Save(ctx, &began)
	if errors.Is(err, rows.ErrConflict) {
		return nil
	}
	return err
}

// GoOn has the ledger begin where another one did, of which it has everything. Without a time that is where the first
// poll of that one began.
func (s *Store) GoOn(ctx context.Context, at time.Time) error {
	began := Beginning{Keys: s.switches.At(beginningKey), At: at.UTC()}
	if at.IsZero() {
		return s.switches.Remove(ctx, began.Keys)
	}
	return s.switches.Put(ctx, &began)
}

// BeginAnew moves the beginning forward, because what became of alerts before that time is not known, and answers with
// it as it is now. It never moves back.
func (s *Store) BeginAnew(ctx context.Context, at time.Time, why string) (Beginning, error) {
	fresh := Beginning{Keys: s.switches.At(beginningKey)}
	change := func(began *Beginning) (bool, error) {
		if !at.After(began.At) {
			return false, nil
		}
		began.At = at.UTC()
		began.Why = rows.Cut(why, 1000)
		return true, nil
	}
	return rows.Change(ctx, s.switches, "move the beginning", fresh, change)
}
