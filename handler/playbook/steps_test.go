package playbook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/machine"
	. "cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/read/language"
)

// everyStep is a rule with a step of every kind that one rule can have.
const everyStep = `{name: r, on: alert, when: "true", do: [scan: {type: Quick, comment: "scan {{.Alert.ID}}"}, ` +
	`collectPackage: {}, restrictApps: null, isolate: {type: Selective}, ` +
	`tag: {add: contained}, tag: {add: by cordon}, tag: {remove: clean}, ` +
	`updateAlert: {status: InProgress, assignedTo: soc@example.com, classification: FalsePositive, ` +
	`determination: NotMalicious, comment: "{{.Rule}}: {{.Alert.Title}}"}, ` +
	`mail: {text: "look at {{.Machine.ComputerDNSName}}"}]}`

func TestEveryStepIsPlannedWithWhatItCarries(t *testing.T) {
	t.Parallel()
	p := playbooktest.Load(t, playbooktest.Rules(everyStep)).Decide(playbooktest.Input())
	const usual = "Alert da1: Suspicious PowerShell"
	want := []Step{
		{Kind: Scan, Scope: machine.Quick, Comment: "scan da1", Verdict: Do},
		{Kind: CollectPackage, Comment: usual, Verdict: Do},
		{Kind: RestrictApps, Comment: usual, Verdict: Do},
		{Kind: Isolate, Scope: machine.Selective, Comment: usual, Verdict: Do},
		{Kind: Tag, Tag: "contained", Verdict: Do},
		{Kind: Tag, Tag: "by cordon", Verdict: Do},
		{Kind: Tag, Tag: "clean", Remove: true, Verdict: Do},
		{Kind: UpdateAlert, Verdict: Do, Update: &alert.Change{Status: alert.StatusInProgress,
			AssignedTo: "soc@example.com", Classification: "FalsePositive",
			Determination: "Clean", Comment: "r: Suspicious PowerShell"}},
		{Kind: Mail, Text: "look at pc1.contoso.com", Verdict: Do},
	}
	if diff := cmp.Diff(want, p.Steps); diff != "" {
		t.Error(diff)
	}
	text := explain.Plan(p)
	for _, line := range []string{"do        tag remove clean\n", "            text: look at pc1.contoso.com\n",
		"  passed    supported (restrictApps)\n",
		"do        updateAlert status=InProgress assignedTo=soc@example.com classification=FalsePositive " +
			"determination=Clean comment\n            comment: r: Suspicious PowerShell\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

// TestAnAlertOnASecondMachineHasItsOwnID holds that neither comments nor conditions see the machine that the ledger
// keeps such an alert under.
func TestAnAlertOnASecondMachineHasItsOwnID(t *testing.T) {
	t.Parallel()
	in := playbooktest.Input()
	in.Alert.ID = alert.OnMachine("da1", strings.Repeat("a", 40))
	p := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "alert.id == \"da1\"", do: [`+
		`scan: {type: Quick, comment: "scan {{.Alert.ID}}"}, isolate: {type: Full}]}`)).Decide(in)
	if len(p.Steps) != 2 || p.Steps[0].Comment != "scan da1" ||
		p.Steps[1].Comment != "Alert da1: Suspicious PowerShell" {
		t.Errorf("%q, %+v", p.Rule, p.Steps)
	}
}

func TestAStepWithoutKeysIsWrittenInEitherWay(t *testing.T) {
	t.Parallel()
	for _, written := range []string{"release: {}", "release: null", `release: {comment: "{{.Rule}}"}`,
		"restrictApps: null", "unrestrictApps: {}", "collectPackage: null"} {
		b := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", do: [`+written+`]}`))
		if s := b.Decide(playbooktest.Input()).Steps[0]; s.Verdict != Do || !strings.HasPrefix(written,
			string(s.Kind)) || s.Comment == "" {
			t.Errorf("%s: %+v", written, s)
		}
	}
}

