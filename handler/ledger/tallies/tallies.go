// Package tallies keeps how many runs of each day and hour ended how, so that weeks are counted without reading every
// run. Neighbours: handler/tally makes them from the lists, handler/history reads them.
package tallies

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/ledger/rows"
)

// Day is what was counted of the runs observed on one UTC day.
type Day struct {
	rows.Keys
	Day     string    // such as 2026-03-02
	MadeAt  time.Time // when it was counted
	Runs    int       // all of them, each once
	Packed  []byte    `json:",omitempty"` // compressed JSON of the counts
	PackedT string    `json:"Packed@odata.type,omitempty"`
	Hours   []byte    `json:",omitempty"` // compressed JSON of the hours; none: of before they were counted
	HoursT  string    `json:"Hours@odata.type,omitempty"`
}

// Counted is what was counted of a day.
type Counted struct {
	Runs   int
	Counts []Count
	Hours  Hours
}

// Count is how many runs of a rule had an outcome. A run with several rules or outcomes counts in several.
type Count struct {
	Rule    string `json:"rule,omitempty"`    // empty: no rule decided
	Mode    string `json:"mode,omitempty"`    // in which it decided: observe or enforce; empty: it was not decided
	Outcome string `json:"outcome,omitempty"` // empty: it is not over
	Runs    int    `json:"runs"`
}

// Store is the tallies of a tenant.
type Store struct{ tallies *rows.Table }

// In is the tallies in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{tallies: tables.Table(rows.RunIndex)}
}

const partition = "tallies"

// Put keeps the counts of a day in place of earlier ones. Of more than fit none is kept, and the error says so.
func (s *Store) Put(ctx context.Context, at time.Time, c Counted, now time.Time) error {
	day := at.UTC().Format(time.DateOnly)
	packed, err := pack(day, c.Counts, len(c.Counts))
	if err != nil {
		return err
	}
	hours, err := pack(day, c.Hours, len(c.Hours))
	if err != nil {
		return err
	}
	return s.tallies.Put(ctx, &Day{
		Keys:    s.tallies.At(day, partition),
		Day:     day,
		MadeAt:  now.UTC(),
		Runs:    c.Runs,
		Packed:  packed,
		PackedT: "Edm.Binary",
		Hours:   hours,
		HoursT:  "Edm.Binary",
	})
}

// pack compresses what a row keeps of a day: n counts of some kind.
func pack(day string, counts any, n int) ([]byte, error) {
	packed, err := rows.Pack(counts)
	if err == nil && len(packed) > rows.MaxProperty {
		err = fmt.Errorf("count the runs of %s: %d counts take %d bytes, %d fit", day, n, len(packed), rows.MaxProperty)
	}
	return packed, err
}

// Since reads the days from that of a moment on, oldest first, by one query as long as they are less than a thousand.
// A day that was not counted yet is missing.
func (s *Store) Since(ctx context.Context, from time.Time) ([]Day, error) {
	filter := fmt.Sprintf("PartitionKey eq '%s' and RowKey ge '%s'", s.tallies.Partition(partition),
		from.UTC().Format(time.DateOnly))
	return rows.List[Day](ctx, s.tallies, filter)
}

// Counts are what was counted.
func (d Day) Counts() (counts []Count, err error) {
	err = rows.UnpackInto(d.Packed, &counts)
	if err != nil {
		err = fmt.Errorf("read the counts of %s: %w", d.Day, err)
	}
	return counts, err
}
