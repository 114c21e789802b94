// Package decisions keeps how each run was decided and on what: one record a run, the newest decision of it. The run
// itself stays longer. Neighbours: handler/archive writes and reads them, handler/ledger/runs has the runs.
package decisions

import (
	"context"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
)

// MaxBody is how many bytes the body of a record may have.
const MaxBody = rows.MaxProperty

// Record is the decision of one run.
type Record struct {
	rows.Keys
	AlertID    string
	Version    int
	ObservedAt time.Time // as the run's, which makes its place among the others
	MachineID  string    `json:",omitempty"`
	Body       []byte    // compressed JSON, at most MaxBody bytes
	BodyType   string    `json:"Body@odata.type,omitempty"`
}

// Place is where the record stands among the others, for Query.After.
func (r Record) Place() string { return r.RowKey }

// Store is the decisions of a tenant.
type Store struct{ decisions *rows.Table }

// In is the decisions in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{decisions: tables.Table(rows.Decisions)}
}

// partition holds them all, newest run first.
const partition = "decisions"

func (s *Store) keys(alertID string, version int, observedAt time.Time) rows.Keys {
	return s.decisions.At(rows.Key(rows.NewestFirst(observedAt), alert.RunID(alertID, version)), partition)
}

// Put keeps the decision of a run in place of an earlier one.
func (s *Store) Put(ctx context.Context, r Record) error {
	r.Keys = s.keys(r.AlertID, r.Version, r.ObservedAt)
	r.BodyType = "Edm.Binary"
	return s.decisions.Put(ctx, &r)
}

// Read reads the decision of a run; false if none is kept.
func (s *Store) Read(
	ctx context.Context,
	alertID string,
	version int,
	observedAt time.Time,
) (r Record, found bool, err error) {
	r.Keys = s.keys(alertID, version, observedAt)
	found, err = s.decisions.Read(ctx, &r)
	return r, found, err
}

// Query selects decisions by when their runs were observed.
type Query struct {
	Since time.Time // that moment and later; zero: from the oldest
	Until time.Time // before that moment; zero: to the newest
	After string    // the place behind which to go on, as Page answered it; empty: from the newest
	Limit int       // at most so many
}

// Page reads decisions, newest first, by one query. next is the place behind the last of them; empty: nothing follows.
// What is no place of a page before is as if it were one: it begins where that would be.
func (s *Store) Page(ctx context.Context, q Query) (found []Record, next string, err error) {
	return rows.PageOf[Record](ctx, s.decisions, rows.Range{
		Partition: s.decisions.Partition(partition),
		Since:     q.Since,
		Until:     q.Until,
		After:     q.After,
	}, q.Limit)
}

// Remove forgets the decision of a run. A repeat is harmless.
func (s *Store) Remove(ctx context.Context, r Record) error {
	return s.decisions.Remove(ctx, r.Keys)
}

// Aging are the decisions, a record each.
func (s *Store) Aging() []rows.Aging {
	return []rows.Aging{{
		Name:   "decisions",
		Table:  s.decisions,
		Filter: rows.InPartition(s.decisions.Partition(partition)),
		Remove: s.decisions.RemoveRow,
	}}
}
