package orders

import (
	"context"
	"net/url"
	"strings"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

func release() Order {
	return Order{
		Name:   "release",
		Title:  "Release machines",
		Button: "Release",
		Look: func(ctx context.Context, desk operate.Desk, asked url.Values) (Preview, error) {
			ids, err := list(asked, "machine")
			if err != nil {
				return Preview{}, err
			}
			isolated, err := desk.Isolated(ctx)
			if err != nil {
				return Preview{}, err
			}
			p := Preview{
				Says: "Defender is asked to take these machines back into the network. It may take minutes; Cordon says " +
					"released only when Defender does. Alerts that come later may isolate them again.",
				Kept: []string{"machine"},
			}
			for _, id := range ids {
				p.Things = append(p.Things, released(id, isolated.Machines))
			}
			return p, nil
		},
		Do: func(ctx context.Context, desk operate.Desk, by wire.Order, asked url.Values) (Outcome, error) {
			ids, err := list(asked, "machine")
			if err != nil {
				return Outcome{}, err
			}
			return journalled(desk.Release(ctx, wire.ReleaseOrder{Order: by, Machines: ids}))
		},
	}
}

func released(id string, isolated []wire.Isolation) Thing {
	for _, m := range isolated {
		if !strings.EqualFold(m.MachineID, id) {
			continue
		}
		return Thing{
			ID:   m.MachineID,
			Name: m.MachineName,
			Link: "/api/console/machine?machine=" + url.QueryEscape(m.MachineID),
			Is:   m.API,
			Why:  m.Title,
			Then: "released",
			Not:  m.Obstacle,
		}
	}
	return gone(id, "it is not isolated")
}
