package notices

import (
	"context"
	"errors"
	"time"

	"cordon/handler/ledger/rows"
)

// Asked is an order about a sequence that is not sent: to send it at once, or to drop it.
type Asked struct {
	Group   string
	Seq     int
	Command string // id of the order
	At      time.Time
	Lock    time.Duration // how long a claim for sending stands
	// Before is called before the mark of an earlier order is overwritten.
	Before func(ctx context.Context, earlier string) error
}

// Ordered is what became of an order about a sequence.
type Ordered struct {
	Notice
	Missing bool // there is no such sequence
	Sending bool // it is being sent, and was left alone
	Untried bool // it was to be dropped, was never tried, and was left alone
}

// Hasten makes a sequence due now that is not over and not being sent. A repeat is harmless: what is sent stays so.
func (s *Store) Hasten(ctx context.Context, a Asked) (o Ordered, err error) {
	err = rows.Try("have notice "+a.Group+" sent at once", func() error {
		o, err = s.hasten(ctx, a)
		return err
	})
	return o, err
}

func (s *Store) hasten(ctx context.Context, a Asked) (Ordered, error) {
	o, free, err := s.free(ctx, a)
	if err != nil || !free {
		return o, err
	}
	n := o.Notice
	n.State = Open
	n.ClaimedAt = time.Time{}
	n.FirstDue = n.Since()
	n.DueAt = a.At
	n.Command = a.Command
	if err := s.index(ctx, n); err != nil {
		return Ordered{}, err
	}
	err = s.notices.Save(ctx, &n)
	if errors.Is(err, rows.ErrConflict) {
		// Whoever was faster may have sent or dropped it: then the index row that was just written is wrong.
		newer, found, readErr := s.Notice(ctx, a.Group, a.Seq)
		if readErr == nil && found && newer.Over() {
			return Ordered{Notice: newer}, s.settle(ctx, newer)
		}
	}
	return Ordered{Notice: n}, err
}

// Drop gives a sequence up that could not be sent, and is not being sent. A repeat is harmless.
func (s *Store) Drop(ctx context.Context, a Asked) (o Ordered, err error) {
	err = rows.Try("drop notice "+a.Group, func() error {
		o, err = s.drop(ctx, a)
		return err
	})
	return o, err
}

func (s *Store) drop(ctx context.Context, a Asked) (Ordered, error) {
	o, free, err := s.free(ctx, a)
	if err != nil || !free {
		return o, err
	}
	if o.Tries() == 0 {
		o.Untried = true
		return o, nil
	}
	n := o.Notice
	n.State = Dropped
	n.DroppedAt = a.At
	n.ClaimedAt = time.Time{}
	n.Command = a.Command
	if err := s.notices.Save(ctx, &n); err != nil {
		return Ordered{Notice: n}, err
	}
	return Ordered{Notice: n}, s.settle(ctx, n)
}

// free reads a sequence for an order; false: there is nothing to order, as the answer says.
func (s *Store) free(ctx context.Context, a Asked) (o Ordered, free bool, err error) {
	n, found, err := s.Notice(ctx, a.Group, a.Seq)
	switch {
	case err != nil:
		return Ordered{}, false, err
	case !found:
		return Ordered{Missing: true}, false, nil
	case n.Over():
		return Ordered{Notice: n}, false, s.settle(ctx, n)
	case n.BeingSent(a.At, a.Lock):
		return Ordered{Notice: n, Sending: true}, false, nil
	}
	if n.Command != "" && n.Command != a.Command {
		if err := a.Before(ctx, n.Command); err != nil {
			return Ordered{}, false, err
		}
	}
	return Ordered{Notice: n}, true, nil
}
