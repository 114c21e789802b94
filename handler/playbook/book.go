// Package playbook decides: rules that people wrote, read from playbook.yaml, turn an alert and its machine into a plan
// with reasons. It is pure: no clock, no I/O, no state. The same book and the same input always give the same plan.
//
// Load checks a playbook completely, so that a mistake is an error with a position when the file is read and not a
// surprise at night. Decide asks the rules in order, the first that matches wins, and then the rails, always last: no
// rule can pass a rail.
package playbook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// Mode says whether acting steps are carried out or only reported. The zero value counts as Observe everywhere.
type Mode string

// The modes.
const (
	Observe Mode = "observe" // decide and record, act on nothing
	Enforce Mode = "enforce" // act
)

// ParseMode reads a mode as it is written in settings and playbooks; empty means Observe.
func ParseMode(s string) (Mode, error) {
	switch Mode(s) {
	case "", Observe:
		return Observe, nil
	case Enforce:
		return Enforce, nil
	}
	return Observe, fmt.Errorf("%q is no mode: observe or enforce", s)
}

// Lower is the more careful one of two modes; whatever is not exactly Enforce counts as Observe.
func Lower(a, b Mode) Mode {
	if a == Enforce && b == Enforce {
		return Enforce
	}
	return Observe
}

// StepKind is what a step does.
type StepKind string

// The steps of this version.
const (
	Isolate        StepKind = "isolate"        // cuts the alert's machine off the network
	Release        StepKind = "release"        // ends an isolation that Cordon asked for
	RestrictApps   StepKind = "restrictApps"   // lets the machine run only what Microsoft signed
	UnrestrictApps StepKind = "unrestrictApps" // ends a restriction that Cordon asked for
	Scan           StepKind = "scan"           // has the machine's antivirus look through it
	CollectPackage StepKind = "collectPackage" // gathers an investigation package
	Tag            StepKind = "tag"            // puts a tag on the machine or takes it off
	UpdateAlert    StepKind = "updateAlert"    // changes the alert's state, assignee or verdict, or comments on it
	Mail           StepKind = "mail"           // tells people
)

// StepKinds are all kinds of steps, in the order in which they are best read.
func StepKinds() []StepKind {
	return []StepKind{Isolate, Release, RestrictApps, UnrestrictApps, Scan, CollectPackage, Tag, UpdateAlert, Mail}
}

// Acts reports whether a step of this kind changes something at Defender; only such steps pass the rails.
func (k StepKind) Acts() bool { return k != Mail }

// Action is the machine action that a step of this kind asks for; empty for tag, updateAlert and mail.
func (k StepKind) Action() machine.ActionType {
	switch k {
	case Isolate:
		return machine.Isolate
	case Release:
		return machine.Unisolate
	case RestrictApps:
		return machine.Restrict
	case UnrestrictApps:
		return machine.Unrestrict
	case Scan:
		return machine.Scan
	case CollectPackage:
		return machine.Collect
	}
	return ""
}

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

// oneMachine is how often an action may reach a machine if the playbook does not say: what is done and undone for the
// fourth time in a day is for a person to look at.
func oneMachine() Rate { return Rate{PerDay: 3} }

// Limits are the caps of a playbook, by the kind of machine action. There is no way to have none, because a rule that
// suddenly matches everything must run into something.
type Limits map[StepKind]Cap

// Of is the cap on steps of a kind: what the playbook says, else the default. Tags, updates of alerts and mails have none;
// theirs is the zero Cap.
func (l Limits) Of(kind StepKind) Cap {
	if c, written := l[kind]; written {
		return c
	}
	return DefaultLimits()[kind]
}

// cappedKinds are the kinds of steps that have a cap: all that ask for a machine action.
func cappedKinds() []StepKind {
	return []StepKind{Isolate, Release, RestrictApps, UnrestrictApps, Scan, CollectPackage}
}

