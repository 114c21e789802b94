// Package tally counts the runs of each day by rule and outcome, and of each hour, on a timer. A day is counted again
// while its runs may still change, and whenever somebody takes its count away.
//
// Neighbours: handler/ledger/lists has the runs, handler/ledger/tallies keeps the counts.
package tally

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/switches"
	"cordon/handler/ledger/tallies"
	"cordon/handler/schedule"
)

// Days is how many days back are counted again each day: what is held or waits may end weeks later.
const Days = 30

// mark is the ledger's mark of the counts: when today was counted last, and in its note how far the round of this day
// has come, and how many pages that was.
const mark = "tally"

// most is how often today and yesterday are counted at least.
const most = 15 * time.Minute

// Tally counts runs. All fields are required.
type Tally struct {
	Lists    *lists.Store
	Tallies  *tallies.Store
	Switches *switches.Store
	Now      func() time.Time
	Tick     time.Duration // the longest pause between two calls of Keep
}

// Keep counts what is due: today and yesterday again after as many minutes as they have pages, 15 at most, and one
// earlier day a call until all of Days were counted today. A repeat is harmless.
func (t *Tally) Keep(ctx context.Context) error {
	was, err := t.Switches.Mark(ctx, mark)
	if err != nil {
		return err
	}
	now := t.Now().UTC()
	round, back, pages := "", 1, 0
	today := now.Format(time.DateOnly)
	if _, err := fmt.Sscanf(was.Note, "%s %d %d", &round, &back, &pages); err != nil || round != today {
		back = 1
		was.At = time.Time{}
	}
	ripe := schedule.Ripe(was.At, now, pause(pages), t.Tick)
	if !ripe && back >= Days {
		return nil
	}
	if ripe {
		was.At = now
		pages, err = t.countLatest(ctx, now)
	}
	if err == nil && back < Days {
		back++
		_, err = t.count(ctx, now.AddDate(0, 0, -back))
	}
	if err != nil {
		return err
	}
	return t.Switches.SetMark(ctx, mark, was.At, fmt.Sprintf("%s %d %d", today, back, pages))
}

// pause is after which time so many pages are read again.
func pause(pages int) time.Duration {
	return min(most, time.Duration(pages)*time.Minute)
}

// countLatest counts today and yesterday. It says how many pages that were.
func (t *Tally) countLatest(ctx context.Context, now time.Time) (pages int, err error) {
	pages, err = t.count(ctx, now)
	if err != nil {
		return pages, err
	}
	before, err := t.count(ctx, now.AddDate(0, 0, -1))
	return pages + before, err
}

// pageRuns is how many runs a call reads.
const pageRuns = 999

// count counts the runs that were observed on the UTC day of a moment. It says in how many pages they were read.
func (t *Tally) count(ctx context.Context, at time.Time) (pages int, err error) {
	begun := t.Now() // what comes while it is counted may not be in it
	from := at.UTC().Truncate(24 * time.Hour)
	q := lists.Query{
		Since: from,
		Until: from.AddDate(0, 0, 1),
		Limit: pageRuns,
	}
	sums := map[tallies.Count]int{}
	var counted tallies.Counted
	for {
		page, next, err := t.Lists.Page(ctx, q)
		if err != nil {
			return pages, err
		}
		pages++
		for _, e := range page {
			counted.Runs++
			for _, kind := range kindsOf(e) {
				sums[kind]++
			}
			addTo(&counted.Hours[e.ObservedAt.UTC().Hour()], e)
		}
		if q.After = next; next == "" {
			break
		}
	}
	for kind, n := range sums {
		kind.Runs = n
		counted.Counts = append(counted.Counts, kind)
	}
	slices.SortFunc(counted.Counts, func(a, b tallies.Count) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Mode, b.Mode), cmp.Compare(a.Outcome, b.Outcome))
	})
	return pages, t.Tallies.Put(ctx, from, counted, begun)
}

// addTo counts a run in its hour.
func addTo(hour *tallies.Hour, e lists.Entry) {
	hour.Add(lists.Each(e.Outcome))
	if !e.IsolatedAt.IsZero() {
		hour.Isolated(e.IsolatedAt.Sub(e.ObservedAt))
	}
}

// kindsOf are what a run counts as: each of its rules with each of its outcomes.
func kindsOf(e lists.Entry) (kinds []tallies.Count) {
	rules, outcomes := lists.Each(e.Rule), lists.Each(e.Outcome)
	if len(rules) == 0 {
		rules = []string{""}
	}
	if len(outcomes) == 0 {
		outcomes = []string{""}
	}
	for _, rule := range rules {
		for _, outcome := range outcomes {
			kinds = append(kinds, tallies.Count{
				Rule:    rule,
				Mode:    e.Mode,
				Outcome: outcome,
			})
		}
	}
	return kinds
}
