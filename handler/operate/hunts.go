package operate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cordon/handler/desk"
	"cordon/handler/hunt"
	"cordon/handler/ledger/journal"
	"cordon/handler/operate/wire"
)

// What one answer holds of rows. JSON may double the bytes, and a client reads 8 MiB of an answer.
const (
	rowsMost  = 5000
	cellsMost = 3 << 20 // bytes
)

// Hunts implements Desk.
func (p *person) Hunts(ctx context.Context) (wire.Hunts, error) {
	all := wire.Hunts{Hunts: []wire.Hunt{}}
	if p.office.Catalogue == nil || p.office.Hunts == nil {
		return all, notHere("hunts")
	}
	for _, h := range p.office.Catalogue.Hunts() {
		state, err := p.office.Hunts.Of(ctx, h.Name)
		if err != nil {
			return all, problem(err)
		}
		next := state.Due
		if next.IsZero() || state.Spec != h.Spec {
			next = h.Next(p.office.Now())
		}
		all.Hunts = append(all.Hunts, wire.Hunt{
			Name:        h.Name,
			Description: h.Description,
			Schedule:    h.Spec,
			Do:          string(h.Do),
			Last:        state.RanAt,
			Next:        next,
			Rows:        state.Rows,
			New:         state.New,
			Trouble:     state.Trouble,
		})
	}
	return all, nil
}

// RunHunt implements Desk.
func (p *person) RunHunt(ctx context.Context, o wire.HuntOrder) (wire.HuntRows, error) {
	c, err := p.command(o.Order)
	if err != nil {
		return wire.HuntRows{}, err
	}
	if p.office.Catalogue == nil || p.office.Hunting == nil {
		return wire.HuntRows{}, notHere("hunts")
	}
	h, known := p.office.Catalogue.Find(o.Hunt)
	if !known {
		return wire.HuntRows{}, wire.NewProblem(http.StatusNotFound, "no_hunt",
			fmt.Sprintf("there is no hunt %.60q; see cordon hunt list", o.Hunt))
	}
	now := p.office.Now().UTC().Truncate(time.Second)
	since, err := from(now, h, o.Since)
	if err != nil {
		return wire.HuntRows{}, wrong("since", shown(err))
	}
	query, err := h.Query(since, o.Params)
	if err != nil {
		return wire.HuntRows{}, wrong("params", shown(err))
	}
	rows := wire.HuntRows{
		Hunt:  h.Name,
		Since: since,
		Until: now,
		Rows:  [][]string{},
	}
	outcomes, err := p.office.Desk.Carry(ctx, desk.VerbHunt, c, []desk.Task{{
		Object: h.Name,
		Do: func(ctx context.Context, _ desk.Command) (desk.Did, error) {
			table, err := p.office.Hunting.Hunt(ctx, query, since, now)
			if err != nil {
				return desk.Did{}, err
			}
			fill(&rows, table)
			return desk.Did{Text: fmt.Sprintf("%d rows", len(table.Rows))}, nil
		},
	}})
	if err != nil {
		return wire.HuntRows{}, problem(err)
	}
	return rows, huntEnded(outcomes[0])
}

func fill(rows *wire.HuntRows, table hunt.Table) {
	for _, c := range table.Columns {
		rows.Columns = append(rows.Columns, c.Name)
	}
	held := 0
	for _, row := range table.Rows[:min(len(table.Rows), rowsMost)] {
		for _, cell := range row {
			held += len(cell)
		}
		if held > cellsMost {
			break
		}
		rows.Rows = append(rows.Rows, row)
	}
	rows.Cut = len(rows.Rows) < len(table.Rows) || len(table.Rows) >= hunt.MaxRows
}

// huntEnded is an error if a query gave no rows because it was not asked, or met trouble.
func huntEnded(o desk.Outcome) error {
	switch {
	case o.Before:
		return wire.NewProblem(http.StatusConflict, "repeated",
			"this order was given before, and its rows are not kept; make a new one to ask again")
	case o.State != journal.Done:
		return wire.NewProblem(http.StatusBadGateway, "hunt", o.Result)
	}
	return nil
}

// from is the beginning of the time that a query is about.
func from(now time.Time, h *hunt.Hunt, said string) (time.Time, error) {
	since := now.Add(-h.Timespan)
	if said != "" {
		var err error
		since, err = hunt.Since(now, said)
		if err != nil {
			return since, fmt.Errorf("since: %w", err)
		}
	}
	if !since.Before(now) || now.Sub(since) > hunt.MaxLookBack {
		return since, errors.New("since: Defender's tables hold 30 days, and nothing of the future")
	}
	return since, nil
}
