package playbook

import (
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/condition/syntax"
	"cordon/handler/playbook/spelling"
)

// Plan is what Decide wants, with the reasons. It is stored with the run as JSON; no steps means that nothing is done,
// and Reason says why.
type Plan struct {
	Rule   string      `json:"rule,omitempty"` // the rules that decide, joined by a comma; empty when none does
	Mode   Mode        `json:"mode"`           // the lowest of playbook, ceiling and rule; of several rules the highest
	Steps  []Step      `json:"steps,omitempty"`
	Reason string      `json:"reason"`
	Rules  []RuleTrace `json:"rules,omitempty"` // every rule of the book, in order
	Rails  []RailTrace `json:"rails,omitempty"` // every rail, in order; none when no step acts
}

// Enforces reports whether the rule of a step acts, which is whether no mode keeps it to observing.
func (p Plan) Enforces(step Step) bool {
	return !slices.ContainsFunc(p.Rails, func(t RailTrace) bool {
		return t.Rail == modeName && t.Verdict != Do && (t.Rule == "" || t.Rule == step.Rule)
	})
}

// Step is one wanted action. Which fields are set depends on its kind.
type Step struct {
	Rule    string        `json:"rule,omitempty"` // the rule that wants it, if several decide
	Kind    StepKind      `json:"kind"`
	Scope   machine.Scope `json:"scope,omitempty"`   // of an isolate step or a scan
	Comment string        `json:"comment,omitempty"` // of a machine action: plain text, bounded by templates.MaxText
	Tag     string        `json:"tag,omitempty"`     // of a tag step
	Remove  bool          `json:"remove,omitempty"`  // of a tag step: the tag is taken off
	Update  *alert.Change `json:"update,omitempty"`  // of an updateAlert step
	To      []string      `json:"to,omitempty"`      // of a mail step; empty means the configured recipients
	Text    string        `json:"text,omitempty"`    // of a mail step: what people are told besides, as Comment
	Verdict Verdict       `json:"verdict"`
	Why     string        `json:"why,omitempty"` // why it is not simply done, or what to expect of it

	// Cause is Why without what differs at every look, such as an age; empty: Why has nothing of the kind.
	Cause string `json:"cause,omitempty"`
}

// Key tells the steps of a plan apart: two of one key do the same. It is part of what the ledger keeps of a run.
func (s Step) Key() string {
	switch s.Kind {
	case Tag:
		if s.Remove {
			return "tag:remove:" + s.Tag
		}
		return "tag:add:" + s.Tag
	case Scan:
		return string(s.Kind) + ":" + string(s.Scope)
	case Mail:
		return string(s.Kind) + ":" + strings.Join(s.To, ",")
	}
	return string(s.Kind)
}

// String names the step, without what becomes of it: isolate Full, release, scan Quick, tag add seen, mail to
// soc@example.com, updateAlert status=Resolved comment.
func (s Step) String() string {
	parts := []string{string(s.Kind)}
	switch {
	case s.Kind == Tag && s.Remove:
		parts = append(parts, "remove", s.Tag)
	case s.Kind == Tag:
		parts = append(parts, "add", s.Tag)
	case s.Kind == UpdateAlert && s.Update != nil:
		for _, part := range []struct{ name, value string }{
			{"status", string(s.Update.Status)},
			{"assignedTo", s.Update.AssignedTo},
			{"classification", s.Update.Classification},
			{"determination", s.Update.Determination},
		} {
			if part.value != "" {
				parts = append(parts, part.name+"="+part.value)
			}
		}
		if s.Update.Comment != "" {
			parts = append(parts, "comment")
		}
	case s.Scope != "":
		parts = append(parts, string(s.Scope))
	case len(s.To) > 0:
		parts = append(parts, "to", strings.Join(s.To, ", "))
	}
	return strings.Join(parts, " ")
}

// Undoes reports whether the step undoes another, or the other way round.
func (s Step) Undoes(other Step) bool {
	if s.Kind == Tag && other.Kind == Tag {
		return s.Remove != other.Remove && spelling.Same(s.Tag, other.Tag)
	}
	undo := other.Kind.Action().Opposite()
	return undo != "" && undo == s.Kind.Action()
}

// Verdict is what becomes of a step. The zero value is unset and means that nothing is done.
type Verdict string

// The verdicts.
const (
	Do      Verdict = "do"
	WouldDo Verdict = "would do" // observe: an acting step is only reported; a mail goes out and says so
	Held    Verdict = "held"     // a rail stopped it, later perhaps a cap. A person can let it go on
	Skipped Verdict = "skipped"  // it cannot be done, or nothing is left to do: the machine does not know it, say
)

// Outcome is what became of one rule.
type Outcome string

// The outcomes.
const (
	Matched  Outcome = "matched"        // true, and no rule before it had the last word: it decides
	NoMatch  Outcome = "no match"       // its condition is false
	Excepted Outcome = "excepted"       // its condition is true, and so is its unless
	Shadowed Outcome = "also true"      // its condition is true, but an earlier rule decided
	Errored  Outcome = "no answer"      // its condition could not be evaluated; it decides, and its steps are held
	LateFail Outcome = "late no answer" // its condition could not be evaluated, but an earlier rule decided
)

// RuleTrace explains one rule.
type RuleTrace struct {
	Rule    string             `json:"rule"`
	Outcome Outcome            `json:"outcome"`
	Error   string             `json:"error,omitempty"`
	Join    syntax.Join        `json:"join,omitempty"`
	Clauses []*condition.Trace `json:"clauses,omitempty"` // rules with the same clause have the same explanation of it
	Unless  *UnlessTrace       `json:"unless,omitempty"`  // nil when the rule has none
}

// UnlessTrace explains the exception of a rule.
type UnlessTrace struct {
	Join    syntax.Join        `json:"join,omitempty"`
	Clauses []*condition.Trace `json:"clauses"`
}

// RailTrace explains one rail: Do lets acting steps pass.
type RailTrace struct {
	Rule    string  `json:"rule,omitempty"` // the rule whose steps it is about, empty for the steps of all
	Step    string  `json:"step,omitempty"` // the steps that it is about, empty for all that the rail is asked about
	Rail    string  `json:"rail"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why,omitempty"`
	Cause   string  `json:"cause,omitempty"` // as in Step
}
