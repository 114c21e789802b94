package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"cordon/handler/ledger/rows"
	"cordon/handler/outgoing"
)

// Import is how a file is put into tables.
type Import struct {
	Who      string // and why, for people
	Complete bool   // a person says that nothing was answered since the file was made
	Now      time.Time
	Progress Progress // nil: nobody hears of it
}

// Imported is what became of a file.
type Imported struct {
	Checked
	New       int       // rows that were put in
	There     int       // rows that were there, which stay as they are
	Again     bool      // an earlier import of the file was interrupted, and went on
	Beginning time.Time // of the ledger, now
}

// note is the row of an import. It is written first, and says at the end that all of the file is in.
type note struct {
	rows.Keys
	File  string // Header.ID
	Made  time.Time
	Begun time.Time
	Done  time.Time `json:",omitzero"`
	By    string
}

// NotEmptyError refuses tables that somebody uses.
type NotEmptyError struct{ Table, Why string }

func (n *NotEmptyError) Error() string {
	return fmt.Sprintf("the tables are not empty, %s has rows%s: an export is put into tables that no app has used; "+
		"give CORDON_TABLE_PREFIX another value, or another storage account", n.Table, n.Why)
}

// MovedError refuses to take a file for complete that was made while an app went on.
type MovedError struct{}

func (*MovedError) Error() string {
	return "the app polled while the export was made, so the export is not complete: leave --complete out"
}

// writers is how many rows are put in at once.
const writers = 16

// Import puts a file into the tables, which no app may use meanwhile: open gives it anew for each reading. The first
// reading checks it, so that nothing is written of a file that is not whole. Until all of it is in, nothing is acted on
// that is older than the import; a row that is there is never overwritten. A repeat after an interruption goes on.
func (l Ledger) Import(ctx context.Context, open func() (io.ReadCloser, error), i Import) (Imported, error) {
	var done Imported
	checked, err := l.reading(open, func(string, entity) error { return nil })
	if err != nil {
		return done, err
	}
	done.Checked = checked
	if i.Complete && checked.Moved {
		return done, &MovedError{}
	}
	if err := l.Prepare(ctx); err != nil {
		return done, err
	}
	n, err := l.begin(ctx, checked, i)
	if err != nil {
		return done, err
	}
	done.Again = n.Stored()
	began, err := l.putIn(ctx, open, i, &done)
	if err != nil {
		return done, err
	}
	return done, l.finish(ctx, n, i, began, &done)
}

func (l Ledger) reading(
	open func() (io.ReadCloser, error),
	visit func(table string, e entity) error,
) (Checked, error) {
	file, err := open()
	if err != nil {
		return Checked{}, err
	}
	found, err := read(file, l.Tenant(), visit)
	return found, errors.Join(err, file.Close())
}

// begin claims empty tables for the file, or finds that it was begun here before. The beginning of the ledger comes
// first: an app that looks at half of the file acts on nothing that is older.
func (l Ledger) begin(ctx context.Context, c Checked, i Import) (note, error) {
	n := note{Keys: l.Table(rows.Switches).At(importKey)}
	found, err := l.Table(rows.Switches).Read(ctx, &n)
	if err != nil {
		return n, err
	}
	if found && n.File != c.ID {
		return n, &NotEmptyError{rows.Switches, ", those of another export of " + n.Made.Format(time.RFC3339)}
	}
	if found {
		return n, nil
	}
	if err := l.empty(ctx); err != nil {
		return n, err
	}
	if _, err := l.Switches.BeginAnew(ctx, i.Now, "imported by "+i.Who); err != nil {
		return n, err
	}
	n.File, n.Made, n.Begun, n.By = c.ID, c.At.UTC(), i.Now.UTC(), rows.Cut(i.Who, 1000)
	fresh := n
	return n, l.Table(rows.Switches).Save(ctx, &fresh)
}

// empty refuses tables with rows of the tenant. What an import left that was killed at its first write is no row of an
// app.
func (l Ledger) empty(ctx context.Context) error {
	for _, name := range rows.Names() {
		some, err := rows.First[rows.Keys](ctx, l.Table(name), l.Table(name).Whole(), 10)
		if err != nil {
			return err
		}
		for _, k := range some {
			left := passing(name, k.RowKey) || name == rows.Switches && k.RowKey == beginningKey
			if isOf(l.Tenant(), k.PartitionKey) && !left {
				return &NotEmptyError{Table: name}
			}
		}
	}
	return nil
}

// putIn writes the rows, and answers with the beginning that the file has.
func (l Ledger) putIn(
	ctx context.Context,
	open func() (io.ReadCloser, error),
	i Import,
	done *Imported,
) (began time.Time, err error) {
	table, part := "", make([][]byte, 0, writers)
	flush := func() error {
		inserted, err := l.insert(ctx, table, part)
		done.New += inserted
		done.There += len(part) - inserted
		part = part[:0]
		if err == nil && i.Progress != nil {
			i.Progress(table, done.New+done.There)
		}
		return err
	}
	_, err = l.reading(open, func(name string, e entity) error {
		if name == rows.Switches && e.text("RowKey") == beginningKey {
			began, _ = time.Parse(time.RFC3339Nano, e.text("At"))
			return nil
		}
		if name != table || len(part) == writers {
			if err := flush(); err != nil {
				return err
			}
			table = name
		}
		body, err := outgoing.Encode(e)
		part = append(part, body)
		return err
	})
	return began, errors.Join(err, flush())
}

// insert writes rows of one table side by side.
func (l Ledger) insert(ctx context.Context, table string, part [][]byte) (inserted int, err error) {
	if len(part) == 0 {
		return 0, nil
	}
	group, gctx := errgroup.WithContext(ctx)
	fresh := make([]bool, len(part))
	for i, body := range part {
		group.Go(func() (err error) {
			fresh[i], err = l.Table(table).Insert(gctx, body)
			return err
		})
	}
	err = group.Wait()
	for _, yes := range fresh {
		if yes {
			inserted++
		}
	}
	return inserted, err
}

// finish notes that all of the file is in. If a person says that it is all that was ever done, the ledger goes on where
// it was.
func (l Ledger) finish(ctx context.Context, n note, i Import, began time.Time, done *Imported) error {
	if i.Complete && n.Done.IsZero() {
		if err := l.Switches.GoOn(ctx, began); err != nil {
			return err
		}
	}
	is, err := l.Switches.Beginning(ctx)
	if err != nil {
		return err
	}
	done.Beginning = is.At
	fresh := note{Keys: l.Table(rows.Switches).At(importKey)}
	_, err = rows.Change(ctx, l.Table(rows.Switches), "note the end of the import", fresh, func(n *note) (bool, error) {
		changed := n.Done.IsZero()
		n.Done = i.Now.UTC()
		return changed, nil
	})
	return err
}
