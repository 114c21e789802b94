package rows

import (
	"context"
	"fmt"
	"time"
)

// agingPages bounds what one Look reads: the service hands over at most 1,000 rows a page, matching or not ("Query
// timeout and pagination", Table service REST API).
const agingPages = 40

// Aging is a kind of record that is removed when it is old.
type Aging struct {
	Name   string // where the last look stopped is kept under it
	Table  *Table
	Filter string // of the rows that stand for a record each; empty: every row of the tenant
	// Remove removes the record that a row stands for, if all of it is over and was last changed before a time.
	Remove func(ctx context.Context, k Keys, before time.Time) (removed int, err error)
}

// Look removes what was last changed before a time. It reads a bounded number of rows from a place on, and answers with
// the place where it stopped. A repeat is safe.
func (a Aging) Look(
	ctx context.Context,
	before time.Time,
	from Cursor,
) (removed int, at Cursor, err error) {
	first := a.Table.Partition("")
	filter := fmt.Sprintf("PartitionKey ge '%s' and PartitionKey lt '%s~' and Timestamp lt datetime'%s'",
		first, first, before.UTC().Format("2006-01-02T15:04:05Z"))
	if a.Filter != "" {
		filter += " and " + a.Filter
	}
	at = from
	for range agingPages {
		var old []Keys
		old, at, err = a.Table.Page(ctx, filter, at)
		if err != nil {
			return removed, at, err
		}
		for _, k := range old {
			n, err := a.Remove(ctx, k, before)
			if removed += n; err != nil {
				return removed, at, err
			}
		}
		if at.AtEnd() {
			break
		}
	}
	return removed, at, nil
}

// InPartition is the Filter of the rows of one partition.
func InPartition(key string) string {
	return fmt.Sprintf("PartitionKey eq '%s'", key)
}

// RemoveRow is Aging.Remove for records of one row.
func (t *Table) RemoveRow(ctx context.Context, k Keys, _ time.Time) (int, error) {
	removed, err := t.RemoveUnchanged(ctx, k)
	if !removed {
		return 0, err
	}
	return 1, nil
}

// AgingRow is what is looked at of a row that may be old.
type AgingRow struct {
	Keys
	Timestamp time.Time
	State     string
}

// RemoveWhole is Aging.Remove for records of a whole partition: it removes its rows, the one with the key last at the
// end, if all of them are old and over.
func (t *Table) RemoveWhole(
	ctx context.Context,
	k Keys,
	before time.Time,
	last string,
	over func(AgingRow) bool,
) (removed int, err error) {
	var all, tail []Keys
	everything := Prefix(k.PartitionKey, "")
	for r, err := range Each[AgingRow](ctx, t, everything, "PartitionKey,RowKey,Timestamp,State") {
		if err != nil || !r.Timestamp.Before(before) || !over(r) {
			return 0, err
		}
		if r.RowKey == last {
			tail = append(tail, r.Keys)
		} else {
			all = append(all, r.Keys)
		}
	}
	for _, k := range append(all, tail...) {
		n, err := t.RemoveRow(ctx, k, before)
		if removed += n; err != nil || n == 0 {
			return removed, err
		}
	}
	return removed, nil
}
