package playbook

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/machine"
)

// rules is an enforced playbook of rules written in one line each.
func rules(lines ...string) string {
	return "version: 1\nmode: enforce\nrules:\n  - " + strings.Join(lines, "\n  - ") + "\n"
}

// summary is what a plan does: the rules that decide and every step with its verdict.
func summary(p Plan) string {
	text := p.Rule
	for _, s := range p.Steps {
		text += fmt.Sprintf("; %s %s", s.Verdict, s)
	}
	return text
}

func TestContinueAsksTheRulesBelowAndUnlessExcepts(t *testing.T) {
	t.Parallel()
	const mailed, isolated = `{name: mailed, on: alert, when: "true", continue: true, do: [mail: {}]}`, `{name: isolated, on: alert, when: "true", do: [isolate: {type: Full}, mail: {}]}`
	for name, c := range map[string]struct {
		rules []string
		want  string
	}{
		"the first match has the last word":               {[]string{isolated, `{name: below, on: alert, when: "true", do: [mail: {to: [a@example.com]}]}`}, "isolated; do isolate Full; do mail"},
		"continue adds steps, the same ones once":         {[]string{mailed, isolated, `{name: below, on: alert, when: "true", do: [mail: {to: [a@example.com]}]}`}, "mailed,isolated; do mail; do isolate Full"},
		"a rule that does not match changes nothing":      {[]string{`{name: no, on: alert, when: "false", continue: true, do: [mail: {to: [a@example.com]}]}`, isolated}, "isolated; do isolate Full; do mail"},
		"an exception lets the next rule decide":          {[]string{`{name: server, on: alert, when: "true", unless: '"office" in machine.machineTags', do: []}`, isolated}, "isolated; do isolate Full; do mail"},
		"an exception that is false excepts nothing":      {[]string{`{name: server, on: alert, when: "true", unless: '"kiosk" in machine.machineTags', do: []}`, isolated}, "server"},
		"an exception without an answer holds":            {[]string{`{name: r, on: alert, when: "true", unless: 'alert.mitreTechniques[9] == "x"', do: [isolate: {type: Full}]}`, isolated}, "r; held isolate Full; do mail"},
		"of two scopes the first done counts":             {[]string{`{name: a, on: alert, when: "true", continue: true, do: [isolate: {type: Selective}]}`, isolated}, "a,isolated; do isolate Selective; do mail"},
		"a held step keeps no other rule from acting":     {[]string{`{name: a, on: alert, when: 'alert.mitreTechniques[9] == "x"', continue: true, do: [isolate: {type: Selective}]}`, isolated}, "a,isolated; do isolate Full; do mail"},
		"a rule that observes keeps no other from acting": {[]string{`{name: a, on: alert, when: "true", mode: observe, continue: true, do: [isolate: {type: Selective}]}`, isolated}, "a,isolated; do isolate Full; do mail"},
		"a rule can lower the mode":                       {[]string{`{name: a, on: alert, when: "true", mode: observe, do: [isolate: {type: Full}, mail: {}]}`}, "a; would do isolate Full; would do mail"},
		"a rule without steps ends the asking":            {[]string{mailed, `{name: quiet, on: alert, when: "true", do: []}`, isolated}, "mailed,quiet; do mail"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustLoad(t, rules(c.rules...)).Decide(input())
			if got := summary(p); got != c.want {
				t.Errorf("%s, want %s\n%s", got, c.want, p.Explain())
			}
		})
	}
}

