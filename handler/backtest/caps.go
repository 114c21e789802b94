package backtest

import (
	"fmt"
	"slices"

	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// ledger counts machines against a cap as the ledger's budget does, for one kind of step. How often the playbook's
// perMachine lets it reach one machine is left out: that goes by when the machine is released.
type ledger struct {
	cap   playbook.Cap
	lasts bool // the machine stays in a state, and a second request of a day joins the first
	names []string
	taken map[bound]taken
}

// bound is what a rate bounds: a rule, a group, or all.
type bound struct {
	what string // rule or group; empty: all
	name int32
}

// taken are the machines of the last day, each once, in the order in which they were last reached.
type taken []stamp

type stamp struct {
	at      int64
	machine uint64
}

// window is one of the sliding windows of a rate.
type window struct {
	name   string
	length int64 // in seconds
	limit  int
}

func windows(r playbook.Rate) []window {
	return []window{
		{"a minute", 60, r.PerMinute},
		{"an hour", 60 * 60, r.PerHour},
		{"a day", 24 * 60 * 60, r.PerDay},
	}
}

// limit is a bound of one move with its rate.
type limit struct {
	bound
	rate playbook.Rate
}

func (l *ledger) limits(m move) []limit {
	all := []limit{
		{bound{"rule", m.rule}, l.cap.PerRule},
		{bound{"group", m.group}, l.cap.PerGroup},
		{bound{}, l.cap.Rate},
	}
	// Rules and groups without a name of their own are not told apart.
	return slices.DeleteFunc(all, func(one limit) bool { return one.what != "" && one.name == 0 })
}

// take counts a move, or says which cap holds it. Moves come in the order of their times.
func (l *ledger) take(m move) (by string) {
	all := l.limits(m)
	if l.lasts && l.taken[bound{}].since(m.at-dayLength).has(m.machine) {
		return ""
	}
	for _, one := range all {
		for _, w := range windows(one.rate) {
			there := l.taken[one.bound].since(m.at - w.length)
			if w.limit > 0 && len(there) >= w.limit && !there.has(m.machine) {
				return l.words(one.bound, w)
			}
		}
	}
	for _, one := range all {
		l.taken[one.bound] = l.taken[one.bound].since(m.at - dayLength).with(m)
	}
	return ""
}

const dayLength = 24 * 60 * 60

// words says a cap, such as 20 an hour for rule contain.
func (l *ledger) words(b bound, w window) string {
	text := fmt.Sprintf("%d %s", w.limit, w.name)
	if b.what != "" {
		text += " for " + b.what + " " + l.names[b.name]
	}
	return text
}

// since are those that were reached after a time.
func (t taken) since(at int64) taken {
	from, _ := slices.BinarySearchFunc(t, at+1, func(s stamp, at int64) int { return int(s.at - at) })
	return t[from:]
}

func (t taken) has(machine uint64) bool {
	return slices.ContainsFunc(t, func(s stamp) bool { return s.machine == machine })
}

func (t taken) with(m move) taken {
	others := slices.DeleteFunc(t, func(s stamp) bool { return s.machine == m.machine })
	return append(others, stamp{m.at, m.machine})
}

// lasts reports whether steps of a kind put the machine into a state that lasts.
func lasts(kind playbook.StepKind) bool {
	spec, _ := machine.SpecOf(kind.Action())
	return spec.Lasting
}

// capWords says a cap.
func capWords(c playbook.Cap) []string {
	var all []string
	for _, one := range []struct {
		rate  playbook.Rate
		words string
	}{{c.Rate, ""}, {c.PerRule, " for any one rule"}, {c.PerGroup, " for any one group"}} {
		if text := one.rate.String(); text != "" {
			all = append(all, text+one.words)
		}
	}
	return all
}
