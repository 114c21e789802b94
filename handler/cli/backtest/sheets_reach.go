package backtest

import (
	"fmt"
	"slices"
	"strings"

	"cordon/handler/backtest"
)

// reach are the machines against the caps.
func reach(r backtest.Report) sheet {
	s := sheet{
		title:   "Machines against the caps",
		heading: []string{"STEP", "DAY (UTC)", "MACHINES", "HELD", "ALL", "HELD OF ALL"},
	}
	for _, kind := range r.Reach {
		s.lines = append(s.lines, say(fmt.Sprintf("%s: %s machines, %s with what is only observed; cap %s", kind.Kind,
			number(kind.Machines), number(kind.WithObserved), strings.Join(kind.Caps, "; "))))
		s.rows = append(s.rows, daysOf(kind)...)
	}
	s.lines = append(s.lines,
		say("held: runs that a cap would hold; all, held of all: with what is only observed too"),
		say("only days on which a cap would hold something, and of each step the day with most machines"))
	return s
}

// daysOf are the days of a kind of step that matter.
func daysOf(kind backtest.Reach) (rows []row) {
	most := slices.MaxFunc(kind.Days, func(a, b backtest.Day) int { return a.WithObserved - b.WithObserved })
	for _, day := range kind.Days {
		matters := day.Held+day.HeldWithObserved > 0 || day.Day == most.Day
		if !matters || len(rows) >= mostDaysOut {
			continue
		}
		r := row{cells: []line{
			say(string(kind.Kind)),
			say(day.Day),
			say(number(day.Machines)),
			say(number(day.Held)),
			say(number(day.WithObserved)),
			say(number(day.HeldWithObserved)),
		}}
		for _, by := range day.By {
			r.below = append(r.below, say("held by the cap %", by))
		}
		rows = append(rows, r)
	}
	return rows
}

// observe is what rules would do that only observe.
func observe(r backtest.Report) sheet {
	s := sheet{
		title:   "What is only observed",
		heading: []string{"RULE", "STEP", "RUNS", "MACHINES", "MOST A DAY", "ON"},
		cut:     []int{0, 1},
	}
	for i, o := range r.Observe {
		if i == mostOthers {
			s.lines = append(s.lines, say(number(len(r.Observe)-i)+" more are left out here; --json has them"))
			break
		}
		s.rows = append(s.rows, row{cells: []line{
			say("%", o.Rule),
			say("%", o.Step),
			say(number(o.Runs)),
			say(number(o.Machines)),
			say(number(o.Most)),
			say(o.On),
		}})
	}
	return s
}

// unknown is what the record does not say.
func unknown(r backtest.Report) sheet {
	s := sheet{
		title:   "What cannot be known from the record",
		heading: []string{"RUNS", "WHAT", "SUCH AS"},
		cut:     []int{1, 2},
	}
	for i, u := range r.Unknown {
		if i == mostOthers {
			s.lines = append(s.lines, say(number(len(r.Unknown)-i)+" more are left out here; --json has them"))
			break
		}
		s.rows = append(s.rows, row{cells: []line{
			say(number(u.Runs)),
			say("%", u.What),
			say("%", u.Example),
		}})
	}
	return s
}

// notes are what has to be known to read the rest.
func notes(t tried) sheet {
	s := sheet{title: "To be kept in mind"}
	for _, note := range t.NotKnown {
		s.lines = append(s.lines, say(note))
	}
	add := func(n int, format string) {
		if n > 0 {
			s.lines = append(s.lines, say(fmt.Sprintf(format, number(n))))
		}
	}
	add(t.UnderObserve, "When %s runs were decided, observe was the highest mode: no playbook acts on them. What "+
		"would be done counts as observed; --mode enforce tries it.")
	if t.Source == fromRecord {
		add(t.RailsUnread, "About %s runs that would be acted on nothing was to be done then, so it was not looked up "+
			"whether acting was paused, and whether the alert is older than the ledger.")
	}
	add(t.More, "Changes of %s runs are not told apart here: there are too many kinds of them.")
	add(t.Uncounted, "%s machine actions are not counted against the caps: there are too many of them.")
	return s
}
