package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordon/handler/ledger/notices"
	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// housekeepPages bounds what one Housekeep looks at of each table: the service hands over at most 1,000 rows a page,
// matching or not ("Query timeout and pagination", Table service REST API).
const housekeepPages = 40

// job is one kind of record that is removed when it is old.
type job struct {
	name   string
	table  *rows.Table
	rows   string // OData filter of the rows that stand for a record; empty: every row of the tenant
	remove func(ctx context.Context, k rows.Keys, before time.Time) (int, error)
}

// Housekeep removes records that were last changed before a time: alerts with all their runs, index rows, notices, what
// is held, past pauses and the joiners of episodes. Latches, the watermark, budgets and marks stay. It looks at a bounded number of rows and goes on
// where it stopped the next time. Records that are not over stay whatever their age. A repeat is safe.
func (s *Store) Housekeep(ctx context.Context, before time.Time) (removed int, err error) {
	jobs := []job{
		{"alerts", s.alerts, fmt.Sprintf("(RowKey eq '%s' or RowKey eq '%s')", seenKey, runKey(0)), s.removeAlert},
		{"runindex", s.runIndex, "", removeRow(s.runIndex)},
		{"notices", s.Table(rows.Notices), "RowKey eq 'head'", s.removeGroup},
		{"joiners", s.latches, "", s.removeJoiner},
		{"held", s.open, partitionIs(s.alerts.Partition("held")), removeRow(s.open)},
		{"pauses", s.Table(rows.Switches), partitionIs(s.alerts.Partition("pauses")), removeRow(s.Table(rows.Switches))},
		{"hunts", s.Table(rows.Hunts), "", s.removeHunted},
	}
	var errs []error
	for _, j := range jobs {
		n, err := s.housekeep(ctx, j, before)
		removed += n
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

func partitionIs(pk string) string { return fmt.Sprintf("PartitionKey eq '%s'", pk) }

func (s *Store) housekeep(ctx context.Context, j job, before time.Time) (removed int, err error) {
	name := "housekeeping:" + j.name
	mark, err := s.Mark(ctx, name)
	if err != nil {
		return 0, err
	}
	var at rows.Cursor
	if mark.Note != "" {
		// A cursor that cannot be read begins anew.
		_ = json.Unmarshal([]byte(mark.Note), &at)
	}
	first := j.table.Partition("")
	filter := fmt.Sprintf("PartitionKey ge '%s' and PartitionKey lt '%s~' and Timestamp lt datetime'%s'",
		first, first, before.UTC().Format("2006-01-02T15:04:05Z"))
	if j.rows != "" {
		filter += " and " + j.rows
	}
	for range housekeepPages {
		var old []rows.Keys
		if old, at, err = j.table.Page(ctx, filter, at); err != nil {
			return removed, err
		}
		for _, k := range old {
			n, err := j.remove(ctx, k, before)
			if removed += n; err != nil {
				return removed, err
			}
		}
		if at.AtEnd() {
			break
		}
	}
	note, err := outgoing.Encode(at)
	if err != nil {
		return removed, err
	}
	return removed, s.SetMark(ctx, name, before, string(note))
}

// removeAlert removes what is known of an alert if all of its runs are over and old, what was seen of it last: without
// its runs it would be answered anew, runs without it could never be.
func (s *Store) removeAlert(ctx context.Context, k rows.Keys, before time.Time) (int, error) {
	return removeWhole(ctx, s.alerts, k, before, seenKey, func(r agedRow) bool {
		return r.RowKey == seenKey || r.RowKey == findingKey || RunState(r.State).Final()
	})
}

// removeGroup removes a notice group whose every row is old, its head last.
func (s *Store) removeGroup(ctx context.Context, k rows.Keys, before time.Time) (int, error) {
	return removeWhole(ctx, s.Table(rows.Notices), k, before, "head", func(r agedRow) bool {
		return r.State != string(notices.Open) && r.State != string(notices.Claimed)
	})
}

// agedRow is what is looked at of a row that may be old.
type agedRow struct {
	rows.Keys
	Timestamp time.Time
	State     string
}

// removeWhole removes the rows of a partition, the one with the key last at the end, if all of them are old and over.
func removeWhole(
	ctx context.Context, t *rows.Table, k rows.Keys, before time.Time, last string, over func(agedRow) bool,
) (removed int, err error) {
	var body, tail []rows.Keys
	stays := false
	everything := rows.Prefix(k.PartitionKey, "")
	for r, err := range rows.Each[agedRow](ctx, t, everything, "PartitionKey,RowKey,Timestamp,State") {
		if err != nil {
			return 0, err
		}
		stays = stays || !r.Timestamp.Before(before) || !over(r)
		if r.RowKey == last {
			tail = append(tail, r.Keys)
		} else {
			body = append(body, r.Keys)
		}
	}
	if stays {
		return 0, nil
	}
	for _, k := range body {
		n, err := removeUnchanged(ctx, t, k)
		if removed += n; err != nil || n == 0 {
			return removed, err
		}
	}
	for _, k := range tail {
		n, err := removeUnchanged(ctx, t, k)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func removeRow(t *rows.Table) func(context.Context, rows.Keys, time.Time) (int, error) {
	return func(ctx context.Context, k rows.Keys, _ time.Time) (int, error) { return removeUnchanged(ctx, t, k) }
}

func (s *Store) removeJoiner(ctx context.Context, k rows.Keys, _ time.Time) (int, error) {
	if !strings.Contains(k.RowKey, ":join:") {
		return 0, nil
	}
	return removeUnchanged(ctx, s.latches, k)
}

// removeHunted removes a remembered row, or a turn with its parts, that is old. Where hunts stand is kept.
func (s *Store) removeHunted(ctx context.Context, k rows.Keys, _ time.Time) (int, error) {
	if k.PartitionKey == s.Table(rows.Hunts).Partition("hunts") || !strings.Contains(k.PartitionKey, "|hunt") {
		return 0, nil
	}
	return removeUnchanged(ctx, s.Table(rows.Hunts), k)
}

// removeUnchanged deletes a row as it was read, and counts it; 0 if somebody changed or deleted it meanwhile.
func removeUnchanged(ctx context.Context, t *rows.Table, k rows.Keys) (int, error) {
	removed, err := t.RemoveUnchanged(ctx, k)
	if !removed {
		return 0, err
	}
	return 1, nil
}
