package switches

import (
	"context"
	"time"

	"cordon/handler/ledger/rows"
)

// Watermark is the time up to which every alert change has been enqueued.
type Watermark struct {
	rows.Keys
	At    time.Time // by the API's clock, UTC; zero before the first poll
	Since time.Time `json:",omitzero"` // where the first poll began; nothing before it is ever read
}

// Watermark reads the watermark; one with a zero time if there is none yet.
func (s *Store) Watermark(ctx context.Context) (Watermark, error) {
	w := Watermark{Keys: s.watermarks.At("alerts")}
	_, err := s.watermarks.Read(ctx, &w)
	if err != nil {
		return Watermark{}, err
	}
	return w, nil
}

// Advance moves the watermark from w to the given time and returns the new one. It never moves back: an earlier time
// changes nothing. rows.ErrConflict means that another poller moved it; read it again.
func (s *Store) Advance(ctx context.Context, w Watermark, to time.Time) (Watermark, error) {
	if !to.After(w.At) {
		return w, nil
	}
	w.At = to.UTC()
	return w, s.watermarks.Save(ctx, &w)
}
