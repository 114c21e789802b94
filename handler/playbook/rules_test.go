package playbook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/machine"
	. "cordon/handler/playbook"
	"cordon/handler/playbook/condition"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/playbooktest"
)

func TestContinueAsksTheRulesBelowAndUnlessExcepts(t *testing.T) {
	t.Parallel()
	const mailed, isolated = `{name: mailed, on: alert, when: "true", continue: true, do: [mail: {}]}`,
		`{name: isolated, on: alert, when: "true", do: [isolate: {type: Full}, mail: {}]}`
	for name, c := range map[string]struct {
		rules []string
		want  string
	}{
		"the first match has the last word": {[]string{isolated,
			`{name: below, on: alert, when: "true", do: [mail: {to: [a@example.com]}]}`},
			"isolated; do isolate Full; do mail"},
		"continue adds steps, the same ones once": {[]string{mailed, isolated,
			`{name: below, on: alert, when: "true", do: [mail: {to: [a@example.com]}]}`},
			"mailed,isolated; do mail; do isolate Full"},
		"a rule that does not match changes nothing": {[]string{`{name: no, on: alert, when: "false", ` +
			`continue: true, do: [mail: {to: [a@example.com]}]}`, isolated}, "isolated; do isolate Full; do mail"},
		"an exception lets the next rule decide": {[]string{`{name: server, on: alert, when: "true", ` +
			`unless: '"office" in machine.machineTags', do: []}`, isolated}, "isolated; do isolate Full; do mail"},
		"an exception that is false excepts nothing": {[]string{`{name: server, on: alert, when: "true", ` +
			`unless: '"kiosk" in machine.machineTags', do: []}`, isolated}, "server"},
		"an exception without an answer holds": {[]string{`{name: r, on: alert, when: "true", ` +
			`unless: 'alert.mitreTechniques[9] == "x"', do: [isolate: {type: Full}]}`, isolated},
			"r; held isolate Full; do mail"},
		"of two scopes the first done counts": {[]string{`{name: a, on: alert, when: "true", ` +
			`continue: true, do: [isolate: {type: Selective}]}`, isolated},
			"a,isolated; do isolate Selective; do mail"},
		"a held step keeps no other rule from acting": {[]string{`{name: a, on: alert, when: ` +
			`'alert.mitreTechniques[9] == "x"', continue: true, do: [isolate: {type: Selective}]}`, isolated},
			"a,isolated; do isolate Full; do mail"},
		"a rule that observes keeps no other from acting": {[]string{`{name: a, on: alert, when: "true", mode: ` +
			`observe, continue: true, do: [isolate: {type: Selective}]}`, isolated},
			"a,isolated; do isolate Full; do mail"},
		"a rule can lower the mode": {[]string{`{name: a, on: alert, when: "true", mode: observe, ` +
			`do: [isolate: {type: Full}, mail: {}]}`}, "a; would do isolate Full; would do mail"},
		"a rule without steps ends the asking": {[]string{mailed, `{name: quiet, on: alert, when: "true", do: []}`,
			isolated}, "mailed,quiet; do mail"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := playbooktest.Load(t, playbooktest.Rules(c.rules...)).Decide(playbooktest.Input())
			if got := playbooktest.Summary(p); got != c.want {
				t.Errorf("%s, want %s\n%s", got, c.want, explain.Plan(p))
			}
		})
	}
}

