package operate

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"cordon/handler/archive"
	"cordon/handler/ledger/decisions"
	"cordon/handler/operate/wire"
)

// Decision implements Desk.
func (p *person) Decision(ctx context.Context, which string) (wire.Decision, error) {
	is, err := p.office.History.Show(ctx, which)
	if err != nil {
		return wire.Decision{}, problem(err)
	}
	if is.Decision == nil {
		return wire.Decision{}, wire.NewProblem(http.StatusNotFound, "no_facts", "it is not kept what run "+
			is.Run.ID()+" was decided on: it was not decided yet, it was erased, or it is older than "+
			"CORDON_FACTS_RETENTION")
	}
	return *is.Decision, nil
}

// Decisions implements Desk.
func (p *person) Decisions(ctx context.Context, q wire.DecisionsAsked) (wire.Decisions, error) {
	limit := cmp.Or(q.Limit, archive.MostOnPage)
	if limit < 1 || limit > archive.MostOnPage {
		return wire.Decisions{}, wire.NewProblem(http.StatusBadRequest, "limit",
			fmt.Sprintf("limit is out of bounds: expected 1 to %d", archive.MostOnPage))
	}
	page, next, err := p.office.History.Archive.Page(ctx, decisions.Query{
		Since: q.Since,
		Until: q.Until,
		After: q.After,
		Limit: limit,
	})
	return wire.Decisions{Decisions: page, Next: next}, problem(err)
}
