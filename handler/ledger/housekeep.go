package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"cordon/handler/outgoing"
)

// housekeepPages bounds what one Housekeep looks at of each table: the service hands over at most 1,000 rows a page,
// matching or not ("Query timeout and pagination", Table service REST API).
const housekeepPages = 40

// job is one kind of record that is removed when it is old.
type job struct {
	name   string
	table  string
	rows   string // OData filter of the rows that stand for a record; empty: every row of the tenant
	remove func(ctx context.Context, k keys, before time.Time) (int, error)
}

// Housekeep removes records that were last changed before a time: alerts with all their runs, index rows, notices, what
// is held, past pauses and the joiners of episodes. Latches, the watermark, budgets and marks stay. It looks at a bounded number of rows and goes on
// where it stopped the next time. Records that are not over stay whatever their age. A repeat is safe.
func (s *Store) Housekeep(ctx context.Context, before time.Time) (removed int, err error) {
	jobs := []job{
		{"alerts", tableAlerts, fmt.Sprintf("(RowKey eq '%s' or RowKey eq '%s')", seenKey, runKey(0)), s.removeAlert},
		{"runindex", tableRunIndex, "", s.removeRow(tableRunIndex)},
		{"notices", tableNotices, "RowKey eq 'head'", s.removeGroup},
		{"joiners", tableLatches, "", s.removeJoiner},
		{"held", tableOpen, partitionIs(s.pk("held")), s.removeRow(tableOpen)},
		{"pauses", tableSwitches, partitionIs(s.pk("pauses")), s.removeRow(tableSwitches)},
		{"hunts", tableHunts, "", s.removeHunted},
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

// cursor is where a job goes on; nil members mean at the beginning.
type cursor struct{ PartitionKey, RowKey *string }

func (s *Store) housekeep(ctx context.Context, j job, before time.Time) (removed int, err error) {
	name := "housekeeping:" + j.name
	mark, err := s.Mark(ctx, name)
	if err != nil {
		return 0, err
	}
	var at cursor
	if mark.Note != "" {
		// A cursor that cannot be read begins anew.
		_ = json.Unmarshal([]byte(mark.Note), &at)
	}
	first := s.pk("")
	filter := fmt.Sprintf("PartitionKey ge '%s' and PartitionKey lt '%s~' and Timestamp lt datetime'%s'", first, first, before.UTC().Format("2006-01-02T15:04:05Z"))
	if j.rows != "" {
		filter += " and " + j.rows
	}
	sel := "PartitionKey,RowKey"
	for range housekeepPages {
		page, err := s.tables[j.table].NewListEntitiesPager(&aztables.ListEntitiesOptions{Filter: &filter, Select: &sel, NextPartitionKey: at.PartitionKey, NextRowKey: at.RowKey}).NextPage(ctx)
		if err != nil {
			return removed, &Error{Op: "list " + j.table, cause: err}
		}
		for _, body := range page.Entities {
			var k keys
			if err := decodeRow(j.table, body, "", &k); err != nil {
				return removed, err
			}
			n, err := j.remove(ctx, k, before)
			if removed += n; err != nil {
				return removed, err
			}
		}
		if at = (cursor{page.NextPartitionKey, page.NextRowKey}); at.PartitionKey == nil {
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
func (s *Store) removeAlert(ctx context.Context, k keys, before time.Time) (int, error) {
	var rows []keys
	over := true
	err := s.list(ctx, tableAlerts, prefixFilter(k.PartitionKey, ""), "PartitionKey,RowKey,Timestamp,State", func(body []byte) error {
		var row struct {
			keys
			Timestamp time.Time
			State     RunState
		}
		if err := decodeRow(tableAlerts, body, "", &row); err != nil {
			return err
		}
		over = over && row.Timestamp.Before(before) && (row.RowKey == seenKey || row.RowKey == findingKey || row.State.Final())
		rows = append(rows, row.keys)
		return nil
	})
	if err != nil || !over {
		return 0, err
	}
	return s.removeAll(ctx, tableAlerts, rows, seenKey)
}

// removeGroup removes a notice group whose every row is old, its head last.
func (s *Store) removeGroup(ctx context.Context, k keys, before time.Time) (int, error) {
	var rows []keys
	over := true
	err := s.list(ctx, tableNotices, prefixFilter(k.PartitionKey, ""), "PartitionKey,RowKey,Timestamp,State", func(body []byte) error {
		var row struct {
			keys
			Timestamp time.Time
			State     NoticeState
		}
		if err := decodeRow(tableNotices, body, "", &row); err != nil {
			return err
		}
		unsent := row.State == NoticeOpen || row.State == NoticeClaimed
		over = over && row.Timestamp.Before(before) && !unsent
		rows = append(rows, row.keys)
		return nil
	})
	if err != nil || !over {
		return 0, err
	}
	return s.removeAll(ctx, tableNotices, rows, "head")
}

// removeAll deletes the rows of a partition, the one with the key last at the end.
func (s *Store) removeAll(ctx context.Context, table string, rows []keys, last string) (removed int, err error) {
	var tail []keys
	for _, row := range rows {
		if row.RowKey == last {
			tail = append(tail, row)
			continue
		}
		n, err := s.removeUnchanged(ctx, table, row)
		if removed += n; err != nil || n == 0 {
			return removed, err
		}
	}
	for _, row := range tail {
		n, err := s.removeUnchanged(ctx, table, row)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (s *Store) removeRow(table string) func(context.Context, keys, time.Time) (int, error) {
	return func(ctx context.Context, k keys, _ time.Time) (int, error) { return s.removeUnchanged(ctx, table, k) }
}

func (s *Store) removeJoiner(ctx context.Context, k keys, _ time.Time) (int, error) {
	if !strings.Contains(k.RowKey, ":join:") {
		return 0, nil
	}
	return s.removeUnchanged(ctx, tableLatches, k)
}

// removeUnchanged deletes a row as it was read; 0 if somebody changed or deleted it meanwhile.
func (s *Store) removeUnchanged(ctx context.Context, table string, k keys) (int, error) {
	etag := azcore.ETag(k.ETag)
	_, err := s.tables[table].DeleteEntity(ctx, k.PartitionKey, k.RowKey, &aztables.DeleteEntityOptions{IfMatch: &etag})
	switch {
	case err == nil:
		return 1, nil
	case hasStatus(err, http.StatusNotFound, http.StatusPreconditionFailed):
		return 0, nil
	}
	return 0, &Error{Op: "delete from " + table, cause: err}
}
