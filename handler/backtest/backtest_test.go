package backtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/backtest"
	"cordon/handler/decided"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

const (
	high   = `{name: contain, on: alert, when: 'alert.severity == "High"', do: [{isolate: {type: Full}}]}`
	medium = `{name: contain, on: alert, when: 'alert.severity == "Medium"', do: [{isolate: {type: Full}}]}`
)

// book is a playbook of rules written in one line each.
func book(t *testing.T, rules ...string) *playbook.Book {
	t.Helper()
	return playbooktest.Load(t, playbooktest.Rules(rules...))
}

// only is the one change between what one playbook decided and another one decides.
func only(t *testing.T, was, is *playbook.Book, in playbook.Input) backtest.Change {
	t.Helper()
	r := alone(is, decide(t, was, in))
	if len(r.Changes) != 1 || r.Differ != 1 {
		t.Fatalf("%d changes: %+v", len(r.Changes), r)
	}
	return r.Changes[0]
}

func TestAChangeSaysWhichClauseMakesTheDifference(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	rule := func(name, more string) string {
		return fmt.Sprintf("{name: %s, on: alert, %s, do: [{isolate: {type: Full}}]}", name, more)
	}
	for _, tt := range []struct {
		name                    string
		was, is                 []string
		clause                  string
		thenVerdict, nowVerdict playbook.Verdict
	}{
		{
			"the rule does not match any more", []string{rule("contain", `when: true`)},
			[]string{rule("contain", `when: 'alert.incidentId == 5 && alert.severity == "Low" && true'`)},
			`contain: no match: alert.severity == "Low" is false`, "do", "",
		},
		{
			"the rule has an exception", []string{rule("contain", `when: true`)},
			[]string{rule("contain", `when: true, unless: 'alert.incidentId == 5'`)},
			`contain: excepted: alert.incidentId == 5 is true`, "do", "",
		},
		{
			"the rule is gone", []string{rule("contain", `when: true`)},
			[]string{rule("other", `when: 'alert.incidentId == 6'`)},
			`contain: not in this playbook`, "do", "",
		},
		{
			"another rule comes first", []string{rule("contain", `when: true`)},
			[]string{`{name: tell, on: alert, when: true, do: []}`, rule("contain", `when: true`)},
			`contain: also true`, "do", "",
		},
		{
			"a rule matches for one of its clauses", []string{rule("other", `when: 'alert.incidentId == 6'`)},
			[]string{rule("contain", `when: 'alert.severity == "Low" || alert.incidentId == 5'`)},
			`contain: matched: alert.incidentId == 5 is true`, "", "do",
		},
		{
			"a rule matches for all of its clauses", []string{rule("other", `when: 'alert.incidentId == 6'`)},
			[]string{rule("contain", `when: 'alert.severity == "High" && alert.incidentId == 5'`)},
			``, "", "do",
		},
		{
			"the rule observes", []string{rule("contain", `when: true`)},
			[]string{rule("contain", `when: true, mode: observe`)},
			``, "do", "would do",
		},
	} {
		c := only(t, book(t, tt.was...), book(t, tt.is...), in)
		got := ""
		if c.Clause != nil {
			got = c.Clause.Rule + ": " + c.Clause.Outcome
			if c.Clause.Text != "" {
				got += ": " + c.Clause.Text + " is " + c.Clause.Result
			}
		}
		if got != tt.clause || c.Then.Verdict != tt.thenVerdict || c.Now.Verdict != tt.nowVerdict {
			t.Errorf("%s: %q (%s, %s), want %q", tt.name, got, c.Then.Verdict, c.Now.Verdict, tt.clause)
		}
	}
}

func TestAChangeSaysWhyARailHoldsNow(t *testing.T) {
	t.Parallel()
	was := book(t, high)
	is := playbooktest.Load(t, playbooktest.Rules(high)+"protect: {names: [\"pc*\"]}\n")
	c := only(t, was, is, playbooktest.Input())
	if c.Effect != backtest.Ends || c.Now.Verdict != playbook.Held || c.Runs != 1 || len(c.Reasons) != 1 ||
		!strings.Contains(c.Reasons[0].Now, "protect.names") || c.Reasons[0].Then != "" {
		t.Errorf("%+v", c)
	}
	e := c.Examples[0]
	if e.Run != "da1:v1" || e.Machine != "pc1.contoso.com" || e.Severity != "High" ||
		e.Title != "Suspicious PowerShell" || !strings.Contains(e.Now, "protect.names") {
		t.Errorf("%+v", e)
	}
}

