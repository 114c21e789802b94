package runs

import (
	"context"
	"errors"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/rows"
)

// NoteOwnChange takes an alert that Cordon itself changed for seen, unless anybody saw another change: then the next
// look makes a version of it. A repeat is harmless.
func (s *Store) NoteOwnChange(ctx context.Context, alertID string, own looks.Own) error {
	fresh := Seen{Keys: s.alerts.At(seenKey, alertID)}
	_, err := rows.Change(ctx, s.alerts, "note a change of alert "+alertID, fresh, func(seen *Seen) (bool, error) {
		return seen.Stored() && seen.Absorb(own), nil
	})
	if main := alert.APIID(alertID); main != alertID && err == nil {
		err = s.rememberOwnChange(ctx, main, own)
	}
	if errors.Is(err, rows.ErrConflict) {
		return nil
	}
	return err
}

// rememberOwnChange keeps what the answer on another machine changed, where all machines of the alert find it.
func (s *Store) rememberOwnChange(ctx context.Context, alertID string, own looks.Own) error {
	fresh := Seen{Keys: s.alerts.At(seenKey, alertID)}
	_, err := rows.Change(ctx, s.alerts, "note a change of alert "+alertID, fresh, func(seen *Seen) (bool, error) {
		seen.Remember(own)
		return seen.Stored(), nil
	})
	return err
}
