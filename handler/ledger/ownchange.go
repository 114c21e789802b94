package ledger

import (
	"context"
	"errors"
	"time"
)

// OwnChange is a change of an alert that Cordon itself made.
type OwnChange struct {
	Version int    // whose run made it
	Was     string // alert.DecisionHash before
	Is      string // and after
	Updated time.Time
}

// NoteOwnChange takes the changed alert for seen, unless anybody saw another change: then the next look makes a version of
// it. A repeat is harmless.
func (s *Store) NoteOwnChange(ctx context.Context, alertID string, c OwnChange) error {
	for range conflictTries {
		seen, known, err := s.Seen(ctx, alertID)
		if err != nil || !known || seen.Version != c.Version || seen.Hash != c.Was {
			return err
		}
		seen.Hash = c.Is
		if c.Updated.After(seen.Updated) {
			seen.Updated = c.Updated
		}
		if err := s.save(ctx, tableAlerts, &seen); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return nil
}
