package orders

import (
	"context"
	"net/url"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// pausing stops all acting, or lets it go on.
func pausing(name, title, button, says string, paused bool) Order {
	return Order{
		Name:   name,
		Title:  title,
		Button: button,
		Look: func(ctx context.Context, desk operate.Desk, _ url.Values) (Preview, error) {
			is, err := desk.Pause(ctx)
			all := Thing{
				Name: "All acting",
				Is:   "goes on",
				Then: "paused",
			}
			if is.Paused {
				all.Is = "paused by " + is.By
				all.Why = is.Reason
			}
			if !paused {
				all.Then = "goes on"
			}
			if is.Paused == paused {
				all.Not = "it is so already"
			}
			return Preview{Says: says, Things: []Thing{all}}, err
		},
		Do: func(ctx context.Context, desk operate.Desk, by wire.Order, _ url.Values) (Outcome, error) {
			_, err := desk.SetPause(ctx, paused, wire.PauseOrder{Order: by})
			return Outcome{}, err
		},
	}
}
