package history

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cordon/handler/ledger/tallies"
)

// Counts is how many runs ended how, over some days.
type Counts struct {
	Days   []tallies.Day   // those that were counted, oldest first
	Counts []tallies.Count // of all these days together, by rule, mode and outcome
	Runs   int             // of all these days, each once
}

// Count counts the runs of the last days, today among them, by one query. What changed in the last hour, and in older
// days since they were counted last, is not in it yet.
func (h *History) Count(ctx context.Context, days int) (Counts, error) {
	from := h.Now().UTC().AddDate(0, 0, 1-days)
	found, err := h.Tallies.Since(ctx, from)
	if err != nil {
		return Counts{}, err
	}
	all := Counts{Days: found}
	sums := map[tallies.Count]int{}
	for _, day := range found {
		counts, err := day.Counts()
		if err != nil {
			return Counts{}, err
		}
		all.Runs += day.Runs
		for _, c := range counts {
			n := c.Runs
			c.Runs = 0
			sums[c] += n
		}
	}
	for kind, n := range sums {
		kind.Runs = n
		all.Counts = append(all.Counts, kind)
	}
	slices.SortFunc(all.Counts, func(a, b tallies.Count) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Mode, b.Mode), cmp.Compare(b.Runs, a.Runs),
			cmp.Compare(a.Outcome, b.Outcome))
	})
	return all, nil
}

// MadeAt is when the newest of the days was counted; zero: none was.
func (c Counts) MadeAt() time.Time {
	if len(c.Days) == 0 {
		return time.Time{}
	}
	return c.Days[len(c.Days)-1].MadeAt
}
