package operate

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cordon/handler/archive"
	"cordon/handler/ledger/decisions"
	"cordon/handler/operate/wire"
)

// Decision implements Desk.
func (p *person) Decision(ctx context.Context, which string) (wire.Decision, error) {
	is, err := p.office.Desk.Recorded(ctx, which)
	if err != nil {
		return wire.Decision{}, problem(err)
	}
	d, kept, err := p.office.Archive.Read(ctx, is.Run)
	if err == nil && !kept {
		err = wire.NewProblem(http.StatusNotFound, "no_facts", "it is not kept what run "+is.Run.ID()+
			" was decided on: it was not decided yet, it was erased, or it is older than CORDON_FACTS_RETENTION")
	}
	return d, problem(err)
}

// Decisions implements Desk.
func (p *person) Decisions(ctx context.Context, q wire.DecisionsAsked) (wire.Decisions, error) {
	limit := cmp.Or(q.Limit, archive.MostOnPage)
	if limit < 1 || limit > archive.MostOnPage {
		return wire.Decisions{}, wire.NewProblem(http.StatusBadRequest, "limit",
			fmt.Sprintf("limit is out of bounds: expected 1 to %d", archive.MostOnPage))
	}
	page, next, err := p.office.Archive.Page(ctx, decisions.Query{
		Since: q.Since,
		Until: q.Until,
		After: q.After,
		Limit: limit,
	})
	return wire.Decisions{Decisions: page, Next: next}, problem(err)
}

func tellDecision(r *http.Request, d Desk) (reply, error) {
	body, err := d.Decision(r.Context(), r.URL.Query().Get("run"))
	return reply{body: body}, err
}

func tellDecisions(r *http.Request, d Desk) (reply, error) {
	query := r.URL.Query()
	limit, err := number(r, "limit")
	if err != nil {
		return reply{}, err
	}
	asked := wire.DecisionsAsked{Limit: int(limit), After: query.Get("after")}
	asked.Since, err = moment(query, "since")
	if err != nil {
		return reply{}, err
	}
	asked.Until, err = moment(query, "until")
	if err != nil {
		return reply{}, err
	}
	body, err := d.Decisions(r.Context(), asked)
	return reply{body: body}, err
}

// moment is a time in the query; zero: it is left out.
func moment(query url.Values, name string) (time.Time, error) {
	said := query.Get(name)
	if said == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, said)
	if err != nil {
		return time.Time{}, wire.NewProblem(http.StatusBadRequest, "query",
			fmt.Sprintf("%s: %.40q is no time; such as 2026-03-02T12:00:00Z", name, said))
	}
	return at, nil
}
