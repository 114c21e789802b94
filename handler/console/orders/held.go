package orders

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// holding is an order about what rails hold.
func holding(
	c chosen,
	then string,
	do func(operate.Desk, context.Context, wire.HeldOrder) (wire.Results, error),
) Order {
	c.unit = "alert"
	c.key = "alert"
	return c.with(
		func(ctx context.Context, desk operate.Desk, ids []string, _ url.Values) (things []Thing, err error) {
			held, err := desk.Held(ctx)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				things = append(things, heldThing(id, held.Held, c.Name, then))
			}
			return things, nil
		},
		func(
			ctx context.Context, desk operate.Desk, by wire.Order, ids []string, _ url.Values,
		) (wire.Results, error) {
			return do(desk, ctx, wire.HeldOrder{Order: by, Alerts: ids})
		},
	)
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
		On:   h.MachineID,
		Link: "/api/console/run?run=" + url.QueryEscape(alert.RunID(h.AlertID, h.Version)),
		Is:   "held: " + h.Reason,
		Why:  h.Title,
		Then: strings.Join(steps, ", ") + ": " + then,
	}
	if name == "continue" {
		t.Not = h.Over
	}
	return t
}
