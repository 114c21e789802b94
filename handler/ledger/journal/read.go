package journal

import (
	"context"
	"strings"

	"cordon/handler/ledger/rows"
)

// Open lists what is begun and not ended, in no order that means anything.
func (s *Store) Open(ctx context.Context) ([]Entry, error) {
	return rows.List[Entry](ctx, s.journal, s.under(open))
}

// Find reads the entry of one thing of a command.
func (s *Store) Find(ctx context.Context, command, object string) (Entry, bool, error) {
	o := Order{Keys: s.orderKeys(command)}
	given, err := s.journal.Read(ctx, &o)
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
	limit int32,
	after string,
) (found []Entry, next string, err error) {
	from := rows.Key(byTime) + "|" + clean(after)
	filter := s.under(byTime) + " and RowKey gt '" + from + "'"
	found, err = rows.First[Entry](ctx, s.journal, filter, limit+1)
	if err != nil || len(found) <= int(limit) {
		return found, "", err
	}
	last := found[limit-1]
	return found[:limit], strings.TrimPrefix(last.RowKey, rows.Key(byTime)+"|"), nil
}

// About reads the newest entries about one object.
func (s *Store) About(ctx context.Context, object string, limit int32) ([]Entry, error) {
	return rows.First[Entry](ctx, s.journal, s.under(byObject, object), limit)
}

// under selects the rows whose keys begin with some parts.
func (s *Store) under(parts ...string) string {
	return rows.Prefix(s.journal.Partition(partition), rows.Key(parts...)+"|")
}

// clean keeps of a place what keys are made of.
func clean(place string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' ||
			r >= 0x7f ||
			r == '\'' ||
			r == '\\' ||
			r == '/' ||
			r == '#' ||
			r == '?' {
			return -1
		}
		return r
	}, place)
}
