// Package decided holds how a run was decided, with everything that it was decided on, in the form in which that is
// kept, sent and read again. It does no I/O. What looks like a secret is taken out, and what is too large is cut; the
// decision says so.
//
// Neighbours: handler/playbook decides, handler/ledger/decisions keeps it.
package decided

import (
	"slices"
	"time"

	"cordon/handler/playbook"
)

// Decision is how one run, one version of one alert, was decided.
type Decision struct {
	Run        string    `json:"run"` // its id
	AlertID    string    `json:"alertId"`
	Version    int       `json:"version"`
	ObservedAt time.Time `json:"observedAt"`
	Playbook   string    `json:"playbook"` // digest of the playbook, playbook.Book.Hash
	Cordon     string    `json:"cordon"`   // version of the program

	Rule   string               `json:"rule,omitempty"` // empty: none decided
	Mode   playbook.Mode        `json:"mode"`
	Reason string               `json:"reason,omitempty"`
	Steps  []playbook.Step      `json:"steps,omitempty"` // as the playbook decided, before a person let any of them go on
	Rules  []playbook.RuleTrace `json:"rules,omitempty"` // every rule, with the values that its clauses saw
	Rails  []playbook.RailTrace `json:"rails,omitempty"`
	// Continued are the keys of the steps that a person let go on.
	Continued []string `json:"continued,omitempty"`

	Facts Facts `json:"facts"`
	// Left says what was not kept of the facts, a field each: a secret, or too large. Empty: they are whole.
	Left []string `json:"left,omitempty"`
}

// Of is the decision that a playbook's plan is, on an input. The caller names the run and who decided.
func Of(in playbook.Input, plan playbook.Plan) Decision {
	d := Decision{
		Rule:   plan.Rule,
		Mode:   plan.Mode,
		Reason: plan.Reason,
		Steps:  slices.Clone(plan.Steps),
		Rules:  rules(plan.Rules, slices.Clone),
		Rails:  slices.Clone(plan.Rails),
		Facts:  FactsOf(in),
	}
	d = d.searchable()
	d.hide()
	return d
}

// Whole reports whether the facts are as they were: a playbook that is asked about them now sees what it would have
// seen then.
func (d Decision) Whole() bool { return len(d.Left) == 0 }

// Plan is the plan that was decided on, before a person let any of its steps go on.
func (d Decision) Plan() playbook.Plan {
	return playbook.Plan{
		Rule:   d.Rule,
		Mode:   d.Mode,
		Steps:  d.Steps,
		Reason: d.Reason,
		Rules:  d.Rules,
		Rails:  d.Rails,
	}
}
