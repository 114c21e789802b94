package health

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/ledger/switches"
)

// Met is what decisions of the last 30 days met of machines: what protects them from nothing, although it looks so
// or might.
type Met struct {
	NearTags []string       `json:"nearTags,omitempty"` // tags that are almost protected ones
	NotGiven map[string]int `json:"notGiven,omitempty"` // machines of which the API left out a fact that protect lists
}

// ReadMet reads what was met up to now.
func ReadMet(ctx context.Context, store *switches.Store, now time.Time) (Met, error) {
	list, err := store.Met(ctx, now)
	view := Met{}
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
