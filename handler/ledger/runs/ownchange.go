package runs

import (
	"context"
	"errors"
	"time"

	"cordon/handler/ledger/rows"
)

// OwnChange is a change of an alert that Cordon itself made.
type OwnChange struct {
	Version int    // whose run made it
	Was     string // alert.DecisionHash before
	Is      string // and after
	Updated time.Time
}

// NoteOwnChange takes the changed alert for seen, unless anybody saw another change: then the next look makes a version
// of it. A repeat is harmless.
func (s *Store) NoteOwnChange(ctx context.Context, alertID string, c OwnChange) error {
	fresh := Seen{Keys: s.alerts.At(seenKey, alertID)}
	_, err := rows.Change(ctx, s.alerts, "note a change of alert "+alertID, fresh, func(seen *Seen) (bool, error) {
		if !seen.Stored() || seen.Version != c.Version || seen.Hash != c.Was {
			return false, nil
		}
		seen.Hash = c.Is
		if c.Updated.After(seen.Updated) {
			seen.Updated = c.Updated
		}
		return true, nil
	})
	if errors.Is(err, rows.ErrConflict) {
		return nil
	}
	return err
}
