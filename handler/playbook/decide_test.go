package playbook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/machine"
	. "cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/templates"
)

func isolation(t *testing.T, p Plan) Step {
	t.Helper()
	for _, s := range p.Steps {
		if s.Kind == Isolate {
			return s
		}
	}
	t.Fatalf("no isolation in %+v", p)
	return Step{}
}

func TestConditionsReadTheFactsUnderTheirNames(t *testing.T) {
	for _, when := range playbooktest.Conditions() {
		t.Run(when, func(t *testing.T) {
			b := playbooktest.Load(t, playbooktest.OneRule(when, ""))
			if p := b.Decide(playbooktest.Input()); p.Rule != "r" || p.Rules[0].Outcome != Matched {
				t.Errorf("not matched:\n%s", explain.Plan(p))
			}
			b = playbooktest.Load(t, playbooktest.OneRule("!("+when+")", ""))
			if p := b.Decide(playbooktest.Input()); p.Rule != "" || len(p.Steps) != 0 {
				t.Errorf("its opposite matched:\n%s", explain.Plan(p))
			}
		})
	}
}

func TestConditionsOnAnUnknownSeverityNeitherMatchNorFail(t *testing.T) {
	b := playbooktest.Load(t, playbooktest.OneRule(`alert.severity == "High"`, ""))
	in := playbooktest.Input()
	in.Alert.Severity = "Catastrophic\x1b[2J"
	p := b.Decide(in)
	if p.Rule != "" || p.Rules[0].Outcome != NoMatch {
		t.Errorf("%s", explain.Plan(p))
	}
	if got, want := p.Rules[0].Clauses[0].Values[0],
		(condition.ValueSeen{Name: "alert.severity", Value: `"Catastrophic [2J"`}); got != want {
		t.Errorf("shown as %+v, want %+v", got, want)
	}
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	b := playbooktest.Load(t, `
version: 1
mode: enforce
rules:
  - {name: low, on: alert, when: alert.severity == "Low", do: [mail: {}]}
  - {name: quiet, on: alert, when: alert.category == "Execution", do: []}
  - name: high
    on: alert
    when: alert.severity == "High"
    do: [isolate: {type: Selective}, mail: {to: ["SOC <soc@example.com>", soc@example.com]}]
  - {name: fails, on: alert, when: 'alert.mitreTechniques[9] == "x"', do: []}
`)
	p := b.Decide(playbooktest.Input())
	var outcomes []Outcome
	for _, r := range p.Rules {
		outcomes = append(outcomes, r.Outcome)
	}
	if diff := cmp.Diff([]Outcome{NoMatch, Matched, Shadowed, LateFail}, outcomes); diff != "" {
		t.Error(diff)
	}
	if p.Rule != "quiet" || len(p.Steps) != 0 || len(p.Rails) != 0 {
		t.Errorf("%s", explain.Plan(p))
	}
	in := playbooktest.Input()
	in.Alert.Category = "Malware"
	p = b.Decide(in)
	want := []Step{
		{Kind: Isolate, Scope: machine.Selective, Comment: "Alert da1: Suspicious PowerShell", Verdict: Do},
		{Kind: Mail, To: []string{"soc@example.com"}, Verdict: Do},
	}
	if diff := cmp.Diff(want, p.Steps); diff != "" {
		t.Error(diff)
	}
}

func TestEachRailHoldsInItsOrder(t *testing.T) {
	b := playbooktest.Load(t, playbooktest.OneRule("true", "protect: {tags: [never-*]}"))
	// Every entry adds one more reason in front of the ones before it.
	in := playbooktest.Input()
	for _, step := range []struct {
		change  func(*Input)
		verdict Verdict
		why     string
	}{
		{func(*Input) {}, Do, ""},
		{func(in *Input) { in.Ceiling = "" }, WouldDo, "mode observe: playbook enforce, ceiling observe"},
		{func(in *Input) { in.Paused, in.PauseReason = true, "change freeze" }, Held,
			"acting is paused: change freeze"},
		{func(in *Input) { in.Now = in.Now.Add(24 * time.Hour) }, Held,
			"the alert is 24h1m0s old, the limit is 24h0m0s; besides, acting is paused: change freeze"},
		{func(in *Input) { in.Machine.Tags = []string{"Never-Isolate"} }, Held,
			`protected: "Never-Isolate" is on protect.tags as "never-*"; besides, the alert is 24h1m0s old, the ` +
				`limit is 24h0m0s; besides, acting is paused: change freeze`},
		{func(in *Input) { in.Machine, in.MachineMissing = nil, "404" }, Held,
			"the machine could not be read, so it counts as protected: 404"},
		{func(in *Input) { in.Alert.MachineID = "" }, Held, "the alert names no machine"},
		{func(in *Input) { in.Alert.Classification = "falsePositive" }, Skipped,
			"the alert is classified as a false positive"},
	} {
		step.change(&in)
		p := b.Decide(in)
		got := isolation(t, p)
		if got.Verdict != step.verdict || got.Why != step.why {
			t.Errorf("%s %q, want %s %q", got.Verdict, got.Why, step.verdict, step.why)
		}
		if len(p.Rails) != 9 {
			t.Errorf("%d rails explained", len(p.Rails))
		}
		if m := p.Steps[1]; m.Kind != Mail || m.Verdict == Held || m.Verdict == Skipped {
			t.Errorf("a rail holds the mail: %+v", m)
		}
	}
}

