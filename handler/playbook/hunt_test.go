package playbook_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	. "cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/read"
)

const huntBook = `version: 1
mode: enforce
rules:
  - name: high-alerts
    on: alert
    when: alert.severity == "High"
    do: [{isolate: {type: Full}}]
  - name: remote-tools
    on: hunt
    when: hunt.name == "remote-tools" && lower(hunt.row.FileName) == "anydesk.exe" && machine != nil && machine.osPlatform == "Windows11"
    do: [{isolate: {type: Selective}}, {mail: {}}]
  - name: other-hunts
    on: hunt
    when: "true"
    do: [{mail: {}}]
protect: {tags: [never-isolate]}
only: {os: [Windows11]}
`

func huntInput(name string, row map[string]string) Input {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	return Input{Alert: alert.Alert{ID: "hunt:" + name + ":0a", Severity: alert.High, MachineID: "m1", Created: now,
		Updated: now}, Hunt: &Hunt{Name: name, Severity: "High", Row: row},
		Machine: &machine.Machine{ID: "m1", ComputerDNSName: "lt-1", OSPlatform: "Windows11", HealthStatus: "Active",
			OnboardingStatus: "Onboarded", Tags: []string{}}, Now: now, StaleAfter: time.Hour, Ceiling: Enforce}
}

func TestAFindingIsDecidedByRulesForHuntsAlone(t *testing.T) {
	t.Parallel()
	b, err := read.Load("playbook.yaml", []byte(huntBook))
	if err != nil {
		t.Fatal(err)
	}
	if w := playbooktest.Warnings(t, huntBook); len(w) > 0 {
		t.Errorf("a rule for alerts shadows one for hunts: %v", w)
	}
	in := huntInput("remote-tools", map[string]string{"FileName": "AnyDesk.exe"})
	plan := b.Decide(in)
	if plan.Rule != "remote-tools" || plan.Steps[0].Verdict != Do || plan.Steps[0].Scope != machine.Selective ||
		len(plan.Rules) != 2 {
		t.Errorf("%+v", plan)
	}
	if values := plan.Rules[0].Clauses[1].Values; len(values) != 1 || !strings.Contains(values[0].Value,
		"AnyDesk.exe") {
		t.Errorf("the explanation shows %+v", values)
	}
	in.Machine.Tags = []string{"never-isolate"}
	if plan := b.Decide(in); plan.Steps[0].Verdict != Held {
		t.Errorf("a protected machine of a finding: %+v", plan.Steps)
	}
	if plan := b.Decide(huntInput("remote-tools", nil)); plan.Rule != "other-hunts" {
		t.Errorf("a row without the column: %+v", plan)
	}
	in = huntInput("x", nil)
	in.Hunt = nil
	if plan := b.Decide(in); plan.Rule != "high-alerts" || len(plan.Rules) != 1 {
		t.Errorf("an alert: %+v", plan)
	}
}

func TestAPlaybookWithoutRulesForHuntsDoesNothingAboutFindings(t *testing.T) {
	t.Parallel()
	b, err := read.Load("playbook.yaml", []byte(huntBook[:strings.Index(huntBook, "  - name: remote-tools")]))
	if err != nil {
		t.Fatal(err)
	}
	if plan := b.Decide(huntInput("remote-tools", nil)); len(plan.Steps) != 0 || plan.Reason != "no rule of 0 matched" {
		t.Errorf("%+v", plan)
	}
}

func TestARuleReadsWhatItIsAskedAbout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ old, new, says string }{
		{`alert.severity == "High"`, `hunt.name == "x"`, "a rule with on: alert reads hunt"},
		{`hunt.name == "remote-tools"`, `alert.severity == "High"`, "a rule with on: hunt reads alert"},
		{`when: "true"`, "when: \"true\"\n    unless: alert.title == \"x\"", "a rule with on: hunt reads alert"},
		{"{mail: {}}]\n  - name: other", "{updateAlert: {status: InProgress}}]\n  - name: other", "updateAlert"},
		{`hunt.name ==`, `hunt.nmae ==`, `hunt has no field "nmae"`},
		{"hunt.row.FileName", "hunt.row[hunt.name]", "an index has to be a written number"},
		{"hunt.row.FileName)", "hunt.row.FileName) + 1", "mismatched types"},
	} {
		_, err := read.Load("playbook.yaml", []byte(strings.Replace(huntBook, tt.old, tt.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.new, err, tt.says)
		}
	}
}
