// Package playbook decides: rules that people wrote, read from playbook.yaml, turn an alert and its machine into a plan
// with reasons. It is pure: no clock, no I/O, no state. The same book and the same input always give the same plan.
//
// Decide asks the rules in order, the first that matches wins, and then the rails, always last: no rule can pass a
// rail. Package read makes a Book of a file.
package playbook

import (
	"fmt"
	"maps"
	"slices"

	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/facts"
)

// Book is a checked playbook. It is immutable and safe for concurrent use.
type Book struct {
	written  Contents
	onAlerts []*Rule // those of the rules that are asked about alerts, in order
	onOthers []*Rule // those of them that are asked about alerts of other products than Defender for Endpoint
	onHunts  []*Rule
	needs    Needs
}

// Contents are a playbook as it was read.
type Contents struct {
	Mode    Mode
	Rules   []Rule
	Protect Lists // of machines that no rule may touch
	Only    Lists // of machines that rules may touch; empty: all
	Limits  Limits
	Text    string          // its source
	Hash    string          // of it, SHA-256 in lower-case hexadecimal
	Sizes   condition.Sizes // of its conditions
}

// Lists are patterns by what they are held against: ids, names, tags, groups, deviceValue, os, onboarding.
type Lists map[string][]string

// New is the playbook that was read.
func New(written Contents) *Book {
	b := &Book{written: written, needs: needsOf(written.Rules)}
	for i := range written.Rules {
		r := &written.Rules[i]
		if r.On == facts.OnHunt {
			b.onHunts = append(b.onHunts, r)
			continue
		}
		b.onAlerts = append(b.onAlerts, r)
		if r.reads(facts.ServiceSource) {
			b.onOthers = append(b.onOthers, r)
		}
	}
	return b
}

// needsOf is what the rules read besides the alert and its machine.
func needsOf(rules []Rule) Needs {
	reads := func(names ...string) bool {
		return slices.ContainsFunc(rules, func(r Rule) bool {
			return slices.ContainsFunc(names, r.reads)
		})
	}
	return Needs{
		Isolated:         reads(facts.Isolated, facts.IsolatedBy),
		OpenActions:      reads(facts.OpenActions),
		AlertsOnMachine:  reads(facts.AlertsOnMachine),
		AlertsInIncident: reads(facts.AlertsInIncident),
	}
}

// about are the rules that are asked about an input: those for hunts about a finding and no other, those for alerts
// about an alert. Of other products than Defender for Endpoint only rules are asked that read whose an alert is. A
// finding of a playbook without a rule for hunts is answered with nothing.
func (b *Book) about(in Input) []*Rule {
	switch {
	case in.Hunt != nil:
		return b.onHunts
	case !in.Alert.OfEndpoint():
		return b.onOthers
	}
	return b.onAlerts
}

// unanswered says why no rule decides.
func (b *Book) unanswered(in Input, asked int) string {
	reason := fmt.Sprintf("no rule of %d matched", asked)
	if more := len(b.onAlerts) - asked; in.Hunt == nil && more > 0 {
		reason += fmt.Sprintf("; those that do not read %s (%d) are not asked about alerts of %s",
			facts.ServiceSource, more, in.Alert.ServiceSource)
	}
	return reason
}

// Written is the playbook as it was read. It is shared: nobody may change what it holds.
func (b *Book) Written() Contents { return b.written }

// Hash is the SHA-256 of the playbook's source in lower-case hexadecimal. It goes with every run, so that a decision
// can be traced to the text that made it.
func (b *Book) Hash() string { return b.written.Hash }

// Limits are the caps that the ledger's budget holds machine actions against.
func (b *Book) Limits() Limits { return maps.Clone(b.written.Limits) }

// Mode is the mode that the playbook asks for; what counts is the lower of it and the ceiling.
func (b *Book) Mode() Mode { return b.written.Mode }

// Needs is what decisions of this book may read besides the alert and its machine.
func (b *Book) Needs() Needs { return b.needs }

// Rules are the names of the rules, in order.
func (b *Book) Rules() []string { return b.rulesWith(func(Rule) bool { return true }) }

// Kinds are the kinds of steps that the rules have, in the order of StepKinds.
func (b *Book) Kinds() []StepKind {
	return slices.DeleteFunc(StepKinds(), func(k StepKind) bool { return len(b.RulesWith(k)) == 0 })
}

// RulesWith are the names of the rules that have a step of a kind, in order.
func (b *Book) RulesWith(kind StepKind) []string {
	return b.rulesWith(func(r Rule) bool {
		return r.has(func(s StepSpec) bool { return s.Kind == kind })
	})
}

// rulesWith are the names of the rules that are such, in order.
func (b *Book) rulesWith(such func(Rule) bool) []string {
	names := []string{}
	for _, r := range b.written.Rules {
		if such(r) {
			names = append(names, r.Name)
		}
	}
	return names
}

// Needs is what a decision may read besides the alert and its machine. Each costs a call or a look into the ledger, so
// it is read only for a playbook that has a rule about it, once per run.
type Needs struct {
	Isolated    bool // Input.Isolation
	OpenActions bool // Input.OpenActions

	AlertsOnMachine  bool // Input.AlertsOnMachine
	AlertsInIncident bool // Input.AlertsInIncident
}
