package backtest

import (
	"cmp"
	"slices"
	"time"

	"cordon/handler/playbook"
)

// Report is what came of a trial. Texts in it are as attackers wrote them, but short.
type Report struct {
	Playbook string    `json:"playbook"`       // digest of the playbook that was tried
	Then     []Count   `json:"then,omitempty"` // digests of those that decided then, the one with most runs first
	Oldest   time.Time `json:"oldest,omitzero"`
	Newest   time.Time `json:"newest,omitzero"` // when the oldest and the newest run was observed

	Runs     int `json:"runs"`     // that were looked at
	Compared int `json:"compared"` // of which both decisions are known
	Same     int `json:"same"`     // of which both are the same
	Differ   int `json:"differ"`

	Effects []Count  `json:"effects"` // runs by effect; a run can have several
	Changes []Change `json:"changes"`
	More    int      `json:"more,omitempty"` // changes of runs that found no room in Changes

	Total   Rule      `json:"total"` // of all rules together
	Rules   []Rule    `json:"rules"`
	Reach   []Reach   `json:"reach"`   // machines against the caps
	Observe []Observe `json:"observe"` // what rules would do that only observe

	Unknown     []Unknown `json:"unknown"` // what cannot be known from the record
	UnknownRuns int       `json:"unknownRuns"`

	// UnderObserve are runs that were decided when observe was the highest mode: no playbook acts on them.
	UnderObserve int `json:"underObserve"`
	// RailsUnread are runs that would be acted on, and that nothing was to be done about then: it was not looked up
	// whether acting was paused, and whether the alert is from before the ledger's beginning.
	RailsUnread int `json:"railsUnread"`
	// Uncounted are machine actions that found no room in Reach and Observe.
	Uncounted int `json:"uncounted,omitempty"`
}

// Count is how many runs something is about.
type Count struct {
	Name string `json:"name"`
	Runs int    `json:"runs"`
}

// Effect is what a change comes to.
type Effect string

// The effects, in the order in which they matter.
const (
	Begins  Effect = "would be done, was not"
	Ends    Effect = "was done, would not be"
	Differs Effect = "would be done otherwise"
	Undone  Effect = "done neither way, with another verdict"
	Renamed Effect = "the same by another rule"
)

// Effects are all effects, in the order in which they matter.
func Effects() []Effect { return []Effect{Begins, Ends, Differs, Undone, Renamed} }

// Change is one way in which decisions differ.
type Change struct {
	Effect Effect  `json:"effect"`
	Then   Side    `json:"then"`
	Now    Side    `json:"now"`
	Clause *Clause `json:"clause,omitempty"` // of the playbook that was tried; nil: no single one makes the difference
	Runs   int     `json:"runs"`

	Reasons  []Reason  `json:"reasons,omitempty"`
	Others   int       `json:"otherReasons,omitempty"` // runs with reasons that found no room
	Examples []Example `json:"examples"`
}

// Side is one of two decisions about a step. All of it is empty if there was none.
type Side struct {
	Rule    string           `json:"rule,omitempty"`
	Step    string           `json:"step,omitempty"` // as explain names it, of mails and updates only the kind
	Verdict playbook.Verdict `json:"verdict,omitempty"`
}

// Clause is what a condition of the playbook that was tried made of a run.
type Clause struct {
	Rule    string `json:"rule"`
	Outcome string `json:"outcome"` // of the rule, or that the playbook has none of the name
	Text    string `json:"text,omitempty"`
	Result  string `json:"result,omitempty"`
}

// Reason is why a step is not simply done, on both sides.
type Reason struct {
	Then string `json:"then,omitempty"`
	Now  string `json:"now,omitempty"`
	Runs int    `json:"runs"`
}

// Example is a run.
type Example struct {
	Run      string         `json:"run"`
	Observed time.Time      `json:"observed"`
	Title    string         `json:"title,omitempty"`
	Severity string         `json:"severity,omitempty"`
	Machine  string         `json:"machine,omitempty"`
	Then     string         `json:"whyThen,omitempty"`
	Now      string         `json:"whyNow,omitempty"`
	Plan     *playbook.Plan `json:"plan,omitempty"` // of the playbook that was tried
}

// Rule is how often a rule decides, of the runs that could be compared.
type Rule struct {
	Rule string `json:"rule,omitempty"`
	Then Tally  `json:"then"`
	Now  Tally  `json:"now"`
}

// Tally counts runs. What is done, held, observed and skipped are acting steps; of a rule with several a run counts for
// each verdict once.
type Tally struct {
	Runs     int `json:"runs"`
	Done     int `json:"done"`
	Held     int `json:"held"`
	Observed int `json:"observed"`
	Skipped  int `json:"skipped"`
}

// Unknown is something that cannot be known from the record.
type Unknown struct {
	What    string `json:"what"`
	Runs    int    `json:"runs"`
	Example string `json:"example"` // a run
}

// Report is what came of the trial so far.
func (t *Trial) Report() Report {
	r := Report{
		Playbook: t.Book.Hash(),
		Then: t.playbooks.sorted(func(x, y Count) int {
			return cmp.Or(byRuns(x.Runs, y.Runs), cmp.Compare(x.Name, y.Name))
		}),
		Oldest:       t.oldest,
		Newest:       t.newest,
		Runs:         t.runs,
		Compared:     t.compared,
		Same:         t.compared - t.differ,
		Differ:       t.differ,
		Effects:      []Count{},
		Changes:      t.changes.sorted(changesInOrder),
		More:         t.changes.over,
		Total:        t.total,
		Rules:        t.inOrder(),
		Reach:        t.reach.report(t.Book.Limits().Of),
		Observe:      t.reach.observe(),
		UnknownRuns:  t.runs - t.compared,
		UnderObserve: t.observed,
		RailsUnread:  t.railless,
		Uncounted:    t.reach.over,
	}
	r.Unknown = t.unknown.sorted(func(x, y Unknown) int {
		return cmp.Or(byRuns(x.Runs, y.Runs), cmp.Compare(x.What, y.What))
	})
	for _, effect := range Effects() {
		if n := t.effects[effect]; n > 0 {
			r.Effects = append(r.Effects, Count{string(effect), n})
		}
	}
	return r
}

// changesInOrder puts what matters more first, and of that what more runs are about.
func changesInOrder(x, y Change) int {
	return cmp.Or(
		cmp.Compare(slices.Index(Effects(), x.Effect), slices.Index(Effects(), y.Effect)),
		byRuns(x.Runs, y.Runs),
		cmp.Compare(x.Then.Rule+x.Then.Step, y.Then.Rule+y.Then.Step),
		cmp.Compare(x.Now.Rule+x.Now.Step, y.Now.Rule+y.Now.Step),
		cmp.Compare(x.clause(), y.clause()),
	)
}

func (c Change) clause() string {
	if c.Clause == nil {
		return ""
	}
	return c.Clause.Outcome + c.Clause.Text + c.Clause.Result
}

// inOrder are the rules as they are asked, and behind them those that only the record names.
func (t *Trial) inOrder() []Rule {
	names := t.Book.Rules()
	place := func(r Rule) int {
		at := slices.Index(names, r.Rule)
		if at < 0 {
			return len(names)
		}
		return at
	}
	return t.rules.sorted(func(x, y Rule) int {
		return cmp.Or(cmp.Compare(place(x), place(y)), cmp.Compare(x.Rule, y.Rule))
	})
}
