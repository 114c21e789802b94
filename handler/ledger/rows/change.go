package rows

import (
	"context"
	"errors"
)

// tries bounds how often a write is tried against others that win; more than that is not a race but a fault.
const tries = 8

// Change reads the row with the keys of fresh, lets change work on it and writes it if nobody else did meanwhile; else
// it starts over with the newer row. A row that does not exist is fresh itself, and not Stored. Without a change
// nothing is written. It answers with the row as it is now.
func Change[T any, R interface {
	*T
	Row
}](
	ctx context.Context,
	t *Table,
	op string,
	fresh T,
	change func(R) (changed bool, err error),
) (T, error) {
	var r T
	err := Try(op, func() error {
		r = fresh
		return changeOnce(ctx, t, R(&r), change)
	})
	return r, err
}

// Try makes a conditional write until nobody else is faster.
func Try(op string, write func() error) error {
	for range tries {
		err := write()
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return &Error{Op: op, Cause: ErrConflict}
}

// ChangeInTurn is Change for a row that many write at once: those of one process take turns, and those of several pause
// between their tries.
func ChangeInTurn[T any, R interface {
	*T
	Row
}](
	ctx context.Context,
	turn Turn,
	t *Table,
	op string,
	fresh T,
	change func(R) (changed bool, err error),
) error {
	return turn.try(ctx, op, func() error {
		r := fresh
		return changeOnce(ctx, t, R(&r), change)
	})
}

func changeOnce[R Row](
	ctx context.Context,
	t *Table,
	r R,
	change func(R) (changed bool, err error),
) error {
	_, err := t.Read(ctx, r)
	if err != nil {
		return err
	}
	changed, err := change(r)
	if err != nil || !changed {
		return err
	}
	return t.Save(ctx, r)
}
