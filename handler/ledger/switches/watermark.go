package switches

import (
	"context"
	"slices"
	"strings"
	"time"

	"cordon/handler/ledger/rows"
)

// Watermark is the time up to which every alert change that a source shows has been enqueued.
type Watermark struct {
	rows.Keys
	At    time.Time // by the API's clock, UTC; zero before the first poll
	Since time.Time `json:",omitzero"` // where the first poll began; nothing before it is ever read
}

// watermarkKey begins the row of every watermark; the name of a source that is not the first one follows.
const watermarkKey = "alerts"

// ofSource is the name of a row or mark about a source of alerts. Those about Defender for Endpoint have no suffix:
// there was no other source when they were named.
func ofSource(name, source string) string {
	if source == "" {
		return name
	}
	return name + ":" + source
}

// Watermark reads the watermark of a source, an alert.Source; one with a zero time if there is none yet.
func (s *Store) Watermark(ctx context.Context, source string) (Watermark, error) {
	w := Watermark{Keys: s.watermarks.At(ofSource(watermarkKey, source))}
	if _, err := s.watermarks.Read(ctx, &w); err != nil {
		return Watermark{}, err
	}
	return w, nil
}

// Watermarks reads the watermarks of all sources that were ever polled, the newest first.
func (s *Store) Watermarks(ctx context.Context) ([]Watermark, error) {
	all, err := rows.List[Watermark](ctx, s.watermarks, rows.Prefix(s.watermarks.Partition(), watermarkKey))
	slices.SortFunc(all, func(a, b Watermark) int { return b.At.Compare(a.At) })
	return all, err
}

// Source is the source that the watermark is of.
func (w Watermark) Source() string {
	_, source, _ := strings.Cut(w.RowKey, ":")
	return source
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
