package health

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/ledger/switches"
	"cordon/handler/operate/wire"
)

// ReadMet reads what was met up to now.
func ReadMet(ctx context.Context, store *switches.Store, now time.Time) (wire.Met, error) {
	list, err := store.Met(ctx, now)
	view := wire.Met{}
	for _, m := range list {
		switch {
		case m.Tag != "":
			view.NearTags = append(view.NearTags,
				fmt.Sprintf("%s, such as on machine %s, is almost %q of protect.tags", m.Tag, m.Machine, m.Like))
		case view.NotGiven == nil:
			view.NotGiven = map[string]int{m.Fact: 1}
		default:
			view.NotGiven[m.Fact]++
		}
	}
	return view, err
}
