package orders

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// holding is an order about what rails hold.
func holding(
	name, title, button, says, then string,
	do func(operate.Desk, context.Context, wire.HeldOrder) (wire.Results, error),
) Order {
	return Order{
		Name:   name,
		Title:  title,
		Button: button,
		Look: func(ctx context.Context, desk operate.Desk, asked url.Values) (Preview, error) {
			ids, err := list(asked, "alert")
			if err != nil {
				return Preview{}, err
			}
			held, err := desk.Held(ctx)
			if err != nil {
				return Preview{}, err
			}
			p := Preview{
				Says: says,
				Unit: "alert",
				Kept: []string{"alert"},
			}
			for _, id := range ids {
				p.Things = append(p.Things, heldThing(id, held.Held, name, then))
			}
			return p, nil
		},
		Do: func(ctx context.Context, desk operate.Desk, by wire.Order, asked url.Values) (Outcome, error) {
			ids, err := list(asked, "alert")
			if err != nil {
				return Outcome{}, err
			}
			return journalled(do(desk, ctx, wire.HeldOrder{Order: by, Alerts: ids}))
		},
	}
}

func heldThing(id string, held []wire.HeldEntry, name, then string) Thing {
	at := slices.IndexFunc(held, func(h wire.HeldEntry) bool { return h.AlertID == id })
	if at < 0 {
		return gone(id, "nothing is held of it any more")
	}
	h := held[at]
	var steps []string
	for _, step := range h.Steps {
		steps = append(steps, step.Step)
	}
	t := Thing{
		ID:   h.AlertID,
		Name: h.MachineName,
		Link: "/api/console/run?run=" + url.QueryEscape(h.AlertID),
		Is:   "held: " + h.Reason,
		Why:  h.Title,
		Then: strings.Join(steps, ", ") + ": " + then,
	}
	if name == "continue" {
		t.Not = h.Over
	}
	return t
}
