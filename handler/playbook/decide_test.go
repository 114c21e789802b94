package playbook

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

func decisionTime() time.Time { return time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC) }

const machineID = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07"

// input is a fresh High alert on a workstation that nothing protects.
func input() Input {
	return Input{
		Alert: alert.Alert{ID: "da1", IncidentID: 5, Title: "Suspicious PowerShell", Category: "Execution", Severity: alert.High, Status: alert.StatusNew,
			MachineID: machineID, ComputerDNSName: "pc1.contoso.com", MitreTechniques: []string{"T1059.001"},
			Evidence: []alert.Evidence{{Kind: "File", FileName: "a.exe", SHA1: "abc"}, {Kind: "Process", FileName: "powershell.exe"}},
			Created:  decisionTime().Add(-time.Minute), FirstEvent: decisionTime().Add(-time.Hour), Updated: decisionTime()},
		Machine: &machine.Machine{ID: machineID, ComputerDNSName: "pc1.contoso.com", OSPlatform: "Windows11", HealthStatus: "Active", OnboardingStatus: "Onboarded",
			DeviceValue: "Normal", Tags: []string{"office"}, LastSeen: decisionTime().Add(-time.Hour), LastIP: "10.20.3.4", Version: "23H2"},
		Isolation: &machine.State{}, OpenActions: []machine.Action{{Type: "RunAntiVirusScan", Status: machine.Pending, MachineID: machineID, Requestor: "soc@contoso.com"}},
		AlertsOnMachine: new(4), AlertsInIncident: new(1), Now: decisionTime(), Ceiling: Enforce, StaleAfter: 24 * time.Hour,
	}
}

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
	for _, when := range conditionsThatWork() {
		t.Run(when, func(t *testing.T) {
			b := mustLoad(t, oneRule(when, ""))
			if p := b.Decide(input()); p.Rule != "r" || p.Rules[0].Outcome != Matched {
				t.Errorf("not matched:\n%s", p.Explain())
			}
			b = mustLoad(t, oneRule("!("+when+")", ""))
			if p := b.Decide(input()); p.Rule != "" || len(p.Steps) != 0 {
				t.Errorf("its opposite matched:\n%s", p.Explain())
			}
		})
	}
}

func conditionsThatWork() []string {
	return []string{
		`alert.severity == "High"`,
		`alert.severity != "Low" && alert.status == "New"`,
		`alert.severity in ["High", "Medium"]`,
		`not (alert.severity == "Low") and (alert.incidentId == 5 or false)`,
		`alert.incidentId in [4, 5]`,
		`alert.incidentId % 2 == 1`,
		`"T1059.001" in alert.mitreTechniques`,
		`any(alert.mitreTechniques, # startsWith "T1059")`,
		`any(alert.evidence, .fileName == "powershell.exe")`,
		`any(alert.evidence, .fileName == "a.exe" && .sha1 == "abc")`,
		`count(alert.evidence, .entityType == "File") == 1`,
		`len(alert.evidence) == 2`,
		`alert.title matches "(?i)POWERSHELL"`,
		`lower(alert.title) contains "power"`,
		`now - alert.alertCreationTime < duration("2m")`,
		`alert.firstEventTime.Before(alert.alertCreationTime)`,
		`alert.lastEventTime.IsZero()`,
		`now.Hour() >= 8 && now.Hour() < 18`,
		`machine != nil && machine.osPlatform == "Windows11"`,
		`"office" in machine.machineTags`,
		`machine.osBuild == 0`,
		`alert.relatedUser.userName == ""`,
		`alert.lastUpdateTime >= alert.alertCreationTime && alert.resolvedTime.IsZero()`,
		`machine.lastSeenAge > duration("59m") && machine.lastSeenAge.Hours() < 2`,
		`!machine.isolated`,
		`any(machine.openActions, .type == "RunAntiVirusScan" && .requestor startsWith "soc")`,
		`glob(machine.computerDnsName, "KIOSK*", "PC?.contoso.*")`,
		`inCIDR(machine.lastIpAddress, "192.0.2.0/24", "10.20.0.0/16")`,
		`compareVersion(machine.version, "22H2") > 0 && compareVersion("1809", "20H2") == -1`,
		`timeBetween(now, "10:30", "11:00", "Europe/Berlin") == false && timeBetween(now, "11:00", "11:01", "Europe/Berlin")`,
		`weekday(now, "America/New_York") == "Wednesday"`,
		`alertsOnMachine >= 3 && alertsInIncident == 1`,
		`severityAtLeast(alert, "Medium") && severityAtLeast(alert, "High")`,
		`machine.osBuild == 0 || machine.osBuild > 22000`,
		`true`,
	}
}

func TestConditionsOnAnUnknownSeverityNeitherMatchNorFail(t *testing.T) {
	b := mustLoad(t, oneRule(`alert.severity == "High"`, ""))
	in := input()
	in.Alert.Severity = "Catastrophic\x1b[2J"
	p := b.Decide(in)
	if p.Rule != "" || p.Rules[0].Outcome != NoMatch {
		t.Errorf("%s", p.Explain())
	}
	if got, want := p.Rules[0].Clauses[0].Values[0], (ValueSeen{"alert.severity", `"Catastrophic [2J"`}); got != want {
		t.Errorf("shown as %+v, want %+v", got, want)
	}
}