func TestARuleCanOnlyLowerTheModeAndTheAge(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, strings.Replace(playbooktest.Rules(`{name: r, on: alert, when: "true", mode: `+
		`enforce, maxAlertAge: 2d, do: [isolate: {type: Full}]}`), "mode: enforce", "mode: observe", 1))
	if p := b.Decide(playbooktest.Input()); p.Mode != Observe || p.Steps[0].Verdict != WouldDo {
		t.Errorf("a rule raised the mode:\n%s", explain.Plan(p))
	}
	b = playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", maxAlertAge: 2d, do: `+
		`[isolate: {type: Full}]}`))
	in := playbooktest.Input()
	in.Alert.Created = in.Now.Add(-25 * time.Hour)
	if s := b.Decide(in).Steps[0]; s.Verdict != Held || s.Why != "the alert is 25h0m0s old, the limit is 24h0m0s" {
		t.Errorf("%+v", s)
	}
	b = playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", maxAlertAge: 30m, do: `+
		`[isolate: {type: Full}]}`))
	in.Alert.Created = in.Now.Add(-31 * time.Minute)
	if s := b.Decide(in).Steps[0]; s.Verdict != Held ||
		s.Why != "the alert is 31m0s old, the limit of rule r is 30m0s" {
		t.Errorf("%+v", s)
	}
	in.Alert.Created = in.Now.Add(-30 * time.Minute)
	if s := b.Decide(in).Steps[0]; s.Verdict != Do {
		t.Errorf("%+v", s)
	}
}

func TestEachRuleIsHeldByItsOwnAgeAndMode(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.Rules(`{name: quick, on: alert, when: "true", maxAlertAge: 30s, `+
		`continue: true, do: [isolate: {type: Selective}]}`,
		`{name: slow, on: alert, when: "true", do: [isolate: {type: Full}]}`))
	p := b.Decide(playbooktest.Input())
	if got, want := playbooktest.Summary(p), "quick,slow; do isolate Full"; got != want ||
		p.Steps[0].Rule != "slow" || p.Mode != Enforce {
		t.Errorf("%s, want %s", got, want)
	}
	var said []string
	for _, r := range p.Rails {
		if r.Rule != "" {
			said = append(said, fmt.Sprintf("%s %s: %s", r.Rule, r.Rail, r.Verdict))
		}
	}
	if diff := cmp.Diff([]string{"quick not stale: held", "slow not stale: do", "quick mode: do", "slow mode: do"},
		said); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCostsACallIsAskedForOnlyByARuleThatReadsIt(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]Needs{
		`alert.severity == "High" && machine.osPlatform == "Windows11"`: {},
		`alert.severity == "High" && !machine.isolated`:                 {Isolated: true},
		`count(machine.openActions, .type == "Isolate") == 0`:           {OpenActions: true},
		`machine.isolated or len(machine.openActions) > 2`:              {Isolated: true, OpenActions: true},
		`alertsOnMachine > 3`:                             {AlertsOnMachine: true},
		`alert.severity == "Low" || alertsInIncident > 3`: {AlertsInIncident: true},
	} {
		if got := playbooktest.Load(t, playbooktest.OneRule(when, "")).Needs(); got != want {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	if got := playbooktest.Load(t,
		playbooktest.Rules(`{name: r, on: alert, when: "true", unless: machine.isolated, do: []}`)).Needs(); !got.Isolated {
		t.Error("an exception's need is not seen")
	}
}

func TestAFactThatWasNotReadHoldsTheRulesThatReadIt(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.Rules(`{name: low, on: alert, when: 'alert.severity == "Low" && `+
		`machine.isolated', do: [isolate: {type: Full}]}`,
		`{name: free, on: alert, when: 'alert.severity == "High"', unless: machine.isolated, do: [isolate: `+
			`{type: Full}]}`,
		`{name: busy, on: alert, when: len(machine.openActions) > 0, do: []}`))
	in := playbooktest.Input()
	in.Isolation, in.OpenActions, in.ActionsMissing = nil, nil, "403 Forbidden\x1b[2J"
	p := b.Decide(in)
	// The first rule does not hang on what is missing: its first clause settles it.
	if got := playbooktest.Summary(p); got != "free; held isolate Full; do mail" {
		t.Errorf("%s\n%s", got, explain.Plan(p))
	}
	if want := "rule free could not be evaluated: its unless: machine.isolated could not be read: 403 Forbidden " +
		"[2J; nothing is done until a person has looked"; p.Reason != want {
		t.Errorf("%q", p.Reason)
	}
	if p.Rules[2].Outcome != LateFail || !strings.Contains(p.Rules[2].Error, "machine.openActions could not be read") {
		t.Errorf("%+v", p.Rules[2])
	}
	in.OpenActions = []machine.Action{}
	if p := b.Decide(in); p.Rules[2].Outcome != NoMatch {
		t.Errorf("no open action is taken for not known: %+v", p.Rules[2])
	}
}

