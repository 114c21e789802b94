package backtest

import (
	"slices"
	"strings"
	"time"
)

// days counts machines by day, each once a day.
type days struct {
	of   map[string]*day
	done map[uint64]bool // every machine that would be reached
	all  map[uint64]bool // the same with those that are only observed
}

type day struct {
	Day
	done, all map[uint64]bool
}

func newDays() *days {
	return &days{
		of:   map[string]*day{},
		done: map[uint64]bool{},
		all:  map[uint64]bool{},
	}
}

func (d *days) at(m move) *day {
	name := time.Unix(m.at, 0).UTC().Format(time.DateOnly)
	found := d.of[name]
	if found == nil {
		found = &day{
			Day:  Day{Day: name},
			done: map[uint64]bool{},
			all:  map[uint64]bool{},
		}
		d.of[name] = found
	}
	return found
}

// add counts the machine of a move.
func (d *days) add(m move) {
	day := d.at(m)
	d.all[m.machine] = true
	day.all[m.machine] = true
	if !m.observed {
		d.done[m.machine] = true
		day.done[m.machine] = true
	}
}

// hold counts that a cap holds a move. observed: this is so if what is observed were done as well.
func (d *days) hold(m move, observed bool, by string) {
	day := d.at(m)
	if observed {
		day.HeldWithObserved++
	} else {
		day.Held++
	}
	if len(day.By) < mostReasons && !slices.Contains(day.By, by) {
		day.By = append(day.By, by)
	}
}

func (d *days) sorted() []Day {
	var all []Day
	for _, one := range d.of {
		one.Machines = len(one.done)
		one.WithObserved = len(one.all)
		all = append(all, one.Day)
	}
	slices.SortFunc(all, func(x, y Day) int { return strings.Compare(x.Day, y.Day) })
	return all
}
