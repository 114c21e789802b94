package desk

import (
	"context"
	"errors"
	"fmt"

	"cordon/handler/ledger/journal"
)

// Command is what a person orders.
type Command struct {
	ID     string // made by whoever asks; empty: it is not in the journal
	Reason string // why
	By     journal.Author
}

// refusal says why something is not done; nothing was changed.
type refusal struct{ why string }

func (e *refusal) Error() string { return e.why }

// Refusef is a reason not to do what a person wants.
func Refusef(format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...)}
}

// IsRefusal reports whether an error is a reason not to do it, and no trouble.
func IsRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// Overwritten ends an earlier command whose trace in a row is about to be overwritten by another: it was done.
func (d *Desk) Overwritten(ctx context.Context, earlier, object string, by Command) error {
	if earlier == "" || earlier == by.ID || d.Journal == nil {
		return nil
	}
	e, found, err := d.Journal.Find(ctx, earlier, object)
	if err != nil || !found || e.State != journal.Begun {
		return err
	}
	end, found, err := d.look(ctx, e, &listing{of: d.Actions})
	if err != nil || !found {
		return err
	}
	_, err = d.Journal.End(ctx, e, end)
	return err
}

// doneBefore is said of a command that was found done by whoever looked for it later.
const doneBefore = "done; this was found afterwards, because whoever did it ended before it could say so"