func TestARuleCanOnlyLowerTheModeAndTheAge(t *testing.T) {
	t.Parallel()
	b := mustLoad(t, strings.Replace(rules(`{name: r, on: alert, when: "true", mode: enforce, maxAlertAge: 2d, do: [isolate: {type: Full}]}`), "mode: enforce", "mode: observe", 1))
	if p := b.Decide(input()); p.Mode != Observe || p.Steps[0].Verdict != WouldDo {
		t.Errorf("a rule raised the mode:\n%s", p.Explain())
	}
	b = mustLoad(t, rules(`{name: r, on: alert, when: "true", maxAlertAge: 2d, do: [isolate: {type: Full}]}`))
	in := input()
	in.Alert.Created = in.Now.Add(-25 * time.Hour)
	if s := b.Decide(in).Steps[0]; s.Verdict != Held || s.Why != "the alert is 25h0m0s old, the limit is 24h0m0s" {
		t.Errorf("%+v", s)
	}
	b = mustLoad(t, rules(`{name: r, on: alert, when: "true", maxAlertAge: 30m, do: [isolate: {type: Full}]}`))
	in.Alert.Created = in.Now.Add(-31 * time.Minute)
	if s := b.Decide(in).Steps[0]; s.Verdict != Held || s.Why != "the alert is 31m0s old, the limit of rule r is 30m0s" {
		t.Errorf("%+v", s)
	}
	in.Alert.Created = in.Now.Add(-30 * time.Minute)
	if s := b.Decide(in).Steps[0]; s.Verdict != Do {
		t.Errorf("%+v", s)
	}
}