// DefaultLimits are the caps of a playbook that names none. A scan disturbs nobody, so it may reach more machines than what
// takes something away from people; an investigation package is large.
func DefaultLimits() Limits {
	containment := Cap{Rate: Rate{PerHour: 20, PerDay: 60}, PerMachine: oneMachine(), Then: HoldForPerson}
	scan := containment
	scan.Rate = Rate{PerHour: 60, PerDay: 200}
	return Limits{Isolate: containment, Release: containment, RestrictApps: containment, UnrestrictApps: containment,
		Scan: scan, CollectPackage: containment}
}

// Book is a checked playbook. It is immutable and safe for concurrent use.
type Book struct {
	mode  Mode
	rules []rule

	onAlerts, onHunts []*rule // of rules, in order
	protect           protection
	only              allowance
	limits            Limits
	hash              string

	sizes    sizes
	needs    Needs
	warnings []Problem
}

// Needs is what a decision may read besides the alert and its machine. Each costs a call or a look into the ledger, so it
// is read only for a playbook that has a rule about it, once per run.
type Needs struct {
	Isolated    bool // Input.Isolation
	OpenActions bool // Input.OpenActions

	AlertsOnMachine  bool // Input.AlertsOnMachine
	AlertsInIncident bool // Input.AlertsInIncident
}

// rule is one rule of a book, compiled.
type rule struct {
	name      string
	on        string // what it is asked about
	when      condition
	unless    condition // counts only with hasUnless
	hasUnless bool
	goesOn    bool          // continue
	mode      Mode          // Enforce: the rule lowers nothing
	maxAge    time.Duration // 0: only the setting counts
	steps     []stepSpec
	place     ast.Node // of when, for warnings
}

func (r rule) acts() bool {
	return slices.ContainsFunc(r.steps, func(s stepSpec) bool { return s.kind.Acts() })
}

// stepSpec is a step as it is written.
type stepSpec struct {
	kind    StepKind
	action  *machine.Spec // nil: it asks for no machine action
	scope   machine.Scope
	comment *comment // of a machine action, nil: the default comment; of an updateAlert step, nil: none
	tag     string
	remove  bool         // the tag is taken off
	update  alert.Change // without its comment and its assignee
	assign  account      // of an updateAlert step
	to      []recipient
	text    *comment // of a mail, nil: none
}

// step is the specification as far as it tells steps apart.
func (s stepSpec) step() Step {
	step := Step{Kind: s.kind, Scope: s.scope, Tag: s.tag, Remove: s.remove}
	for _, r := range s.to {
		step.To = append(step.To, r.source)
	}
	return step
}

// Hash is the SHA-256 of the playbook's source in lower-case hexadecimal. It goes with every run, so that a decision can
// be traced to the text that made it.
func (b *Book) Hash() string { return b.hash }

// Limits are the caps that the ledger's budget holds machine actions against.
func (b *Book) Limits() Limits { return maps.Clone(b.limits) }

// Kinds are the kinds of steps that the rules have, in the order of StepKinds.
func (b *Book) Kinds() []StepKind {
	return slices.DeleteFunc(StepKinds(), func(k StepKind) bool {
		return !slices.ContainsFunc(b.rules, func(r rule) bool {
			return slices.ContainsFunc(r.steps, func(s stepSpec) bool { return s.kind == k })
		})
	})
}

// Mode is the mode that the playbook asks for; what counts is the lower of it and the ceiling.
func (b *Book) Mode() Mode { return b.mode }

// Needs is what decisions of this book may read besides the alert and its machine.
func (b *Book) Needs() Needs { return b.needs }

// Warnings are what is probably not meant, in the order of the file, such as rules that can never match. The book is used
// all the same.
func (b *Book) Warnings() []Problem { return slices.Clone(b.warnings) }

// Rules are the names of the rules, in order.
func (b *Book) Rules() []string {
	names := make([]string, len(b.rules))
	for i, r := range b.rules {
		names[i] = r.name
	}
	return slices.Clip(names)
}

func sourceHash(src []byte) string { return alert.SHA256(src) }
