package watch

import (
	"context"
	"time"

	"cordon/handler/ledger/backlog"
)

// runsLooked bounds how many open runs are looked at to find the oldest that is not answered; those before it wait for
// machines.
const runsLooked = 200

// AnswerWithin is how long a version of an alert may be unanswered: long enough for a lost message to be found by a
// sweep and sent again.
func AnswerWithin(sweepAfter time.Duration) time.Duration {
	return sweepAfter * 3 / 2
}

// OpenRuns writes the line that says for how long the oldest open version of an alert is unanswered. It is written
// every time, so that its absence says something too.
func (d *Dog) OpenRuns(ctx context.Context) error {
	now := d.Now().UTC()
	oldest, err := backlog.Oldest(ctx, d.Runs, runsLooked, now)
	if err != nil {
		return err
	}
	d.Log.InfoContext(ctx, "open runs", "open", oldest.Open, "ageSeconds", int(oldest.For(now).Seconds()),
		"oldest", oldest.RunID)
	return nil
}
