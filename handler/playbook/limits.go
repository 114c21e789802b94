package playbook

import (
	"fmt"
	"strings"
)

// Hold is what happens to a step beyond a cap.
type Hold string

// HoldForPerson is the only one in this version: the step is not carried out and people are told.
const HoldForPerson Hold = "hold"

// Rate bounds how many machines may be reached in sliding windows. 0: that window has no bound.
type Rate struct {
	PerMinute int
	PerHour   int
	PerDay    int
}

// String is the rate in words, such as 20 an hour and 60 a day; empty if it bounds nothing.
func (r Rate) String() string {
	var parts []string
	for _, w := range []struct {
		limit int
		name  string
	}{{r.PerMinute, "a minute"}, {r.PerHour, "an hour"}, {r.PerDay, "a day"}} {
		if w.limit > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", w.limit, w.name))
		}
	}
	return strings.Join(parts, " and ")
}

// Cap bounds how many machines an action may reach: in the whole tenant, where hour and day are always bounded, and for
// any one rule and any one device group. PerMachine bounds how often it may reach any one machine.
type Cap struct {
	Rate
	PerRule    Rate
	PerGroup   Rate
	PerMachine Rate
	Then       Hold
}

// UsualCap is the cap on what takes something away from people, if the playbook does not say: what is done to a
// machine and undone for the fourth time in a day is for a person to look at.
func UsualCap() Cap {
	return Cap{
		Rate:       Rate{PerHour: 20, PerDay: 60},
		PerMachine: Rate{PerDay: 3},
		Then:       HoldForPerson,
	}
}

// Limits are the caps of a playbook, by the kind of machine action. There is no way to have none, because a rule that
// suddenly matches everything must run into something.
type Limits map[StepKind]Cap

// Of is the cap on steps of a kind: what the playbook says, else the default. Tags, updates of alerts and mails have
// none; theirs is the zero Cap.
func (l Limits) Of(kind StepKind) Cap {
	if c, written := l[kind]; written {
		return c
	}
	return DefaultLimits()[kind]
}

// CappedKinds are the kinds of steps that have a cap: all that ask for a machine action.
func CappedKinds() []StepKind {
	return []StepKind{Isolate, Release, RestrictApps, UnrestrictApps, Scan, CollectPackage}
}

// DefaultLimits are the caps of a playbook that names none. A scan disturbs nobody, so it may reach more machines than
// what takes something away from people; an investigation package is large.
func DefaultLimits() Limits {
	limits := Limits{}
	for _, kind := range CappedKinds() {
		limits[kind] = UsualCap()
	}
	scan := UsualCap()
	scan.Rate = Rate{PerHour: 60, PerDay: 200}
	limits[Scan] = scan
	return limits
}
