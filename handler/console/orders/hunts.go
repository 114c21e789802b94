package orders

import (
	"context"
	"net/url"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

func runHunt() Order {
	return Order{
		Name:   "huntrun",
		Title:  "Run a hunt now",
		Button: "Run now",
		Look: func(ctx context.Context, desk operate.Desk, asked url.Values) (Preview, error) {
			name := asked.Get("hunt")
			all, err := desk.Hunts(ctx)
			if err != nil {
				return Preview{}, err
			}
			thing := gone(name, "this app has no such hunt")
			for _, h := range all.Hunts {
				if h.Name == name {
					thing = Thing{
						Name: h.Name,
						Why:  h.Description,
						Is:   "runs by itself: " + h.Schedule,
						Then: "its query is asked once",
					}
				}
			}
			return Preview{
				Says: "The query is asked now, and its rows are shown. They are neither recorded nor mailed nor " +
					"answered.",
				Things: []Thing{thing},
				Unit:   "hunt",
				Kept:   []string{"hunt"},
				Inputs: []Input{{
					Name:  "since",
					Label: "Look back",
					Says:  "Such as 90m, 24h, 7d or a time; empty: the hunt's own timespan.",
				}},
			}, nil
		},
		Do: func(ctx context.Context, desk operate.Desk, by wire.Order, asked url.Values) (Outcome, error) {
			rows, err := desk.RunHunt(ctx, wire.HuntOrder{
				Order: by,
				Hunt:  asked.Get("hunt"),
				Since: asked.Get("since"),
			})
			return Outcome{Rows: &rows}, err
		},
	}
}
