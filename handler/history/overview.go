package history

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"cordon/handler/ledger/backlog"
	"cordon/handler/ledger/lists"
	"cordon/handler/ledger/tallies"
)

// Overview is the last 24 hours and what is under way.
type Overview struct {
	Since    time.Time // the beginning of the first hour
	Until    time.Time // now
	Counted  time.Time // when the hours were counted last; zero: they were not
	Hours    [24]tallies.Hour
	UnderWay []Line // runs that are not over, newest first
	More     bool   // there are more under way
}

// mostUnderWay is how many of the runs that are not over are shown.
const mostUnderWay = 50

// Overview reads it by one query for the counts, one for what is not over, and a call for each run that is shown of
// that, however many runs there are.
func (h *History) Overview(ctx context.Context) (Overview, error) {
	o := Overview{Until: h.Now().UTC()}
	o.Since = o.Until.Truncate(time.Hour).Add(-23 * time.Hour)
	days, err := h.Tallies.Since(ctx, o.Since)
	if err != nil {
		return o, err
	}
	for _, day := range days {
		err := o.add(day)
		if err != nil {
			return o, err
		}
	}
	open, more, err := backlog.Newest(ctx, h.Runs, mostUnderWay)
	if err != nil {
		return o, err
	}
	entries := make([]lists.Entry, len(open))
	for i, e := range open {
		entries[i] = lists.Entry{AlertID: e.AlertID, Version: e.Version}
	}
	o.More = more
	o.UnderWay, err = h.asTheyAre(ctx, entries)
	o.UnderWay = slices.DeleteFunc(o.UnderWay, func(l Line) bool { return l.State.Final() })
	slices.SortStableFunc(o.UnderWay, func(a, b Line) int { return b.ObservedAt.Compare(a.ObservedAt) })
	return o, err
}

// add takes over the hours of a day that are among the last 24.
func (o *Overview) add(day tallies.Day) error {
	begins, err := time.Parse(time.DateOnly, day.Day)
	if err != nil {
		return err
	}
	hours, err := day.Hourly()
	for i, hour := range hours {
		at := begins.Add(time.Duration(i) * time.Hour)
		if !at.Before(o.Since) && !at.After(o.Until) {
			o.Hours[at.Sub(o.Since)/time.Hour] = hour
		}
	}
	if day.MadeAt.After(o.Counted) {
		o.Counted = day.MadeAt
	}
	return err
}

// Runs is how many were observed in the hours.
func (o Overview) Runs() int {
	runs := 0
	for _, hour := range o.Hours {
		runs += hour.Runs
	}
	return runs
}

// Ended is how many runs had an outcome.
type Ended struct {
	Outcome string // empty: they are not over
	Runs    int
}

// Outcomes is how many runs of the hours ended how, the most first.
func (o Overview) Outcomes() []Ended {
	sums := map[string]int{}
	for _, hour := range o.Hours {
		for outcome, n := range hour.Outcomes {
			sums[outcome] += n
		}
	}
	var all []Ended
	for outcome, n := range sums {
		all = append(all, Ended{Outcome: outcome, Runs: n})
	}
	slices.SortFunc(all, func(a, b Ended) int {
		return cmp.Or(cmp.Compare(b.Runs, a.Runs), cmp.Compare(a.Outcome, b.Outcome))
	})
	return all
}

// ToIsolation are the times from observed to isolated of the hours.
func (o Overview) ToIsolation() tallies.Times {
	all := tallies.Times{}
	for _, hour := range o.Hours {
		for seconds, n := range hour.Took {
			all[seconds] += n
		}
	}
	return all
}

// Within is the time within which a share of them, in percent, was done; 0 if there are none.
func Within(times tallies.Times, percent int) time.Duration {
	rank := (times.Runs()*percent + 99) / 100
	for _, seconds := range slices.Sorted(maps.Keys(times)) {
		if rank -= times[seconds]; rank <= 0 {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}