func TestTheZeroInputActsOnNothing(t *testing.T) {
	b := playbooktest.Load(t, playbooktest.OneRule("true", ""))
	if got := isolation(t, b.Decide(Input{})); got.Verdict != Held {
		t.Errorf("%+v", got)
	}
	in := playbooktest.Input()
	in.StaleAfter = 0
	if got := isolation(t, b.Decide(in)); got.Verdict != Held || !strings.Contains(got.Why, "stale limit") {
		t.Errorf("%+v", got)
	}
	in = playbooktest.Input()
	in.Alert.Created, in.Alert.Updated = time.Time{}, time.Time{}
	if got := isolation(t, b.Decide(in)); got.Verdict != Held {
		t.Errorf("%+v", got)
	}
	in = playbooktest.Input()
	in.Machine.ID = "another"
	if got := isolation(t, b.Decide(in)); got.Verdict != Held || !strings.Contains(got.Why, "another") {
		t.Errorf("%+v", got)
	}
}

func TestARuleThatCanNotBeEvaluatedIsHeldAndTold(t *testing.T) {
	b := playbooktest.Load(t, `
version: 1
mode: enforce
rules:
  - {name: os, on: alert, when: 'alert.severity == "High" && machine.osPlatform == "Windows11"', do: [isolate: {type: Full}]}
  - {name: rest, on: alert, when: "true", do: [isolate: {type: Full}]}
`)
	in := playbooktest.Input()
	in.Machine = nil
	p := b.Decide(in)
	if p.Rule != "os" || p.Rules[0].Outcome != Errored {
		t.Fatalf("%s", explain.Plan(p))
	}
	why := p.Reason + "; besides, the machine could not be read, so it counts as protected"
	if s := isolation(t, p); s.Verdict != Held || s.Why != why ||
		!strings.Contains(s.Why, "evaluated: the machine could not be read; nothing is done") {
		t.Errorf("%+v", s)
	}
	if len(p.Steps) != 2 || p.Steps[1].Kind != Mail || p.Steps[1].Verdict != Do || p.Steps[1].To != nil {
		t.Errorf("nobody is told: %+v", p.Steps)
	}
	want := []*condition.Trace{
		{Text: `alert.severity == "High"`, Result: "true",
			Values: []condition.ValueSeen{{Name: "alert.severity", Value: `"High"`}}},
		{Text: `machine.osPlatform == "Windows11"`, Result: "no answer: the machine could not be read",
			Values: []condition.ValueSeen{{Name: "machine.osPlatform", Value: "not known"}}},
	}
	if diff := cmp.Diff(want, p.Rules[0].Clauses); diff != "" {
		t.Error(diff)
	}
}

func TestAWildConditionEndsWithinItsBounds(t *testing.T) {
	b := playbooktest.Load(t, playbooktest.OneRule(`any(alert.evidence, .processCommandLine matches "(a+)+$") `+
		`|| count(alert.evidence, .fileName in alert.mitreTechniques) > 5`, ""))
	in := playbooktest.Input()
	in.Alert.Evidence = make([]alert.Evidence, 1000)
	for i := range in.Alert.Evidence {
		in.Alert.Evidence[i].CommandLine = strings.Repeat("a", 500) + "!"
	}
	if p := b.Decide(in); p.Rules[0].Outcome != NoMatch {
		t.Errorf("%s", explain.Plan(p))
	}
}