func TestAnUpdateOfTheAlertNeedsNoMachine(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", do: [updateAlert: {status: `+
		`Resolved}, tag: {add: x}, isolate: {type: Full}]}`)+"protect: {names: [pc*]}\n")
	for name, c := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"protected": {func(*Input) {}, "r; do updateAlert status=Resolved; held tag add x; held isolate Full"},
		"no machine": {func(in *Input) { in.Alert.MachineID, in.Machine = "", nil },
			"r; do updateAlert status=Resolved; held tag add x; held isolate Full"},
		"paused": {func(in *Input) { in.Paused = true },
			"r; held updateAlert status=Resolved; held tag add x; held isolate Full"},
		"an old alert": {func(in *Input) { in.Alert.Created = in.Now.Add(-25 * time.Hour) },
			"r; held updateAlert status=Resolved; held tag add x; held isolate Full"},
		"only observed": {func(in *Input) { in.Ceiling = Observe },
			"r; would do updateAlert status=Resolved; held tag add x; held isolate Full"},
		"not understood": {func(in *Input) { in.Machine.ComputerDNSName = "" },
			"r; do updateAlert status=Resolved; held tag add x; held isolate Full"},
		"an old platform": {func(in *Input) { in.Machine.OSPlatform = "Windows7" },
			"r; do updateAlert status=Resolved; held tag add x; held isolate Full"},
	} {
		in := playbooktest.Input()
		c.change(&in)
		if p := b.Decide(in); playbooktest.Summary(p) != c.want {
			t.Errorf("%s: %s\n%s", name, playbooktest.Summary(p), explain.Plan(p))
		}
	}
	p := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", do: [updateAlert: `+
		`{comment: "{{if .Alert.ThreatName}}x{{end}}"}]}`)).Decide(playbooktest.Input())
	if len(p.Rails) != 3 || p.Steps[0].Verdict != Skipped {
		t.Error(explain.Plan(p))
	}
}

func TestWhatTheMachineDoesNotKnowIsSkipped(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", do: [restrictApps: {}, `+
		`isolate: {type: Full}, tag: {add: x}]}`))
	in := playbooktest.Input()
	in.Machine.OSPlatform = "Ubuntu"
	p := b.Decide(in)
	if got := playbooktest.Summary(p); got != "r; skipped restrictApps; do isolate Full; do tag add x" ||
		p.Steps[0].Why != "not supported on Ubuntu" {
		t.Errorf("%s", explain.Plan(p))
	}
	if !strings.Contains(explain.Plan(p),
		"  skipped   supported (restrictApps): not supported on Ubuntu\n  passed    supported (isolate Full)\n") {
		t.Error(explain.Plan(p))
	}
	// What only observes says so too, and a rail that holds comes first.
	in.Ceiling = Observe
	if got := b.Decide(in).Steps[0].Verdict; got != Skipped {
		t.Errorf("observed: %s", got)
	}
	in.Paused = true
	if got := b.Decide(in).Steps[0].Verdict; got != Held {
		t.Errorf("paused: %s", got)
	}
	unmanaged := playbooktest.Load(t,
		playbooktest.Rules(`{name: r, on: alert, when: "true", do: [isolate: {type: UnManagedDevice}]}`))
	in = playbooktest.Input()
	in.Machine.OnboardingStatus, in.Machine.LastSeen = "Onboarded", in.Now.Add(-9*24*time.Hour)
	if s := unmanaged.Decide(in).Steps[0]; s.Verdict != Skipped || !strings.Contains(s.Why,
		"not supported on an onboarded machine") {
		t.Errorf("%+v", s)
	}
	in.Machine.OnboardingStatus = "CanBeOnboarded"
	if s := unmanaged.Decide(in).Steps[0]; s.Verdict != Do || s.Why != "" {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsTakenBackGoesByTheLastUpdate(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", maxAlertAge: 2h, do: `+
		`[release: {}, unrestrictApps: {}, tag: {remove: contained}, scan: {type: Quick}]}`))
	in := playbooktest.Input()
	in.Alert.Created, in.Alert.Updated = in.Now.Add(-72*time.Hour), in.Now.Add(-time.Hour)
	p := b.Decide(in)
	if got := playbooktest.Summary(p); got != "r; do release; do unrestrictApps; do tag remove contained; held "+
		"scan Quick" {
		t.Error(explain.Plan(p))
	}
	if !strings.Contains(explain.Plan(p),
		"  held      not stale (scan): the alert is 72h0m0s old, the limit of rule r is 2h0m0s\n  passed    not "+
			"stale (release, unrestrictApps, tag)\n") {
		t.Error(explain.Plan(p))
	}
	in.Alert.Updated = in.Now.Add(-3 * time.Hour)
	if s := b.Decide(in).Steps[0]; s.Verdict != Held ||
		s.Why != "the alert's last update is 3h0m0s old, the limit of rule r is 2h0m0s" {
		t.Errorf("%+v", s)
	}
	in.Alert.Updated = time.Time{}
	if s := b.Decide(in).Steps[0]; s.Verdict != Held {
		t.Errorf("without a time: %+v", s)
	}
	// What protects a machine protects it from a release as well.
	in = playbooktest.Input()
	in.Machine.ComputerDNSName = ""
	if s := b.Decide(in).Steps[0]; s.Verdict != Held || !strings.HasPrefix(s.Why, "protected") {
		t.Errorf("%+v", s)
	}
}

