// Package playbook decides: rules that people wrote, read from playbook.yaml, turn an alert and its machine into a plan
// with reasons. It is pure: no clock, no I/O, no state. The same book and the same input always give the same plan.
//
// Load checks a playbook completely, so that a mistake is an error with a position when the file is read and not a
// surprise at night. Decide asks the rules in order, the first that matches wins, and then the rails, always last: no
// rule can pass a rail.
package playbook

import (
	"maps"
	"slices"

	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/facts"
)

// Book is a checked playbook. It is immutable and safe for concurrent use.
type Book struct {
	mode  Mode
	rules []Rule

	onAlerts, onHunts []*Rule // of rules, in order
	protect           Protection
	only              Allowance
	limits            Limits
	hash              string

	sizes condition.Sizes
	needs Needs
}

// Contents are a playbook as it was read.
type Contents struct {
	Mode    Mode
	Rules   []Rule
	Protect Protection
	Only    Allowance
	Limits  Limits
	Hash    string          // SHA-256 of the source in lower-case hexadecimal
	Sizes   condition.Sizes // of its conditions
}

// New is the playbook that was read.
func New(w Contents) *Book {
	b := &Book{
		mode:    w.Mode,
		rules:   w.Rules,
		protect: w.Protect,
		only:    w.Only,
		limits:  w.Limits,
		hash:    w.Hash,
		sizes:   w.Sizes,
		needs:   needsOf(w.Rules),
	}
	b.sortRules()
	return b
}

// needsOf is what the rules read besides the alert and its machine.
func needsOf(rules []Rule) Needs {
	var n Needs
	for _, r := range rules {
		for _, c := range slices.Concat(r.When.Clauses, r.Unless.Clauses) {
			for _, f := range c.Fields {
				n.Isolated = n.Isolated || f.Name == facts.Isolated || f.Name == facts.IsolatedBy
				n.OpenActions = n.OpenActions || f.Name == facts.OpenActions
				n.AlertsOnMachine = n.AlertsOnMachine || f.Name == facts.AlertsOnMachine
				n.AlertsInIncident = n.AlertsInIncident || f.Name == facts.AlertsInIncident
			}
		}
	}
	return n
}

// sortRules finds out which rules are asked about what.
func (b *Book) sortRules() {
	for i := range b.rules {
		if r := &b.rules[i]; r.On == facts.OnHunt {
			b.onHunts = append(b.onHunts, r)
		} else {
			b.onAlerts = append(b.onAlerts, r)
		}
	}
}

// about are the rules that are asked about an input: those for hunts about a finding and no other, those for alerts about
// an alert. A finding of a playbook without a rule for hunts is answered with nothing.
func (b *Book) about(in Input) []*Rule {
	if in.Hunt != nil {
		return b.onHunts
	}
	return b.onAlerts
}

// Hash is the SHA-256 of the playbook's source in lower-case hexadecimal. It goes with every run, so that a decision can
// be traced to the text that made it.
func (b *Book) Hash() string { return b.hash }

// Limits are the caps that the ledger's budget holds machine actions against.
func (b *Book) Limits() Limits { return maps.Clone(b.limits) }

// Kinds are the kinds of steps that the rules have, in the order of StepKinds.
func (b *Book) Kinds() []StepKind {
	return slices.DeleteFunc(StepKinds(), func(k StepKind) bool {
		return !slices.ContainsFunc(b.rules, func(r Rule) bool {
			return slices.ContainsFunc(r.Steps, func(s StepSpec) bool { return s.Kind == k })
		})
	})
}

// Mode is the mode that the playbook asks for; what counts is the lower of it and the ceiling.
func (b *Book) Mode() Mode { return b.mode }

// Needs is what decisions of this book may read besides the alert and its machine.
func (b *Book) Needs() Needs { return b.needs }

// Rules are the names of the rules, in order.
func (b *Book) Rules() []string {
	names := make([]string, len(b.rules))
	for i, r := range b.rules {
		names[i] = r.Name
	}
	return slices.Clip(names)
}

// Needs is what a decision may read besides the alert and its machine. Each costs a call or a look into the ledger, so it
// is read only for a playbook that has a rule about it, once per run.
type Needs struct {
	Isolated    bool // Input.Isolation
	OpenActions bool // Input.OpenActions

	AlertsOnMachine  bool // Input.AlertsOnMachine
	AlertsInIncident bool // Input.AlertsInIncident
}
