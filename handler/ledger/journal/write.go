package journal

import (
	"context"
	"errors"
	"time"

	"cordon/handler/ledger/rows"
)

// Give writes an order down, or finds that it was given before: then fresh is false and the answer is the order of
// then. other: the id stands for another order, and nothing may be done.
func (s *Store) Give(ctx context.Context, o Order) (is Order, fresh, other bool, err error) {
	want := o
	want.Keys = s.orderKeys(o.Command)
	want.At = want.At.UTC()
	is, err = rows.Change(ctx, s.journal, "write an order down", Order{Keys: want.Keys},
		func(found *Order) (bool, error) {
			fresh = !found.Stored()
			if fresh {
				keys := found.Keys
				*found = want
				found.Keys = keys
			}
			return fresh, nil
		})
	return is, fresh, err == nil && is.Digest != o.Digest, err
}

// Begin writes down that one thing of an order is about to be done, or finds that it was begun before: then fresh is
// false and the answer says how far it has come.
func (s *Store) Begin(
	ctx context.Context,
	o Order,
	e Entry,
	now time.Time,
) (is Entry, fresh bool, err error) {
	e.Command = o.Command
	e.At = o.At
	e.Tried = now.UTC()
	e.State = Begun
	e.bound()
	is, found, err := s.read(ctx, e)
	if err != nil || found {
		return is, false, err
	}
	at := e
	at.Keys = s.timeKeys(e)
	err = s.journal.Transact(ctx, s.all(&at)...)
	if errors.Is(err, rows.ErrConflict) {
		is, found, err = s.read(ctx, e)
		if err == nil && !found {
			err = &rows.Error{Op: "write a command down", Cause: rows.ErrConflict}
		}
		return is, false, err
	}
	return at, true, err
}

// Again writes down that one thing, begun as e says, is about to be tried anew. Of several who are, one is the first:
// mine is false for the others, and if it ended meanwhile.
func (s *Store) Again(ctx context.Context, e Entry, now time.Time) (is Entry, mine bool, err error) {
	is, found, err := s.read(ctx, e)
	if err != nil || !found || is.State != Begun || !is.Tried.Equal(e.Tried) {
		return is, false, err
	}
	is.Tried = now.UTC()
	err = s.journal.Transact(ctx, s.all(&is)...)
	if errors.Is(err, rows.ErrConflict) {
		return is, false, nil
	}
	return is, err == nil, err
}

// all are the rows of an entry that is begun. The first decides whether they may be written; the others say the same.
func (s *Store) all(e *Entry) []rows.Row {
	pending := *e
	pending.Keys = s.openKeys(*e)
	pending.Overwrite = true
	return append(s.shown(e), &pending)
}

// shown are the rows by which an entry is found.
func (s *Store) shown(e *Entry) []rows.Row {
	all := []rows.Row{e}
	for _, keys := range s.objectKeys(*e) {
		again := *e
		again.Keys = keys
		again.Overwrite = true
		all = append(all, &again)
	}
	return all
}

// read reads an entry as it is.
func (s *Store) read(ctx context.Context, e Entry) (Entry, bool, error) {
	is := Entry{Keys: s.timeKeys(e)}
	found, err := s.journal.Read(ctx, &is)
	return is, found, err
}

// End is how one thing ended.
type End struct {
	State  State // final
	Result string
	Action string
	Name   string // of the object, if it is known by now
	At     time.Time
}

// End writes down how one thing ended, once: an end that is written down stays, and is answered with. A repeat is
// harmless.
func (s *Store) End(ctx context.Context, e Entry, end End) (Entry, error) {
	var is Entry
	err := rows.Try("write down how a command ended", func() error {
		var found bool
		var err error
		is, found, err = s.read(ctx, e)
		switch {
		case err != nil:
			return err
		case !found:
			return &rows.Error{Op: "write down how command " + e.Command + " ended", Cause: rows.ErrNoRow}
		case is.State != Begun:
			return nil
		}
		is.State = end.State
		is.Result = end.Result
		is.Action = end.Action
		is.Ended = end.At.UTC()
		if end.Name != "" {
			is.Name = end.Name
		}
		is.bound()
		return s.journal.Transact(ctx, s.shown(&is)...)
	})
	if err != nil {
		return is, err
	}
	return is, s.journal.Remove(ctx, s.openKeys(e))
}
