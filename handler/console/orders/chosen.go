package orders

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cordon/handler/operate"
	"cordon/handler/operate/wire"
)

// chosen is an order about things that a person chose.
type chosen struct {
	Order          // all but what it looks at and does
	says  string   // what happens to each
	unit  string   // what one is called
	key   string   // name of their ids among what is asked
	kept  []string // what else says what it is about
	most  int      // how many at once; 0: as many as any order
}

// most is how many things one order is about at most.
const most = 100

// looking is what would happen to each of some things.
type looking func(ctx context.Context, desk operate.Desk, ids []string, asked url.Values) ([]Thing, error)

// doing carries an order about some things out. The journal says what became of it.
type doing func(
	ctx context.Context, desk operate.Desk, by wire.Order, ids []string, asked url.Values,
) (wire.Results, error)

// with is the order that looks and does so.
func (c chosen) with(look looking, do doing) Order {
	o := c.Order
	o.Look = func(ctx context.Context, desk operate.Desk, asked url.Values) (Preview, error) {
		ids, err := c.ids(asked)
		if err != nil {
			return Preview{}, err
		}
		things, err := look(ctx, desk, ids, asked)
		return Preview{
			Says:   c.says,
			Unit:   c.unit,
			Things: things,
			Kept:   append([]string{c.key}, c.kept...),
			Key:    c.key,
		}, err
	}
	o.Do = func(ctx context.Context, desk operate.Desk, by wire.Order, asked url.Values) (Outcome, error) {
		ids, err := c.ids(asked)
		if err != nil {
			return Outcome{}, err
		}
		became, err := do(ctx, desk, by, ids, asked)
		if err != nil || journalled(ctx, desk, became) {
			return Outcome{}, err
		}
		return Outcome{Results: &became}, nil
	}
	return o
}

// journalled reports whether the journal says what became of everything. What could not be written down is not in it.
func journalled(ctx context.Context, desk operate.Desk, became wire.Results) bool {
	done := func(r wire.Result) bool { return r.Done }
	if all(became.Results, done) {
		return true
	}
	said, err := desk.Journal(ctx, wire.JournalAsked{Command: became.Command, Limit: 2 * most})
	return err == nil && all(became.Results, func(r wire.Result) bool {
		return slices.ContainsFunc(said.Entries, func(e wire.Entry) bool { return e.Object == r.Object })
	})
}

func all(results []wire.Result, holds func(wire.Result) bool) bool {
	return !slices.ContainsFunc(results, func(r wire.Result) bool { return !holds(r) })
}

// ids are what was chosen, each once. The Functions host joins the values of a query by commas, which no id has.
func (c chosen) ids(asked url.Values) ([]string, error) {
	var all []string
	for _, joined := range asked[c.key] {
		for one := range strings.SplitSeq(joined, ",") {
			one = strings.TrimSpace(one)
			if one != "" && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	limit := most
	if c.most > 0 {
		limit = c.most
	}
	switch {
	case len(all) == 0:
		return nil, wire.NewProblem(http.StatusBadRequest, "nothing_chosen", "nothing was chosen; go back and choose")
	case len(all) > limit:
		return nil, wire.NewProblem(http.StatusBadRequest, "too_many",
			fmt.Sprintf("at most %d at once; choose fewer", limit))
	}
	return all, nil
}

// gone is a thing that is no longer there.
func gone(id, why string) Thing {
	return Thing{
		ID:  id,
		Is:  "not there",
		Not: why,
	}
}