func TestTheFactsAreTheTaggedFieldsOfAnAlertAndNoOthers(t *testing.T) {
	want := fieldNames(reflect.TypeFor[alert.Alert]())
	if diff := cmp.Diff(want, fieldNames(reflect.TypeFor[AlertFacts]())); diff != "" {
		t.Error(diff)
	}
	// Every one carries the alert's value: a full alert has no empty fact.
	a := alert.Alert{}
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(decisionTime()))
		case int64:
			f.SetInt(7)
		case []string:
			f.Set(reflect.ValueOf([]string{"x"}))
		case []alert.Evidence:
			f.Set(reflect.ValueOf([]alert.Evidence{{Kind: "x"}}))
		case alert.User:
			f.Set(reflect.ValueOf(alert.User{Name: "x"}))
		default:
			f.SetString(v.Type().Field(i).Name)
		}
	}
	facts := factsOf(Input{Alert: a}).Alert
	for i := range reflect.TypeFor[AlertFacts]().NumField() {
		name := reflect.TypeFor[AlertFacts]().Field(i).Name
		got, want := reflect.ValueOf(facts).Field(i), v.FieldByName(name)
		if fmt.Sprint(got.Interface()) != fmt.Sprint(want.Interface()) || got.IsZero() {
			t.Errorf("%s: %v, the alert has %v", name, got, want)
		}
	}
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	b := mustLoad(t, `
version: 1
mode: enforce
rules:
  - {name: low, on: alert, when: alert.severity == "Low", do: [mail: {}]}
  - {name: quiet, on: alert, when: alert.category == "Execution", do: []}
  - {name: high, on: alert, when: alert.severity == "High", do: [isolate: {type: Selective}, mail: {to: ["SOC <soc@example.com>", soc@example.com]}]}
  - {name: fails, on: alert, when: 'alert.mitreTechniques[9] == "x"', do: []}
`)
	p := b.Decide(input())
	var outcomes []Outcome
	for _, r := range p.Rules {
		outcomes = append(outcomes, r.Outcome)
	}
	if diff := cmp.Diff([]Outcome{NoMatch, Matched, Shadowed, LateFail}, outcomes); diff != "" {
		t.Error(diff)
	}
	if p.Rule != "quiet" || len(p.Steps) != 0 || len(p.Rails) != 0 {
		t.Errorf("%s", p.Explain())
	}
	in := input()
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
	b := mustLoad(t, oneRule("true", "protect: {tags: [never-*]}"))
	// Every entry adds one more reason in front of the ones before it.
	in := input()
	for _, step := range []struct {
		change  func(*Input)
		verdict Verdict
		why     string
	}{
		{func(*Input) {}, Do, ""},
		{func(in *Input) { in.Ceiling = "" }, WouldDo, "mode observe: playbook enforce, ceiling observe"},
		{func(in *Input) { in.Paused, in.PauseReason = true, "change freeze" }, Held, "acting is paused: change freeze"},
		{func(in *Input) { in.Now = in.Now.Add(24 * time.Hour) }, Held, "the alert is 24h1m0s old, the limit is 24h0m0s; besides, acting is paused: change freeze"},
		{func(in *Input) { in.Machine.Tags = []string{"Never-Isolate"} }, Held,
			`protected: "Never-Isolate" is on protect.tags as "never-*"; besides, the alert is 24h1m0s old, the limit is 24h0m0s; besides, acting is paused: change freeze`},
		{func(in *Input) { in.Machine, in.MachineMissing = nil, "404" }, Held, "the machine could not be read, so it counts as protected: 404"},
		{func(in *Input) { in.Alert.MachineID = "" }, Held, "the alert names no machine"},
		{func(in *Input) { in.Alert.Classification = "falsePositive" }, Skipped, "the alert is classified as a false positive"},
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
	b := mustLoad(t, oneRule("true", ""))
	if got := isolation(t, b.Decide(Input{})); got.Verdict != Held {
		t.Errorf("%+v", got)
	}
	in := input()
	in.StaleAfter = 0
	if got := isolation(t, b.Decide(in)); got.Verdict != Held || !strings.Contains(got.Why, "stale limit") {
		t.Errorf("%+v", got)
	}
	in = input()
	in.Alert.Created, in.Alert.Updated = time.Time{}, time.Time{}
	if got := isolation(t, b.Decide(in)); got.Verdict != Held {
		t.Errorf("%+v", got)
	}
	in = input()
	in.Machine.ID = "another"
	if got := isolation(t, b.Decide(in)); got.Verdict != Held || !strings.Contains(got.Why, "another") {
		t.Errorf("%+v", got)
	}
}

