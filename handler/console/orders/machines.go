package orders

import (
	"context"
	"net/url"
	"strings"
	"time"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

func release() Order {
	c := chosen{
		Order: Order{
			Name:   "release",
			Title:  "Release machines",
			Button: "Release",
		},
		says: "Defender is asked to take these machines back into the network. It may take minutes; Cordon says " +
			"released only when Defender does. Alerts that come later may isolate them again.",
		unit: "machine",
		key:  "machine",
	}
	return c.with(
		func(ctx context.Context, desk operate.Desk, ids []string, _ url.Values) (things []Thing, err error) {
			isolated, err := desk.Isolated(ctx)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				things = append(things, released(id, isolated.Machines))
			}
			return things, nil
		},
		func(
			ctx context.Context, desk operate.Desk, by wire.Order, ids []string, _ url.Values,
		) (wire.Results, error) {
			return desk.Release(ctx, wire.ReleaseOrder{Order: by, Machines: ids})
		},
	)
}

func released(id string, isolated []wire.Isolation) Thing {
	for _, m := range isolated {
		if !strings.EqualFold(m.MachineID, id) {
			continue
		}
		is := m.State
		if !m.Since.IsZero() {
			is += " since " + m.Since.UTC().Format(time.RFC3339)
		}
		return Thing{
			ID:   m.MachineID,
			Name: m.MachineName,
			Link: "/api/console/machine?machine=" + url.QueryEscape(m.MachineID),
			Is:   is,
			Why:  m.Title,
			Then: "released",
			Not:  m.Obstacle,
		}
	}
	return gone(id, "it is not isolated")
}

func cancel() Order {
	return Order{
		Name:   "cancel",
		Title:  "Cancel a machine action",
		Button: "Cancel it",
		Look: func(ctx context.Context, desk operate.Desk, asked url.Values) (Preview, error) {
			which, id := asked.Get("machine"), asked.Get("action")
			m, err := desk.Machine(ctx, which)
			if err != nil {
				return Preview{}, err
			}
			thing := gone(id, "Defender lists no such action of this machine")
			for _, a := range m.Actions {
				if a.ID == id {
					thing = cancelled(m, a)
				}
			}
			return Preview{
				Says: "Defender is asked to give the action up. It refuses where the machine has begun with it: look " +
					"at the machine afterwards.",
				Things: []Thing{thing},
				Unit:   "action",
				Kept:   []string{"machine", "action"},
			}, nil
		},
		Do: func(ctx context.Context, desk operate.Desk, by wire.Order, asked url.Values) (Outcome, error) {
			_, err := desk.Cancel(ctx, wire.CancelOrder{Order: by, Action: asked.Get("action")})
			return Outcome{}, err
		},
	}
}

func cancelled(m wire.Machine, a wire.MachineAction) Thing {
	t := Thing{
		ID:   a.ID,
		Name: a.Type + " of " + m.Name,
		Link: "/api/console/machine?machine=" + url.QueryEscape(m.ID),
		Is:   a.Status,
		Why:  a.Comment,
		Then: "cancelled",
	}
	if !a.Open() {
		t.Not = "it is over"
	}
	return t
}

func erase() Order {
	return Order{
		Name:   "erase",
		Title:  "Erase facts",
		Button: "Erase",
		Look: func(_ context.Context, _ operate.Desk, asked url.Values) (Preview, error) {
			p := Preview{
				Says: "What runs were decided on is erased where it is about this machine, or names this person: for " +
					"a person's right to be forgotten. It cannot be brought back. Decisions and outcomes stay.",
				Unit: "machine",
				Kept: []string{"machine", "after"},
			}
			if asked.Get("machine") == "" {
				p.Inputs = []Input{{
					Name:  "user",
					Label: "Person",
					Says:  "A name, an address or a SID, as facts may have it; 3 characters at least.",
				}}
				return p, nil
			}
			p.Things = []Thing{{
				ID:   asked.Get("machine"),
				Is:   "facts of its runs are kept",
				Then: "erased",
			}}
			return p, nil
		},
		Do: func(ctx context.Context, desk operate.Desk, by wire.Order, asked url.Values) (Outcome, error) {
			done, err := desk.Erase(ctx, wire.EraseOrder{
				Order:   by,
				Machine: asked.Get("machine"),
				User:    asked.Get("user"),
				After:   asked.Get("after"),
			})
			return Outcome{Erased: &done}, err
		},
	}
}