func TestWhatIsDoneInOtherWordsIsDoneOtherwise(t *testing.T) {
	t.Parallel()
	was := book(t, `{name: r, on: alert, when: true, do: [{isolate: {type: Full}}, {mail: {}}]}`)
	for _, steps := range []string{
		`{isolate: {type: Selective}}, {mail: {}}`,
		`{isolate: {type: Full, comment: "by hand"}}, {mail: {}}`,
		`{isolate: {type: Full}}, {mail: {text: "look"}}`,
	} {
		is := book(t, `{name: r, on: alert, when: true, do: [`+steps+`]}`)
		if c := only(t, was, is, playbooktest.Input()); c.Effect != backtest.Differs || c.Clause != nil {
			t.Errorf("%s: %+v", steps, c)
		}
	}
}

func TestWhatARulingOfThenDidNotReadCannotBeKnown(t *testing.T) {
	t.Parallel()
	was := book(t, high)
	unread := playbooktest.Input()
	unread.Isolation = nil
	unread.OpenActions = nil
	unread.AlertsOnMachine = nil
	unread.AlertsInIncident = nil
	d := decide(t, was, unread)
	when := func(condition string) *playbook.Book {
		return book(t, `{name: r, on: alert, when: '`+condition+`', do: [{isolate: {type: Full}}]}`)
	}
	for condition, want := range map[string]string{
		`!machine.isolated`:                               "not read: machine.isolated",
		`machine.isolatedBy == "person"`:                  "not read: machine.isolatedBy",
		`any(machine.openActions, true)`:                  "not read: machine.openActions",
		`alertsOnMachine > 2`:                             "not read: alertsOnMachine",
		`alertsInIncident > 2`:                            "not read: alertsInIncident",
		`alert.severity == "Low" && alertsOnMachine > 2`:  "", // whatever it is
		`alert.severity == "High" || alertsOnMachine > 2`: "",
	} {
		r := alone(when(condition), d)
		got := ""
		if len(r.Unknown) > 0 {
			got = r.Unknown[0].What
		}
		if got != want || r.UnknownRuns != len(r.Unknown) || r.Compared+r.UnknownRuns != 1 {
			t.Errorf("%s: %q, want %q: %+v", condition, got, want, r)
		}
	}
	asked := unread
	asked.ActionsMissing = "the API answers 403" // it was asked for, and is as it was then
	r := alone(when(`!machine.isolated`), decide(t, was, asked))
	if r.UnknownRuns != 0 || r.Effects[1] != (backtest.Count{Name: string(backtest.Ends), Runs: 1}) {
		t.Errorf("%+v", r)
	}
}

func TestWhatWasNotKeptCannotBeKnownIfARuleReadsIt(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Alert.Evidence[1].CommandLine = "net use --password=hunter2"
	in.Alert.Description = "token: abcdefgh"
	was := book(t, high)
	d := decide(t, was, in)
	if len(d.Left) != 2 {
		t.Fatalf("left out: %q", d.Left)
	}
	for condition, unknown := range map[string]int{
		`alert.severity == "High"`:                              0,
		`alert.title == "x" || alert.severity == "High"`:        0,
		`any(alert.evidence, .fileName == "x")`:                 1,
		`alert.description contains "abc"`:                      1,
		`severityAtLeast(alert, "High")`:                        0,
		`alert.severity == "High" and len(alert.evidence) == 2`: 1,
	} {
		r := alone(book(t, `{name: contain, on: alert, when: '`+condition+`', do: [{isolate: {type: Full}}]}`), d)
		if r.UnknownRuns != unknown || r.Differ != 0 {
			t.Errorf("%s: %+v", condition, r)
		}
	}
	for left, unknown := range map[string]int{
		"steps[0].comment: a secret":                0,
		"openActions[0].requestorComment: a secret": 0,
		"reason: a secret":                          0,
		"steps[0].tag: a secret":                    1,
		"3 texts: cut to 500 characters":            1,
		"machine.machineTags: 500 of 501":           1,
		"openActions: 500 of 501":                   0,
		"steps: 2 of 3":                             1,
		"hunt.row.Command: a secret":                0,
		"all: it cannot be read: unexpected EOF":    1,
	} {
		d := decide(t, was, playbooktest.Input())
		d.Left = []string{left}
		if r := alone(was, d); r.UnknownRuns != unknown || r.Runs != 1 {
			t.Errorf("%s: %+v", left, r)
		}
	}
}