func TestARuleThatCanNotBeEvaluatedIsHeldAndTold(t *testing.T) {
	b := mustLoad(t, `
version: 1
mode: enforce
rules:
  - {name: os, on: alert, when: 'alert.severity == "High" && machine.osPlatform == "Windows11"', do: [isolate: {type: Full}]}
  - {name: rest, on: alert, when: "true", do: [isolate: {type: Full}]}
`)
	in := input()
	in.Machine = nil
	p := b.Decide(in)
	if p.Rule != "os" || p.Rules[0].Outcome != Errored {
		t.Fatalf("%s", p.Explain())
	}
	if s := isolation(t, p); s.Verdict != Held || s.Why != p.Reason+"; besides, the machine could not be read, so it counts as protected" || !strings.Contains(s.Why, "cannot get osPlatform from machine") {
		t.Errorf("%+v", s)
	}
	if len(p.Steps) != 2 || p.Steps[1].Kind != Mail || p.Steps[1].Verdict != Do || p.Steps[1].To != nil {
		t.Errorf("nobody is told: %+v", p.Steps)
	}
	want := []*ClauseTrace{
		{`alert.severity == "High"`, "true", []ValueSeen{{"alert.severity", `"High"`}}},
		{`machine.osPlatform == "Windows11"`, "no answer: cannot get osPlatform from machine", []ValueSeen{{"machine.osPlatform", "nil"}}},
	}
	if diff := cmp.Diff(want, p.Rules[0].Clauses); diff != "" {
		t.Error(diff)
	}
}

func TestAWildConditionEndsWithinItsBounds(t *testing.T) {
	b := mustLoad(t, oneRule(`any(alert.evidence, .processCommandLine matches "(a+)+$") || count(alert.evidence, .fileName in alert.mitreTechniques) > 5`, ""))
	in := input()
	in.Alert.Evidence = make([]alert.Evidence, 1000)
	for i := range in.Alert.Evidence {
		in.Alert.Evidence[i].CommandLine = strings.Repeat("a", 500) + "!"
	}
	if p := b.Decide(in); p.Rules[0].Outcome != NoMatch {
		t.Errorf("%s", p.Explain())
	}
}

func TestCommentsArePlainAndShort(t *testing.T) {
	b := mustLoad(t, strings.Replace(oneRule("true", ""), "{type: Full}", `{type: Full, comment: "{{.Rule}} {{if .Machine.OSPlatform}}{{.Machine.OSPlatform}}{{else}}?{{end}}: {{.Alert.Title}} {{len .Alert.Evidence}}"}`, 1))
	for _, c := range []struct{ title, want string }{
		{"plain", "r Windows11: plain 2"},
		{"a\r\nBcc: x\x00\x1b[31m\u202e\u2028é", "r Windows11: a  Bcc: x  [31m  é 2"},
		{"{{.Alert.ID}}", "r Windows11: {{.Alert.ID}} 2"},
	} {
		in := input()
		in.Alert.Title = c.title
		if got := isolation(t, b.Decide(in)).Comment; got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for _, title := range []string{strings.Repeat("é", 5000), strings.Repeat("x", 1<<20)} {
		in := input()
		in.Alert.Title = title
		got := isolation(t, b.Decide(in)).Comment
		if n := len([]rune(got)); n != MaxComment || !strings.HasSuffix(got, "…") {
			t.Errorf("%d characters, ends in %q", n, got[len(got)-5:])
		}
	}
}

func TestAPlanSurvivesJSONAndExplainsItself(t *testing.T) {
	b := mustLoad(t, `
version: 1
rules:
  - {name: low, on: alert, when: alert.severity == "Low" || alert.status == "Resolved", do: []}
  - name: high
    on: alert
    when: alert.severity == "High" && "office" in machine.machineTags && any(alert.evidence, .sha1 == "abc")
    do: [isolate: {type: Full}, mail: {}]
protect: {names: [DC*]}
`)
	plan := b.Decide(input())
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
	if diff := cmp.Diff(want, back.Explain()); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkDecide100Rules(b *testing.B) {
	var src strings.Builder
	src.WriteString("version: 1\nmode: enforce\nrules:\n")
	for i := range 100 {
		fmt.Fprintf(&src, "  - {name: r%d, on: alert, when: 'alert.severity == \"High\" && !(\"x%d\" in machine.machineTags) && machine.healthStatus == \"Impaired\"', do: [isolate: {type: Full}]}\n", i, i)
	}
	book, in := mustLoad(b, src.String()), input()
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
		src += fmt.Sprintf("  - {name: r%d, on: alert, when: 'alert.severity == \"High\" && machine.healthStatus == \"Active\"', do: [isolate: {type: Full}]}\n", i)
	}
	for b.Loop() {
		mustLoad(b, src)
	}
}

func TestNothingThatLastsIsDoneForAFalsePositive(t *testing.T) {
	b := mustLoad(t, `
version: 1
mode: enforce
rules:
  - name: all
    on: alert
    when: "true"
    do: [isolate: {type: Full}, restrictApps: {}, scan: {type: Quick}, tag: {add: seen}, mail: {}]
`)
	in := input()
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
	b := mustLoad(t, strings.Replace(oneRule("true", "protect: {tags: [never-*]}"), "    do:", "    maxAlertAge: 1h\n    do:", 1))
	in := input()
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
