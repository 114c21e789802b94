package console

import (
	"context"
	"maps"
	"slices"
	"time"

	"cordon/handler/operate/wire"
)

// pausePage is what the page of pauses is given.
type pausePage struct {
	wire.Pause
	Past []wire.Entry // what people did about it, as far as the newest of the journal show it
	May  bool
}

// pastShown is how many entries of the journal are looked through for what people did about pauses.
const pastShown = 200

func pauses(ctx context.Context, v visit) (shown, error) {
	is, err := v.desk.Pause(ctx)
	if err != nil {
		return shown{}, err
	}
	past, err := v.desk.Journal(ctx, wire.JournalAsked{Limit: pastShown})
	p := pausePage{Pause: is, May: v.may()}
	for _, e := range past.Entries {
		if e.Verb == "pause" || e.Verb == "resume" {
			p.Past = append(p.Past, e)
		}
	}
	return shown{page: p}, err
}

// healthPage is what the page of health is given.
type healthPage struct {
	wire.Health
	Timers []timer
	Queues []count
	Open   []count // runs that are not over, by state
}

// timer is a function on a timer.
type timer struct {
	Name string
	Last time.Time // when it last succeeded; zero: never
	Due  time.Time // when it is first due; zero: it has run
}

// count is how many there are of something, as health says it.
type count struct{ What, Many string }

func health(ctx context.Context, v visit) (shown, error) {
	is, err := v.desk.Health(ctx)
	p := healthPage{
		Health: is,
		Queues: counts(is.Queues),
		Open:   counts(is.Runs),
	}
	for _, name := range slices.Sorted(maps.Keys(is.LastSuccess)) {
		p.Timers = append(p.Timers, timer{Name: name, Last: is.LastSuccess[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(is.Starting)) {
		p.Timers = append(p.Timers, timer{Name: name, Due: is.Starting[name]})
	}
	return shown{page: p}, err
}

func counts(of map[string]string) (all []count) {
	for _, what := range slices.Sorted(maps.Keys(of)) {
		all = append(all, count{What: what, Many: of[what]})
	}
	return all
}

func doctor(ctx context.Context, v visit) (shown, error) {
	is, err := v.desk.Doctor(ctx)
	return shown{page: is}, err
}

// rulesPage is what the page of rules is given.
type rulesPage struct {
	wire.Playbook
	Rules   []ruleShown
	Counted time.Time // when the counts were made; zero: never
	Trouble string    // why there are no counts; empty: there are
}

// ruleShown is a rule with how its runs of 30 days ended.
type ruleShown struct {
	wire.Rule
	Ends []ending
}

// ending is how many runs ended in one way. A run with several outcomes counts in several.
type ending struct {
	Outcome string // empty: it is not over
	Runs    int
}

func rules(ctx context.Context, v visit) (shown, error) {
	var counted part[wire.Counts]
	book, err := v.desk.Playbook(ctx)
	if err != nil {
		return shown{}, err
	}
	into(&counted, func() (wire.Counts, error) { return v.desk.Counts(ctx, 0) })()
	p := rulesPage{
		Playbook: book,
		Counted:  counted.Is.Counted,
		Trouble:  counted.Trouble,
	}
	for _, rule := range book.Rules {
		p.Rules = append(p.Rules, ruleShown{Rule: rule, Ends: endings(counted.Is.Counts, rule.Name)})
	}
	return shown{page: p}, nil
}

// endings are how the runs of a rule ended, whatever mode they were decided in, the most first.
func endings(all []wire.Count, rule string) (ends []ending) {
	sums := map[string]int{}
	for _, c := range all {
		if c.Rule == rule {
			sums[c.Outcome] += c.Runs
		}
	}
	for _, outcome := range slices.Sorted(maps.Keys(sums)) {
		ends = append(ends, ending{Outcome: outcome, Runs: sums[outcome]})
	}
	slices.SortStableFunc(ends, func(a, b ending) int { return b.Runs - a.Runs })
	return ends
}