func TestEachRuleIsHeldByItsOwnAgeAndMode(t *testing.T) {
	t.Parallel()
	b := mustLoad(t, rules(`{name: quick, on: alert, when: "true", maxAlertAge: 30s, continue: true, do: [isolate: {type: Selective}]}`,
		`{name: slow, on: alert, when: "true", do: [isolate: {type: Full}]}`))
	p := b.Decide(input())
	if got, want := summary(p), "quick,slow; do isolate Full"; got != want || p.Steps[0].Rule != "slow" || p.Mode != Enforce {
		t.Errorf("%s, want %s", got, want)
	}
	var said []string
	for _, r := range p.Rails {
		if r.Rule != "" {
			said = append(said, fmt.Sprintf("%s %s: %s", r.Rule, r.Rail, passes(r.Verdict)))
		}
	}
	if diff := cmp.Diff([]string{"quick not stale: held", "slow not stale: passed", "quick mode: passed", "slow mode: passed"}, said); diff != "" {
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
		if got := mustLoad(t, oneRule(when, "")).Needs(); got != want {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	if got := mustLoad(t, rules(`{name: r, on: alert, when: "true", unless: machine.isolated, do: []}`)).Needs(); !got.Isolated {
		t.Error("an exception's need is not seen")
	}
}

func TestAFactThatWasNotReadHoldsTheRulesThatReadIt(t *testing.T) {
	t.Parallel()
	b := mustLoad(t, rules(`{name: low, on: alert, when: 'alert.severity == "Low" && machine.isolated', do: [isolate: {type: Full}]}`,
		`{name: free, on: alert, when: 'alert.severity == "High"', unless: machine.isolated, do: [isolate: {type: Full}]}`,
		`{name: busy, on: alert, when: len(machine.openActions) > 0, do: []}`))
	in := input()
	in.Isolation, in.OpenActions, in.ActionsMissing = nil, nil, "403 Forbidden\x1b[2J"
	p := b.Decide(in)
	// The first rule does not hang on what is missing: its first clause settles it.
	if got := summary(p); got != "free; held isolate Full; do mail" {
		t.Errorf("%s\n%s", got, p.Explain())
	}
	if want := "rule free could not be evaluated: its unless: machine.isolated could not be read: 403 Forbidden [2J; nothing is done until a person has looked"; p.Reason != want {
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
	b := mustLoad(t, rules(`{name: many, on: alert, when: alertsOnMachine >= 3, do: [isolate: {type: Full}]}`, `{name: wide, on: alert, when: alertsInIncident >= 3, do: [tag: {add: wide}]}`))
	in := input()
	in.AlertsOnMachine, in.AlertsInIncident = new(3), nil
	if got := summary(b.Decide(in)); got != "many; do isolate Full" {
		t.Error(got)
	}
	in.AlertsOnMachine, in.AlertsMissing = new(2), "the ledger is not read here"
	p := b.Decide(in)
	if got := summary(p); got != "wide; held tag add wide; do mail" || !strings.Contains(p.Reason, "alertsInIncident is not known: the ledger is not read here") {
		t.Errorf("%s\n%s", got, p.Explain())
	}
	if p.Rules[0].Clauses[0].Values[0] != (ValueSeen{"alertsOnMachine", "2"}) {
		t.Errorf("%+v", p.Rules[0].Clauses)
	}
	in.AlertsInIncident = new(3)
	if got := summary(b.Decide(in)); got != "wide; do tag add wide" {
		t.Error(got)
	}
	in.AlertsOnMachine, in.AlertsInIncident, in.Alert.MachineID, in.Alert.IncidentID = nil, nil, "", 0
	if got := summary(b.Decide(in)); got != "" {
		t.Errorf("without machine and incident: %s", got)
	}
}

func TestAMachineThatWasNotSeenForLongIsToldAndStillIsolated(t *testing.T) {
	t.Parallel()
	in := input()
	in.Machine.LastSeen = in.Now.Add(-9 * 24 * time.Hour)
	s := mustLoad(t, oneRule("true", "")).Decide(in).Steps[0]
	in.Machine.LastSeen = time.Time{}
	if s := mustLoad(t, oneRule("true", "")).Decide(in).Steps[0]; s.Verdict != Do || !strings.HasPrefix(s.Why, "it is not known when the machine was last seen") {
		t.Errorf("%+v", s)
	}
	if want := "the machine was last seen 2026-02-23T10:00:00Z, 9 days ago: an isolation takes hold when it is back, and Defender gives up after three days"; s.Verdict != Do || s.Why != want {
		t.Errorf("%+v", s)
	}
}

func TestHelpersHaveNoAnswerRatherThanAWrongOne(t *testing.T) {
	t.Parallel()
	for when, change := range map[string]func(*Input){
		`compareVersion(machine.version, "22H2") < 0`:              func(in *Input) { in.Machine.Version = " " },
		`compareVersion(machine.version, "22H3") < 0`:              func(in *Input) { in.Machine.Version = strings.Repeat("1.", 1000) },
		`glob(alert.title, "*x*")`:                                 func(in *Input) { in.Alert.Title = strings.Repeat("y", maxHelperText+1) },
		`timeBetween(alert.resolvedTime, "00:00", "23:59", "UTC")`: func(*Input) {},
		`weekday(alert.resolvedTime, "UTC") == "Monday"`:           func(*Input) {},
		`any(alert.evidence, compareVersion(.sha256, "1") == 0)`:   func(*Input) {},
	} {
		in := input()
		change(&in)
		if p := mustLoad(t, oneRule(when, "")).Decide(in); p.Rules[0].Outcome != Errored || p.Steps[0].Verdict != Held {
			t.Errorf("%s: %s", when, p.Explain())
		}
	}
}

func TestVersionsAndTimesOfDay(t *testing.T) {
	t.Parallel()
	order := []string{"1.0-rc1", "1.0", "1.0.1", "1.10", "1809", "1909", "2004", "20H2", "21H1", "21H2", "22H2", "24H2"}
	for i, a := range order {
		for j, b := range order {
			if got, err := compareVersion([]string{a, b}); err != nil || got != sign(i-j) {
				t.Errorf("compareVersion(%s, %s) = %d, %v", a, b, got, err)
			}
		}
	}
	for _, equal := range [][2]string{{"1", "1.0.0"}, {"v1.2", "V1.02"}, {"23H2", "23h2"}, {"99999999999999999999999", "0099999999999999999999999"}} {
		if got, err := compareVersion(equal[:]); err != nil || got != 0 {
			t.Errorf("%v: %d, %v", equal, got, err)
		}
	}
	in := input() // 10:00 UTC in March: 11:00 in Berlin, 05:00 in New York
	for when, want := range map[string]bool{
		`timeBetween(now, "10:00", "10:01", "UTC")`:              true,
		`timeBetween(now, "09:00", "10:00", "UTC")`:              false,
		`timeBetween(now, "22:00", "05:01", "America/New_York")`: true,
		`timeBetween(now, "22:00", "05:00", "America/New_York")`: false,
		`inCIDR("::ffff:10.20.0.1", "10.20.0.0/16")`:             true,
		`inCIDR("not an address", "0.0.0.0/0", "::/0")`:          false,
		`glob("DC", "dc") && !glob("DC1", "dc")`:                 true,
	} {
		if got := mustLoad(t, oneRule(when, "")).Decide(in).Rule == "r"; got != want {
			t.Errorf("%s: %t", when, got)
		}
	}
}

func TestRulesThatCanNeverMatchAreNamedWithTheirPlace(t *testing.T) {
	t.Parallel()
	const a, b = `alert.severity == "High"`, `alert.category == "Malware"`
	line := func(name, when, more string) string {
		return fmt.Sprintf("{name: %s, on: alert, when: '%s', %sdo: []}", name, when, more)
	}
	for name, c := range map[string]struct {
		earlier, later string
		shadowed       bool
	}{
		"the same":                         {line("e", a, ""), line("l", a, ""), true},
		"everything":                       {line("e", "true", ""), line("l", a, ""), true},
		"one of its clauses":               {line("e", a, ""), line("l", b+" && "+a, ""), true},
		"written otherwise":                {line("e", a+" and "+b, ""), line("l", b+"   && ("+a+")", ""), true},
		"an alternative":                   {line("e", a+" || "+b, ""), line("l", b, ""), true},
		"both alternatives":                {line("e", a+" || "+b+" || alert.incidentId == 1", ""), line("l", b+" or "+a, ""), true},
		"an alternative with more":         {line("e", a+" || "+b, ""), line("l", b+" && alert.incidentId == 1", ""), true},
		"the same exception":               {line("e", a, "unless: '"+b+"', "), line("l", a, "unless: '"+b+"', "), true},
		"the later one excepts more":       {line("e", a, ""), line("l", a, "unless: '"+b+"', "), true},
		"it goes on":                       {line("e", a, "continue: true, "), line("l", a, ""), false},
		"the earlier one has an exception": {line("e", a, "unless: '"+b+"', "), line("l", a, ""), false},
		"the earlier one asks for more":    {line("e", a+" && "+b, ""), line("l", a, ""), false},
		"the later one allows more":        {line("e", a, ""), line("l", a+" || "+b, ""), false},
		"another":                          {line("e", a, ""), line("l", b, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := mustLoad(t, rules(c.earlier, c.later)).Warnings()
			if len(found) > 1 || (len(found) == 1) != c.shadowed {
				t.Fatalf("%+v", found)
			}
			if c.shadowed && (found[0].Line != 5 || found[0].Column != 32 || !strings.Contains(found[0].Message, "rule l can never match: rule e") || found[0].Excerpt == "" || found[0].Hint == "") {
				t.Errorf("%+v", found[0])
			}
		})
	}
}

func TestPermissionsFollowFromTheSteps(t *testing.T) {
	t.Parallel()
	names := func(b *Book) (list []string) {
		for _, p := range b.Permissions() {
			list = append(list, p.Name)
		}
		return list
	}
	if diff := cmp.Diff([]string{"Alert.Read.All", "Machine.Read.All"}, names(mustLoad(t, rules(`{name: r, on: alert, when: "true", do: [mail: {}]}`)))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Alert.Read.All", "Machine.Read.All", "Machine.Isolate"}, names(mustLoad(t, oneRule("true", "")))); diff != "" {
		t.Error(diff)
	}
}

func FuzzHelpers(f *testing.F) {
	for _, v := range []string{"22H2", "10.0.19045.3", "", "a1b2", "::1", "10.0.0.1%eth0", "\xff", "1809"} {
		f.Add(v, "10.0.0.0/8", "KIOSK-*?")
	}
	f.Fuzz(func(t *testing.T, a, b, pattern string) {
		one, oneErr := compareVersion([]string{a, b})
		other, otherErr := compareVersion([]string{b, a})
		if (oneErr == nil) != (otherErr == nil) || one != -other {
			t.Errorf("compareVersion(%q, %q) = %d, the other way round %d", a, b, one, other)
		}
		if inside, err := inCIDR([]string{a, b}); err != nil && inside {
			t.Errorf("in %q in spite of %v", b, err)
		}
		if all, err := globAny([]string{a, "*"}); err == nil && !all {
			t.Errorf("%q is not any text", a)
		}
		_, _ = globAny([]string{a, pattern})
	})
}
