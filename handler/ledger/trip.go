package ledger

import (
	"context"
	"errors"
	"time"
)

// Trip is a cap that holds something, from the first it held until a whole window has passed without another.
type Trip struct {
	keys
	Cap   string
	Text  string // the cap in words, as of Since
	Since time.Time
	Last  time.Time // something was held then, or not long after
	Over  time.Time // when it is over, unless something is held until then
	Told  bool      // the operator has been told
}

// Trip notes that a cap holds something, and reports whether people have been told of it since it began to.
func (s *Store) Trip(ctx context.Context, name, text string, now time.Time, window time.Duration) (t Trip, told bool, err error) {
	for range conflictTries {
		t = Trip{keys: keys{PartitionKey: s.pk("trips"), RowKey: key(name)}}
		if err := s.get(ctx, tableSwitches, t.PartitionKey, t.RowKey, &t); err != nil && !errors.Is(err, errNotFound) {
			return t, false, err
		}
		if t.Told && now.Before(t.Over) && now.Sub(t.Last) < window/10 {
			return t, true, nil // many are held at once: one in a while writes so
		}
		if !now.Before(t.Over) {
			t.Since, t.Told = now, false
		}
		t.Cap, t.Text, t.Last, t.Over = name, cut(text, 300), now, now.Add(window)
		if err := s.save(ctx, tableSwitches, &t); !errors.Is(err, ErrConflict) {
			return t, t.Told, err
		}
	}
	return t, false, &Error{Op: "note that a cap is reached", cause: ErrConflict}
}

// TripTold notes that the operator was told. Somebody who wrote the trip meanwhile tells the same event again, which is known.
func (s *Store) TripTold(ctx context.Context, t Trip) error {
	t.Told = true
	if err := s.save(ctx, tableSwitches, &t); !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

// Trips lists the caps that hold something at now.
func (s *Store) Trips(ctx context.Context, now time.Time) ([]Trip, error) {
	var trips []Trip
	err := s.list(ctx, tableSwitches, prefixFilter(s.pk("trips"), ""), "", func(body []byte) error {
		var t Trip
		if err := decodeRow(tableSwitches, body, "", &t); err != nil {
			return err
		}
		if now.Before(t.Over) {
			trips = append(trips, t)
		}
		return nil
	})
	return trips, err
}
