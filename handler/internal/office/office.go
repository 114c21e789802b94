// Package office has the operator API over a world, for tests of what stands in front of it.
package office

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"cordon/handler/deadletter"
	"cordon/handler/desk/post"
	"cordon/handler/doctor"
	"cordon/handler/hunt"
	"cordon/handler/internal/world"
	"cordon/handler/operate"
	"cordon/handler/operate/wire"
	"cordon/handler/playbook/deployed"
)

// New is the operator API over a world: one dead letter, one hunt, and health as of an app that has just begun.
func New(t *testing.T, w *world.World) *operate.Office {
	t.Helper()
	p := w.Start(-1, false)
	d, _ := w.Desk()
	return &operate.Office{
		Desk:      d,
		Tenant:    world.Tenant,
		Version:   "test",
		Letters:   Aside{},
		Hunting:   rowsOf{},
		Notices:   p.Ledger.Notices,
		Hunts:     p.Ledger.Hunts,
		Post:      &post.Office{Desk: d, Queue: noQueue{}},
		History:   w.History(p),
		Eraser:    w.Eraser(p),
		Catalogue: Catalogue(t),
		Doctor: func(context.Context) ([]doctor.Finding, error) {
			return []doctor.Finding{{Check: "tables", State: doctor.OK, Seen: "written"}}, nil
		},
		Playbook: func() (wire.Playbook, error) {
			return deployed.Describe(w.Book, deployed.Settings{}), nil
		},
		Health: func(context.Context) wire.Health {
			return wire.Health{
				LastSuccess: map[string]time.Time{},
				Runs:        map[string]string{},
				Queues:      map[string]string{},
			}
		},
		Now: w.Clock,
	}
}

// noQueue is a queue of notices that takes all.
type noQueue struct{}

func (noQueue) SendNotice(context.Context, string, []byte, time.Time) error { return nil }

// Aside is a queue with one dead letter.
type Aside struct{}

func (Aside) Letters(context.Context, string, int) ([]deadletter.Letter, bool, error) {
	return []deadletter.Letter{{Number: 17, ID: "x", Body: []byte("no message")}}, false, nil
}

func (Aside) LettersAt(_ context.Context, _ string, numbers ...int64) (map[int64]deadletter.Letter, error) {
	found := map[int64]deadletter.Letter{}
	for _, n := range numbers {
		if n == 17 {
			found[n] = deadletter.Letter{Number: n, Body: []byte("no message")}
		}
	}
	return found, nil
}

func (Aside) Replay(
	_ context.Context,
	_ string,
	numbers []int64,
	again func(deadletter.Letter) (deadletter.Copy, error),
) ([]deadletter.Taken, error) {
	var all []deadletter.Taken
	for _, n := range numbers {
		_, err := again(deadletter.Letter{Number: n, Body: []byte("no message")})
		all = append(all, deadletter.Taken{Number: n, Done: err == nil, Text: "refused: cannot be read"})
	}
	return all, nil
}

func (Aside) Drop(_ context.Context, _ string, numbers []int64) ([]deadletter.Taken, error) {
	var all []deadletter.Taken
	for _, n := range numbers {
		all = append(all, deadletter.Taken{Number: n, Done: n == 17, Text: "dropped"})
	}
	return all, nil
}

// rowsOf answers every query.
type rowsOf struct{}

func (rowsOf) Hunt(context.Context, string, time.Time, time.Time) (hunt.Table, error) {
	return hunt.Table{
		Columns: []hunt.Column{{Name: "DeviceName", Type: "String"}},
		Rows:    [][]string{{"ws-1"}},
	}, nil
}

// Catalogue has one hunt.
func Catalogue(t *testing.T) *hunt.Catalogue {
	t.Helper()
	c, err := hunt.Load(fstest.MapFS{"tools.kql": {Data: []byte("// name: tools\n// schedule: 0 10 * * * *\n" +
		"// timespan: 2h\n// do: mail\n\nDeviceInfo | where Timestamp >= {{since}} | project DeviceName\n")}}, "hunts")
	if err != nil {
		t.Fatal(err)
	}
	return c
}
