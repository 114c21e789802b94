package playbook

import (
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// Input is everything that a decision depends on.
type Input struct {
	Alert   alert.Alert
	Hunt    *Hunt            // what found Alert, which is a finding then; nil: Alert is the API's, and rules for alerts are asked
	Machine *machine.Machine // nil: the alert names no machine, or it could not be read

	// OwnTags are tags that the machine has and conditions do not see, because the run itself put them on. Rails see them.
	OwnTags []string

	// MachineMissing says why Machine is nil although the alert names one; it is shown to people. Empty is allowed.
	MachineMissing string

	// What Needs asks for; a rule that reads what is not known has no answer, and its steps are held.
	Isolation      *machine.State   // whether the machine is isolated, and by whom; nil: not known
	OpenActions    []machine.Action // the machine's actions that are not final; nil: not known
	ActionsMissing string           // why one of them is not known, shown to people. Empty is allowed

	AlertsOnMachine  *int   // other alerts on the machine within AlertsWindow; nil: not known
	AlertsInIncident *int   // other alerts of the incident; nil: not known
	AlertsMissing    string // why one of them is not known, shown to people. Empty is allowed

	Now     time.Time // the time of the decision
	Ceiling Mode      // the highest mode that the settings allow; the zero value is Observe

	// StaleAfter is the age beyond which an alert is not acted on. Zero or less holds every acting step.
	StaleAfter time.Duration

	// Asked are the latches (machine.Spec) whose actions are or were under way for the alert on its machine already. For them
	// its age is not looked at again: what was allowed once is not taken back because the machine took days to answer.
	Asked []string

	Paused      bool   // a person has stopped all acting
	PauseReason string // who and why, shown to people
}

// AlertsWindow is how far back Input.AlertsOnMachine counts.
const AlertsWindow = 24 * time.Hour

// Verdict is what becomes of a step. The zero value is unset and means that nothing is done.
type Verdict string

// The verdicts.
const (
	Do      Verdict = "do"
	WouldDo Verdict = "would do" // observe: an acting step is only reported; a mail goes out and says so
	Held    Verdict = "held"     // a rail stopped it: protected, stale, paused, no machine; later a cap. A person can continue with it
	Skipped Verdict = "skipped"  // it cannot be done, or there is nothing left to do: the machine does not know the action, say
)

// Plan is what Decide wants, with the reasons. It is stored with the run as JSON; no steps means that nothing is done,
// and Reason says why.
type Plan struct {
	Rule   string      `json:"rule,omitempty"` // the rule that decides, empty when none does; several are joined by a comma
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
	Comment string        `json:"comment,omitempty"` // of a machine action: plain text, at most MaxComment characters
	Tag     string        `json:"tag,omitempty"`     // of a tag step
	Remove  bool          `json:"remove,omitempty"`  // of a tag step: the tag is taken off
	Update  *alert.Change `json:"update,omitempty"`  // of an updateAlert step
	To      []string      `json:"to,omitempty"`      // of a mail step; empty means the configured recipients
	Text    string        `json:"text,omitempty"`    // of a mail step: what people are told besides; plain text, at most MaxComment characters
	Verdict Verdict       `json:"verdict"`
	Why     string        `json:"why,omitempty"`   // why it is not simply done, or what to expect of it
	Cause   string        `json:"cause,omitempty"` // Why without what differs at every look, such as an age; empty: Why has nothing of the kind
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

// Join says how the clauses of a condition hang together.
type Join string

// The joins.
const (
	Single Join = "" // one clause
	AllOf  Join = "and"
	AnyOf  Join = "or"
)

// RuleTrace explains one rule.
type RuleTrace struct {
	Rule    string         `json:"rule"`
	Outcome Outcome        `json:"outcome"`
	Error   string         `json:"error,omitempty"`
	Join    Join           `json:"join,omitempty"`
	Clauses []*ClauseTrace `json:"clauses,omitempty"` // rules with the same clause have the same explanation of it
	Unless  *UnlessTrace   `json:"unless,omitempty"`  // nil when the rule has none
}

// UnlessTrace explains the exception of a rule.
type UnlessTrace struct {
	Join    Join           `json:"join,omitempty"`
	Clauses []*ClauseTrace `json:"clauses"`
}

// ClauseTrace explains one operand of a condition's outermost and/or. Every clause is evaluated for the explanation, also
// behind one that settled the matter.
type ClauseTrace struct {
	Text   string      `json:"text"`
	Result string      `json:"result"` // true, false, or what went wrong
	Values []ValueSeen `json:"values,omitempty"`
}

// ValueSeen is a fact as the decision saw it, shortened and free of control characters.
type ValueSeen struct {
	Name  string `json:"name"`
	Value string `json:"value"`
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