func TestStepsOfSeveralRulesAreJoined(t *testing.T) {
	t.Parallel()
	rule := func(name, more, do string) string {
		return `{name: ` + name + `, on: alert, when: "true", continue: true, ` + more + `do: [` + do + `]}`
	}
	for name, c := range map[string]struct {
		rules []string
		want  string
	}{
		"a release does not undo": {[]string{rule("a", "", "release: {}"), rule("b", "",
			"isolate: {type: Full}")}, "a,b; skipped release; do isolate Full"},
		"nor what a person is to decide": {[]string{rule("a", "maxAlertAge: 30s, ", "isolate: {type: Full}"),
			rule("b", "", "release: {}")}, "a,b; held isolate Full; skipped release"},
		"but what is only observed": {[]string{rule("a", "mode: observe, ", "restrictApps: {}"), rule("b",
			"", "unrestrictApps: {}")}, "a,b; would do restrictApps; do unrestrictApps"},
		"of two observed the release": {[]string{rule("a", "mode: observe, ", "restrictApps: {}"), rule("b",
			"mode: observe, ", "unrestrictApps: {}")}, "a,b; would do restrictApps; skipped unrestrictApps"},
		"of a tag the first counts": {[]string{rule("a", "", "tag: {remove: x}"), rule("b", "",
			"tag: {add: x}, tag: {add: y}")}, "a,b; do tag remove x; skipped tag add x; do tag add y"},
		"scans of different scope are two": {[]string{rule("a", "", "scan: {type: Quick}"), rule("b", "",
			"scan: {type: Full}"), rule("c", "", "scan: {type: Full}")}, "a,b,c; do scan Quick; do scan Full"},
		"an update is put together": {[]string{rule("a", "",
			"updateAlert: {status: InProgress, determination: Malware}"), rule("b", "",
			"updateAlert: {status: Resolved, classification: FalsePositive, assignedTo: soc}")},
			"a,b; do updateAlert status=InProgress assignedTo=soc determination=Malware"},
		"an observed update changes nothing": {[]string{rule("a", "mode: observe, ",
			"updateAlert: {status: Resolved}"), rule("b", "", "updateAlert: {assignedTo: soc}")},
			"a,b; do updateAlert assignedTo=soc"},
		"mails to the same people are one": {[]string{rule("a", "", "mail: {text: one}"), rule("b", "",
			"mail: {text: two}, mail: {to: [a@example.com]}")}, "a,b; do mail; do mail to a@example.com"},
	} {
		p := playbooktest.Load(t, playbooktest.Rules(c.rules...)).Decide(playbooktest.Input())
		if got := playbooktest.Summary(p); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		for _, s := range p.Steps {
			if s.Kind == Mail && len(s.To) == 0 && s.Text != "one two" {
				t.Errorf("%s: the mail says %q", name, s.Text)
			}
			if s.Verdict == Skipped && !strings.HasPrefix(s.Why, "rule ") {
				t.Errorf("%s: %q", name, s.Why)
			}
		}
	}
}

func TestTheStepsOfARuleWithoutAnAnswerAreHeld(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.Rules(strings.Replace(everyStep, `"true"`,
		`'alert.mitreTechniques[9] == "x"'`, 1)))
	for _, s := range b.Decide(playbooktest.Input()).Steps {
		if want := map[bool]Verdict{true: Held, false: Do}[s.Kind.Acts()]; s.Verdict != want {
			t.Errorf("%s: %s", s, s.Verdict)
		}
	}
}

func TestBothSpellingsOfADeterminationAreRead(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"classification: InformationalExpectedActivity, determination: ConfirmedActivity": "ConfirmedUserActivity",
		"determination: NotMalicious":                                  "Clean",
		"classification: TruePositive, determination: CompromisedUser": "CompromisedUser",
		"determination: Other":                                         "Other",
	} {
		p := playbooktest.Load(t, playbooktest.Rules(`{name: r, on: alert, when: "true", do: [updateAlert: {`+written+
			`}]}`)).Decide(playbooktest.Input())
		if got := p.Steps[0].Update.Determination; got != want {
			t.Errorf("%s: sent as %s", written, got)
		}
	}
}

func TestEveryKindOfStepIsInTheGrammar(t *testing.T) {
	t.Parallel()
	var known []string
	for _, kind := range StepKinds() {
		known = append(known, string(kind))
	}
	if diff := cmp.Diff(known, language.StepKeys().Names()); diff != "" {
		t.Error(diff)
	}
}