func TestTheNumberOfOtherAlertsIsKnownOrHolds(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.Rules(`{name: many, on: alert, when: alertsOnMachine >= 3, do: `+
		`[isolate: {type: Full}]}`, `{name: wide, on: alert, when: alertsInIncident >= 3, do: [tag: {add: wide}]}`))
	in := playbooktest.Input()
	in.AlertsOnMachine, in.AlertsInIncident = new(3), nil
	if got := playbooktest.Summary(b.Decide(in)); got != "many; do isolate Full" {
		t.Error(got)
	}
	in.AlertsOnMachine, in.AlertsMissing = new(2), "the ledger is not read here"
	p := b.Decide(in)
	if got := playbooktest.Summary(p); got != "wide; held tag add wide; do mail" || !strings.Contains(p.Reason,
		"alertsInIncident is not known: the ledger is not read here") {
		t.Errorf("%s\n%s", got, explain.Plan(p))
	}
	if p.Rules[0].Clauses[0].Values[0] != (condition.ValueSeen{Name: "alertsOnMachine", Value: "2"}) {
		t.Errorf("%+v", p.Rules[0].Clauses)
	}
	in.AlertsInIncident = new(3)
	if got := playbooktest.Summary(b.Decide(in)); got != "wide; do tag add wide" {
		t.Error(got)
	}
	in.AlertsOnMachine, in.AlertsInIncident, in.Alert.MachineID, in.Alert.IncidentID = nil, nil, "", 0
	if got := playbooktest.Summary(b.Decide(in)); got != "" {
		t.Errorf("without machine and incident: %s", got)
	}
}

func TestAMachineThatWasNotSeenForLongIsToldAndStillIsolated(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Machine.LastSeen = in.Now.Add(-9 * 24 * time.Hour)
	s := playbooktest.Load(t, playbooktest.OneRule("true", "")).Decide(in).Steps[0]
	in.Machine.LastSeen = time.Time{}
	if s := playbooktest.Load(t, playbooktest.OneRule("true", "")).Decide(in).Steps[0]; s.Verdict != Do ||
		!strings.HasPrefix(s.Why, "it is not known when the machine was last seen") {
		t.Errorf("%+v", s)
	}
	if want := "the machine was last seen 2026-02-23T10:00:00Z, 9 days ago: an isolation takes hold when it is " +
		"back, and Defender gives up after three days"; s.Verdict != Do || s.Why != want {
		t.Errorf("%+v", s)
	}
}

func TestHelpersHaveNoAnswerRatherThanAWrongOne(t *testing.T) {
	t.Parallel()
	for when, change := range map[string]func(*Input){
		`compareVersion(machine.version, "22H2") < 0`: func(in *Input) { in.Machine.Version = " " },
		`compareVersion(machine.version, "22H3") < 0`: func(in *Input) {
			in.Machine.Version = strings.Repeat("1.", 1000)
		},
		`glob(alert.title, "*x*")`: func(in *Input) {
			in.Alert.Title = strings.Repeat("y", 64<<10+1)
		},
		`timeBetween(alert.resolvedTime, "00:00", "23:59", "UTC")`: func(*Input) {},
		`weekday(alert.resolvedTime, "UTC") == "Monday"`:           func(*Input) {},
		`any(alert.evidence, compareVersion(.sha256, "1") == 0)`:   func(*Input) {},
	} {
		in := playbooktest.Input()
		change(&in)
		if p := playbooktest.Load(t, playbooktest.OneRule(when, "")).Decide(in); p.Rules[0].Outcome != Errored ||
			p.Steps[0].Verdict != Held {
			t.Errorf("%s: %s", when, explain.Plan(p))
		}
	}
}

