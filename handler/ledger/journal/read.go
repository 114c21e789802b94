package journal

import (
	"context"

	"cordon/handler/ledger/rows"
)

// Open lists what is begun and not ended, in no order that means anything.
func (s *Store) Open(ctx context.Context) ([]Entry, error) {
	return rows.List[Entry](ctx, s.journal, s.under(open))
}

// Find reads the entry of one thing of a command.
func (s *Store) Find(ctx context.Context, command, object string) (Entry, bool, error) {
	o, given, err := s.Order(ctx, command)
	if err != nil || !given {
		return Entry{}, false, err
	}
	return s.read(ctx, Entry{
		Command: command,
		Object:  object,
		At:      o.At,
	})
}

// Page reads entries, newest first, from behind the place after on; empty: from the newest. next is the place behind
// the last of them; empty: nothing follows. What is no place of a page before is as if it were one: it begins where
// that would be.
func (s *Store) Page(
	ctx context.Context,
	limit int,
	after string,
) (found []Entry, next string, err error) {
	return rows.PageOf[Entry](ctx, s.journal, rows.Range{
		Partition: s.journal.Partition(partition),
		Prefix:    rows.Key(byTime) + "|",
		After:     after,
	}, limit)
}

// Order reads an order; found is false if nobody gave it.
func (s *Store) Order(ctx context.Context, command string) (o Order, found bool, err error) {
	o = Order{Keys: s.orderKeys(command)}
	found, err = s.journal.Read(ctx, &o)
	return o, found, err
}

// Of reads the entries of one order, as Page reads those of all.
func (s *Store) Of(
	ctx context.Context,
	o Order,
	limit int,
	after string,
) (found []Entry, next string, err error) {
	return rows.PageOf[Entry](ctx, s.journal, rows.Range{
		Partition: s.journal.Partition(partition),
		Prefix:    rows.Key(byTime, rows.NewestFirst(o.At), o.Command) + "|",
		After:     after,
	}, limit)
}

// About reads the newest entries about one object.
func (s *Store) About(ctx context.Context, object string, limit int32) ([]Entry, error) {
	return rows.First[Entry](ctx, s.journal, s.under(byObject, object), limit)
}

// under selects the rows whose keys begin with some parts.
func (s *Store) under(parts ...string) string {
	return rows.Prefix(s.journal.Partition(partition), rows.Key(parts...)+"|")
}
