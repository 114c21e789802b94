package budget

import (
	"context"
	"errors"
	"slices"
	"time"

	"cordon/handler/ledger/rows"
)

// Trip is a cap that holds something, from the first it held until a whole window has passed without another.
type Trip struct {
	rows.Keys
	Cap   string
	Text  string // the cap in words, as of Since
	Since time.Time
	Last  time.Time // something was held then, or not long after
	Over  time.Time // when it is over, unless something is held until then
	Told  bool      // the operator has been told
}

// Trip notes that a cap holds something, and reports whether people have been told of it since it began to.
func (s *Store) Trip(
	ctx context.Context,
	name, text string,
	now time.Time,
	window time.Duration,
) (t Trip, told bool, err error) {
	fresh := Trip{Keys: s.switches.At(rows.Key(name), "trips")}
	t, err = rows.Change(ctx, s.switches, "note that a cap is reached", fresh, func(t *Trip) (bool, error) {
		if t.Told &&
			now.Before(t.Over) &&
			now.Sub(t.Last) < window/10 {
			return false, nil // many are held at once: one in a while writes so
		}
		if !now.Before(t.Over) {
			t.Since, t.Told = now, false
		}
		t.Cap = name
		t.Text = rows.Cut(text, 300)
		t.Last = now
		t.Over = now.Add(window)
		return true, nil
	})
	return t, t.Told && err == nil, err
}

// TripTold notes that the operator was told. Somebody who wrote the trip meanwhile tells the same event again, which is
// known.
func (s *Store) TripTold(ctx context.Context, t Trip) error {
	t.Told = true
	err := s.switches.Save(ctx, &t)
	if !errors.Is(err, rows.ErrConflict) {
		return err
	}
	return nil
}

// Trips lists the caps that hold something at now.
func (s *Store) Trips(ctx context.Context, now time.Time) ([]Trip, error) {
	all, err := rows.List[Trip](ctx, s.switches,
		rows.Prefix(s.switches.Partition("trips"), ""))
	return slices.DeleteFunc(all, func(t Trip) bool { return !now.Before(t.Over) }), err
}
