package notices

import (
	"context"
	"errors"
	"time"

	"cordon/handler/ledger/rows"
)

// Asked is an order to send a sequence at once.
type Asked struct {
	Group   string
	Seq     int
	Command string // id of the order
	At      time.Time
	Lock    time.Duration // how long a claim for sending stands
	// Before is called before the mark of an earlier order is overwritten.
	Before func(ctx context.Context, earlier string) error
}

// Hastened is what became of an order to send a sequence at once.
type Hastened struct {
	Notice
	Missing bool // there is no such sequence
	Sending bool // it is being sent, and was left alone
}

// Hasten makes a sequence due now that is neither sent nor being sent. A repeat is harmless: what is sent stays so.
func (s *Store) Hasten(ctx context.Context, a Asked) (h Hastened, err error) {
	err = rows.Try("have notice "+a.Group+" sent at once", func() error {
		h, err = s.hasten(ctx, a)
		return err
	})
	return h, err
}

func (s *Store) hasten(ctx context.Context, a Asked) (Hastened, error) {
	n, found, err := s.Notice(ctx, a.Group, a.Seq)
	switch {
	case err != nil:
		return Hastened{}, err
	case !found:
		return Hastened{Missing: true}, nil
	case n.State == Sent:
		return Hastened{Notice: n}, s.settle(ctx, n)
	case n.BeingSent(a.At, a.Lock):
		return Hastened{Notice: n, Sending: true}, nil
	}
	if n.Command != "" && n.Command != a.Command {
		if err := a.Before(ctx, n.Command); err != nil {
			return Hastened{}, err
		}
	}
	n.State = Open
	n.ClaimedAt = time.Time{}
	n.FirstDue = n.Since()
	n.DueAt = a.At
	n.Command = a.Command
	if err := s.index(ctx, n); err != nil {
		return Hastened{}, err
	}
	err = s.notices.Save(ctx, &n)
	if errors.Is(err, rows.ErrConflict) {
		// Whoever was faster may have sent it: then the index row that was just written is wrong.
		newer, found, readErr := s.Notice(ctx, a.Group, a.Seq)
		if readErr == nil && found && newer.State == Sent {
			return Hastened{Notice: newer}, s.settle(ctx, newer)
		}
	}
	return Hastened{Notice: n}, err
}
