// Package deployed says for people what a playbook does where it is deployed: each rule with the mode that counts, and
// the rails with their settings. It is made of the book that decides, so that it cannot differ from it.
//
// Neighbours: handler/playbook decides, handler/playbook/explain says how an alert was decided.
package deployed

import (
	"time"

	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
)

// Settings are what bears on a playbook besides its text.
type Settings struct {
	Ceiling    playbook.Mode // the highest mode that counts
	StaleAfter time.Duration // the age beyond which an alert is not acted on
}

// Playbook is a playbook as it is deployed.
type Playbook struct {
	Digest  string `json:"digest"`  // of its text; every run names that of the playbook which decided
	Mode    string `json:"mode"`    // that counts: the lower of the two below
	Written string `json:"written"` // that the playbook asks for
	Ceiling string `json:"ceiling"` // that CORDON_MODE allows
	Rules   []Rule `json:"rules"`   // in order: the first that matches decides
	Rails   []Rail `json:"rails"`   // in the order in which they are asked, behind all rules
	Text    string `json:"text"`    // as it was read
}

// Rule is one rule of it.
type Rule struct {
	Name   string   `json:"name"`
	On     string   `json:"on"`               // alert or hunt
	Mode   string   `json:"mode"`             // that counts: the lowest of rule, playbook and CORDON_MODE
	When   string   `json:"when"`             // its clauses, a line each
	Unless string   `json:"unless,omitempty"` // the same of its exception
	MaxAge string   `json:"maxAge,omitempty"` // an older alert is not acted on by this rule; empty: the setting counts
	Steps  []string `json:"steps"`            // what it wants; none: nothing is done
	Stop   bool     `json:"stop"`             // where it matches, no rule below it is asked
}

// Rail is one safety rule that no rule of the playbook can pass.
type Rail struct {
	Rail string   `json:"rail"`
	Says []string `json:"says"` // what it keeps from being done, a line each
}

// Describe says what a book does under some settings.
func Describe(book *playbook.Book, s Settings) Playbook {
	written := book.Written()
	is := Playbook{
		Digest:  written.Hash,
		Mode:    string(playbook.Lower(written.Mode, s.Ceiling)),
		Written: string(playbook.Lower(written.Mode, playbook.Enforce)),
		Ceiling: string(playbook.Lower(s.Ceiling, playbook.Enforce)),
		Rules:   []Rule{},
		Text:    written.Text,
	}
	for _, r := range written.Rules {
		is.Rules = append(is.Rules, ruleOf(r, playbook.Mode(is.Mode)))
	}
	is.Rails = railsOf(book, is, s)
	return is
}

func ruleOf(r playbook.Rule, mode playbook.Mode) Rule {
	is := Rule{
		Name:   r.Name,
		On:     r.On,
		Mode:   string(playbook.Lower(mode, r.Mode)),
		When:   lines(r.When),
		Unless: lines(r.Unless),
		Steps:  []string{},
		Stop:   !r.GoesOn,
	}
	if r.MaxAge > 0 {
		is.MaxAge = whole(r.MaxAge)
	}
	for _, s := range r.Steps {
		is.Steps = append(is.Steps, explain.Step(wanted(s)))
	}
	return is
}

// wanted is a step as it is written: with its templates where a plan has what they gave.
func wanted(s playbook.StepSpec) playbook.Step {
	step := s.Step()
	if s.Kind != playbook.UpdateAlert {
		return step
	}
	update := s.Update
	update.AssignedTo = s.Assign.Source
	if s.Comment != nil {
		update.Comment = "as it is written"
	}
	step.Update = &update
	return step
}