func TestACeilingCanBeTriedThatWasNot(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Ceiling = playbook.Observe
	was := book(t, high)
	d := decide(t, was, in)
	if r := alone(was, d); r.Differ != 0 || r.UnderObserve != 1 {
		t.Errorf("%+v", r)
	}
	trial := backtest.New(backtest.Options{
		Book:    was,
		Ceiling: playbook.Enforce,
		Explain: true,
	})
	trial.Add(d)
	r := trial.Report()
	if r.UnderObserve != 0 || len(r.Changes) != 1 || r.Changes[0].Effect != backtest.Begins ||
		r.Changes[0].Then.Verdict != playbook.WouldDo || len(r.Changes[0].Examples[0].Plan.Rules) != 1 {
		t.Errorf("%+v", r)
	}
}

// TestRailsThatWereNotLookedUpAreCounted has a run that was to act, of which pause and beginning were read, and one of
// which they were not.
func TestRailsThatWereNotLookedUpAreCounted(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	if r := alone(book(t, high), decide(t, book(t, medium), in)); r.RailsUnread != 1 {
		t.Errorf("nothing was to be done then: %+v", r)
	}
	if r := alone(book(t, medium), decide(t, book(t, high), in)); r.RailsUnread != 0 {
		t.Errorf("nothing would be done now: %+v", r)
	}
	in.Beginning = in.Now.Add(-48 * time.Hour)
	selective := strings.Replace(high, "Full", "Selective", 1)
	if r := alone(book(t, high), decide(t, book(t, selective), in)); r.RailsUnread != 0 || r.Differ != 1 {
		t.Errorf("something was to be done then: %+v", r)
	}
}

// TestWhatIsKeptIsBoundedWhateverIsInTheRecord gives a trial more of everything than it keeps.
func TestWhatIsKeptIsBoundedWhateverIsInTheRecord(t *testing.T) {
	t.Parallel()
	is := book(t, high)
	trial := backtest.New(backtest.Options{Book: is})
	const runs = 3000
	for i := range runs {
		in := playbooktest.Input()
		in.Alert.Severity = alert.Low
		d := decided.Of(in, is.Decide(in))
		d.Run = fmt.Sprintf("da%d:v1", i)
		d.Playbook = fmt.Sprintf("%064x", i)
		d.Rule = fmt.Sprintf("rule-%d", i)
		d.Steps = []playbook.Step{{
			Kind:    playbook.Isolate,
			Verdict: playbook.Held,
			Why:     strings.Repeat("why", i),
		}}
		if i%2 == 0 {
			d.Left = []string{strings.Repeat("x", i) + ": too large"}
		}
		trial.Add(d)
	}
	r := trial.Report()
	if r.Runs != runs || r.UnknownRuns != runs/2 || r.Differ != runs/2 {
		t.Errorf("%d runs, %d not known, %d differ", r.Runs, r.UnknownRuns, r.Differ)
	}
	if len(r.Changes) > 200 || len(r.Changes)+r.More != runs/2 || len(r.Rules) > 400 || len(r.Then) > 20 ||
		len(r.Unknown) > 30 {
		t.Errorf("%d changes and %d more, %d rules, %d playbooks, %d unknown", len(r.Changes), r.More, len(r.Rules),
			len(r.Then), len(r.Unknown))
	}
	for _, c := range r.Changes {
		if len(c.Reasons[0].Then) > 1000 {
			t.Errorf("a reason has %d bytes", len(c.Reasons[0].Then))
		}
	}
}