func TestCommentsArePlainAndShort(t *testing.T) {
	b := playbooktest.Load(t, strings.Replace(playbooktest.OneRule("true", ""), "{type: Full}",
		`{type: Full, comment: "{{.Rule}} {{if .Machine.OSPlatform}}{{.Machine.OSPlatform}}{{else}}?{{end}}: `+
			`{{.Alert.Title}} {{len .Alert.Evidence}}"}`, 1))
	for _, c := range []struct{ title, want string }{
		{"plain", "r Windows11: plain 2"},
		{"a\r\nBcc: x\x00\x1b[31m\u202e\u2028é", "r Windows11: a  Bcc: x  [31m  é 2"},
		{"{{.Alert.ID}}", "r Windows11: {{.Alert.ID}} 2"},
	} {
		in := playbooktest.Input()
		in.Alert.Title = c.title
		if got := isolation(t, b.Decide(in)).Comment; got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for _, title := range []string{strings.Repeat("é", 5000), strings.Repeat("x", 1<<20)} {
		in := playbooktest.Input()
		in.Alert.Title = title
		got := isolation(t, b.Decide(in)).Comment
		if n := len([]rune(got)); n != templates.MaxText || !strings.HasSuffix(got, "…") {
			t.Errorf("%d characters, ends in %q", n, got[len(got)-5:])
		}
	}
}

func TestAPlanSurvivesJSONAndExplainsItself(t *testing.T) {
	b := playbooktest.Load(t, `
version: 1
rules:
  - {name: low, on: alert, when: alert.severity == "Low" || alert.status == "Resolved", do: []}
  - name: high
    on: alert
    when: alert.severity == "High" && "office" in machine.machineTags && any(alert.evidence, .sha1 == "abc")
    do: [isolate: {type: Full}, mail: {}]
protect: {names: [DC*]}
`)
	plan := b.Decide(playbooktest.Input())
	body, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan, back); diff != "" {
		t.Error(diff)
	}
	if len(body) > 2000 {
		t.Errorf("a plan of two rules takes %d bytes", len(body))
	}
	want := `rule high matched
mode observe

rules:
  1. low: no match
       false  alert.severity == "Low"
              alert.severity = "High"
       false  or alert.status == "Resolved"
              alert.status = "New"
  2. high: matched
       true   alert.severity == "High"
              alert.severity = "High"
       true   and "office" in machine.machineTags
              machine.machineTags = ["office"]
       true   and any(alert.evidence, .sha1 == "abc")
              alert.evidence = 2 entries

rails:
  passed    not a false positive
  passed    machine named
  passed    machine read
  passed    not protected
  passed    not stale
  passed    not paused
  passed    seen lately
  passed    supported
  would do  mode: mode observe: playbook observe, ceiling enforce

steps:
  would do  isolate Full: mode observe: playbook observe, ceiling enforce
            comment: Alert da1: Suspicious PowerShell
  would do  mail to the configured recipients: mode observe: the mail goes out and says what would have been done
`
	if diff := cmp.Diff(want, explain.Plan(back)); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkDecide100Rules(b *testing.B) {
	var src strings.Builder
	src.WriteString("version: 1\nmode: enforce\nrules:\n")
	for i := range 100 {
		fmt.Fprintf(&src, "  - {name: r%d, on: alert, when: 'alert.severity == \"High\" && !(\"x%d\" in "+
			"machine.machineTags) && machine.healthStatus == \"Impaired\"', do: [isolate: {type: Full}]}\n", i, i)
	}
	book, in := playbooktest.Load(b, src.String()), playbooktest.Input()
	b.ReportAllocs()
	for b.Loop() {
		if book.Decide(in).Rule != "" {
			b.Fatal("matched")
		}
	}
}

func BenchmarkLoad100Rules(b *testing.B) {
	src := "version: 1\nrules:\n"
	for i := range 100 {
		src += fmt.Sprintf("  - {name: r%d, on: alert, when: 'alert.severity == \"High\" && "+
			"machine.healthStatus == \"Active\"', do: [isolate: {type: Full}]}\n", i)
	}
	for b.Loop() {
		playbooktest.Load(b, src)
	}
}

func TestNothingThatLastsIsDoneForAFalsePositive(t *testing.T) {
	b := playbooktest.Load(t, `
version: 1
mode: enforce
rules:
  - name: all
    on: alert
    when: "true"
    do: [isolate: {type: Full}, restrictApps: {}, scan: {type: Quick}, tag: {add: seen}, mail: {}]
`)
	in := playbooktest.Input()
	in.Alert.Classification = "FalsePositive"
	verdicts := map[StepKind]Verdict{}
	for _, s := range b.Decide(in).Steps {
		verdicts[s.Kind] = s.Verdict
	}
	want := map[StepKind]Verdict{Isolate: Skipped, RestrictApps: Skipped, Scan: Do, Tag: Do, Mail: Do}
	if diff := cmp.Diff(want, verdicts); diff != "" {
		t.Error(diff)
	}
}

func TestAgeIsNotLookedAtAgainOnceAnActionWasUnderWay(t *testing.T) {
	b := playbooktest.Load(t, strings.Replace(playbooktest.OneRule("true", "protect: {tags: [never-*]}"), "    do:",
		"    maxAlertAge: 1h\n    do:", 1))
	in := playbooktest.Input()
	in.Now, in.Asked = in.Now.Add(8*24*time.Hour), []string{"isolation"}
	if got := isolation(t, b.Decide(in)); got.Verdict != Do {
		t.Errorf("%+v", got)
	}
	in.Machine.Tags = []string{"never-isolate"}
	if got := isolation(t, b.Decide(in)); got.Verdict != Held || !strings.Contains(got.Why, "protected") {
		t.Errorf("%+v", got)
	}
	in.StaleAfter = 0
	in.Machine.Tags = nil
	if got := isolation(t, b.Decide(in)); got.Verdict != Held {
		t.Errorf("without a limit: %+v", got)
	}
}