func TestTimesOfDay(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input() // 10:00 UTC in March: 11:00 in Berlin, 05:00 in New York
	for when, want := range map[string]bool{
		`timeBetween(now, "10:00", "10:01", "UTC")`:              true,
		`timeBetween(now, "09:00", "10:00", "UTC")`:              false,
		`timeBetween(now, "22:00", "05:01", "America/New_York")`: true,
		`timeBetween(now, "22:00", "05:00", "America/New_York")`: false,
		`inCIDR("::ffff:10.20.0.1", "10.20.0.0/16")`:             true,
		`inCIDR("not an address", "0.0.0.0/0", "::/0")`:          false,
		`glob("DC", "dc") && !glob("DC1", "dc")`:                 true,
	} {
		if got := playbooktest.Load(t, playbooktest.OneRule(when, "")).Decide(in).Rule == "r"; got != want {
			t.Errorf("%s: %t", when, got)
		}
	}
}

// TestOnlyAnAlertThatNamesNoMachineHasNone asks in every way whether there is a machine, and about one.
func TestOnlyAnAlertThatNamesNoMachineHasNone(t *testing.T) {
	for when, ofNone := range map[string]Outcome{
		`machine != nil`:    NoMatch,
		`nil != machine`:    NoMatch,
		`machine == nil`:    Matched,
		`!(machine == nil)`: NoMatch,
		`alert.severity == "High" && machine != nil`:                  NoMatch,
		`(alert.severity == "Low" || machine != nil) && now == now`:   NoMatch,
		`machine == nil || machine.osPlatform == "Windows11"`:         Matched,
		`machine != nil && "kiosk" in machine.machineTags`:            NoMatch,
		`machine.osPlatform == "Windows11"`:                           Errored,
		`machine.osPlatform != "Linux"`:                               Errored,
		`machine.isolated`:                                            Errored,
		`any(machine.openActions, .type == "Isolate")`:                Errored,
		`alert.severity == "Low" && machine != nil`:                   NoMatch,
		`alert.severity == "High" || machine.osPlatform == "Windows"`: Matched,
	} {
		b := playbooktest.Load(t, playbooktest.OneRule(when, ""))
		in := playbooktest.Input()
		in.Machine, in.Isolation, in.OpenActions = nil, nil, nil
		in.MachineMissing = "503 [correlation 7]"
		want := Errored
		if strings.HasPrefix(when, `alert.severity == "Low" &&`) || strings.HasPrefix(when, `alert.severity == "High" ||`) {
			want = ofNone // the machine does not matter
		}
		p := b.Decide(in)
		if p.Rules[0].Outcome != want {
			t.Errorf("%s of a machine that could not be read: %s", when, explain.Plan(p))
		}
		const said = "the machine could not be read: 503 [correlation 7]"
		if want == Errored && (p.Rules[0].Error != said || isolation(t, p).Verdict != Held ||
			p.Steps[len(p.Steps)-1].Kind != Mail) {
			t.Errorf("%s holds nothing, or says nothing of why: %s", when, explain.Plan(p))
		}
		in.Machine, in.Isolation, in.OpenActions = &machine.Machine{ID: "another"}, &machine.State{}, []machine.Action{}
		if p := b.Decide(in); p.Rules[0].Outcome != want {
			t.Errorf("%s when the record of another machine was read: %s", when, explain.Plan(p))
		}
		in.Alert.MachineID = ""
		if p := b.Decide(in); p.Rules[0].Outcome != ofNone || strings.Contains(p.Rules[0].Error, "could not be read") {
			t.Errorf("%s of an alert that names no machine: %s", when, explain.Plan(p))
		}
	}
}
