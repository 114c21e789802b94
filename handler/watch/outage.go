package watch

import (
	"context"
	"slices"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/switches"
)

// outageAfter is for how long nothing succeeded where the service counts as out of order.
const outageAfter = 30 * time.Minute

// Outage reports whether the service is out of order for all alerts that the same sources show: polls of those do not
// succeed either. Where nobody ever polled it is not. That Graph is well says nothing of the API that has the machines:
// then FollowActions tells, which reads from it. A ledger that cannot be read is an outage.
func Outage(ctx context.Context, store *switches.Store, seen looks.Looks, now time.Time) bool {
	marks, err := store.Watermarks(ctx)
	if err != nil {
		return true
	}
	unpolled := slices.ContainsFunc(marks, func(m switches.Watermark) bool {
		return alert.Source(m.Source()) == alert.Defender && now.Sub(m.At) > outageAfter
	})
	polled, well := false, false
	for _, mark := range marks {
		source := alert.Source(mark.Source())
		if source == alert.Graph && unfollowed(ctx, store, unpolled, now) {
			return true
		}
		if seen.Version > 0 && seen.UpdatedBy(source).IsZero() {
			continue // it cannot answer for the alert
		}
		polled = true
		well = well || now.Sub(mark.At) <= outageAfter
	}
	return polled && !well
}

// unfollowed reports whether FollowActions has not succeeded for some time. Where it never has, that the alerts of the
// same API are not polled either tells an outage from a first start.
func unfollowed(ctx context.Context, store *switches.Store, unpolled bool, now time.Time) bool {
	mark, err := store.Mark(ctx, switches.MarkFollow)
	if err != nil {
		return true
	}
	if mark.At.IsZero() {
		return unpolled
	}
	return now.Sub(mark.At) > outageAfter
}
