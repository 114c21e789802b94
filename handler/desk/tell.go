package desk

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/notice"
)

// Teller records an event for people, once per key.
type Teller interface {
	Tell(ctx context.Context, group string, e notice.Event) error
}

// tellPause tells the operators. A repeat for the same command tells nothing new.
func (d *Desk) tellPause(ctx context.Context, paused bool, c Command, at time.Time) error {
	if d.Teller == nil {
		return nil
	}
	kind := notice.Paused
	if !paused {
		kind = notice.Resumed
	}
	return d.Teller.Tell(ctx, notice.OperatorGroup, notice.Event{
		Kind:   kind,
		At:     at,
		RunID:  "command " + c.ID,
		Detail: fmt.Sprintf("By %s: %s", c.By.Name, c.Reason),
		To:     d.Operator,
	})
}
