package playbook_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cordon/handler/alert"
	"cordon/handler/machine"
	. "cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/read"
	"cordon/handler/playbook/spelling"
)

func TestEveryKindOfProtectionHolds(t *testing.T) {
	const id = "AAAAbbbbccccddddeeeeffff0000111122223333"
	protect := `protect: {tags: [never-isolate, "vip *"], names: ["DC*"], groups: [Tier0], deviceValue: [High], ` +
		`os: ["WindowsServer*"], ids: [` + id + `]}`
	b := playbooktest.Load(t, playbooktest.OneRule("true", protect))
	if got := isolation(t, b.Decide(playbooktest.Input())); got.Verdict != Do {
		t.Fatalf("the unprotected machine: %+v", got)
	}
	for name, c := range map[string]struct {
		change func(*Input)
		why    string
	}{
		"tag": {func(in *Input) { in.Machine.Tags = []string{"x", " NEVER-isolate "} },
			"protect.tags"},
		"tag pattern":         {func(in *Input) { in.Machine.Tags = []string{"VIP board"} }, `"vip *"`},
		"short name":          {func(in *Input) { in.Machine.ComputerDNSName = "dc1" }, "protect.names"},
		"full name":           {func(in *Input) { in.Machine.ComputerDNSName = "DC1.contoso.com" }, "protect.names"},
		"name in the alert":   {func(in *Input) { in.Alert.ComputerDNSName = "dc1.contoso.com" }, "protect.names"},
		"no name":             {func(in *Input) { in.Machine.ComputerDNSName = "" }, "computerDnsName"},
		"blank name":          {func(in *Input) { in.Machine.ComputerDNSName = " ." }, "computerDnsName"},
		"group":               {func(in *Input) { in.Machine.RBACGroupName = "TIER0" }, "protect.groups"},
		"group in the alert":  {func(in *Input) { in.Alert.RBACGroupName = "tier0" }, "protect.groups"},
		"device value":        {func(in *Input) { in.Machine.DeviceValue = "high" }, "protect.deviceValue"},
		"operating system":    {func(in *Input) { in.Machine.OSPlatform = "WindowsServer2025" }, "protect.os"},
		"no operating system": {func(in *Input) { in.Machine.OSPlatform = "" }, "osPlatform"},
		"no list of tags":     {func(in *Input) { in.Machine.Tags = nil }, "machineTags"},
		"no health":           {func(in *Input) { in.Machine.HealthStatus = "" }, "healthStatus"},
		"no onboarding":       {func(in *Input) { in.Machine.OnboardingStatus = " " }, "onboardingStatus"},
		"id": {func(in *Input) {
			in.Machine.ID, in.Alert.MachineID = strings.ToLower(id),
				strings.ToLower(id)
		}, "protect.ids"},
		"machine without read": {func(in *Input) { in.Machine = nil }, "could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			in := playbooktest.Input()
			c.change(&in)
			if got := isolation(t, b.Decide(in)); got.Verdict != Held || !strings.Contains(got.Why, c.why) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestNamesAndTagsCompareAsPeopleReadThem(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"never-isolate", "never\u200b-isolate", true},         // zero-width space
		{"never-isolate", "\ufeffnever-isolate\u2060", true},   // byte order mark, word joiner
		{"never-isolate", "never\u2011isolate", true},          // hyphen that does not break
		{"never-isolate", "never\u2013isolate", true},          // en dash
		{"never-isolate", "never\u2212isolate", true},          // minus
		{"never-isolate", "never\ufe63isolate", true},          // small hyphen
		{"never-isolate", "never\u00adisolate", true},          // soft hyphen in the place of one
		{"never-isolate", "never-iso\u00adlate", true},         // soft hyphen where a word may break
		{"never\u00adisolate", "never-isolate", true},          // in the pattern
		{"never-isolate", "\uff4eever-isolate", true},          // full width
		{"never-isolate", "NEVER-ISOLATE\ufe0f", true},         // selector
		{"vip board", "vip\u00a0board", true},                  // blank that does not break
		{"caf\u00e9-*", "cafe\u0301-1", true},                  // composed and decomposed
		{"never-isolate", "never\u3164-isolate", true},         // filler
		{"never-isolate", "never_isolate", false},              // another tag
		{"never-isolate", "neverisolate", false},               // another tag
		{"never-isolate", "n\u0435ver-isolate", false},         // a Cyrillic letter is another one
		{"DC*", "\u200eDC1", true}, {"?C1", "\u200eDC1", true}, // marks of direction
		{"", "\u200b", true}, {"x", "\u200b", false},
	} {
		if got := spelling.Glob(c.pattern, c.value); got != c.want {
			t.Errorf("%+q against %+q: %t", c.pattern, c.value, got)
		}
	}
	b := playbooktest.Load(t, playbooktest.OneRule("true",
		"protect: {tags: [never-isolate], groups: [Tier-0]}\nonly: {os: [Windows11], onboarding: [Onboarded]}"))
	for name, change := range map[string]func(*Input){
		"tag":   func(in *Input) { in.Machine.Tags = []string{"never\u2011iso\u200blate"} },
		"group": func(in *Input) { in.Machine.RBACGroupName = "tier\u20100" },
	} {
		in := playbooktest.Input()
		change(&in)
		if got := isolation(t, b.Decide(in)); got.Verdict != Held {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhatIsNotListedIsHeld(t *testing.T) {
	b := playbooktest.Load(t, playbooktest.OneRule("true",
		`only: {os: [Windows10, "macOS*"], onboarding: [Onboarded]}`))
	for _, c := range []struct{ os, onboarding, why string }{
		{"Windows10", "onboarded", ""}, {"WINDOWS10", "Onboarded", ""}, {"macOS", "Onboarded", ""},
		{"Windows10WVD", "Onboarded", `"Windows10WVD" is not on only.os`},
		{"Windows 10", "Onboarded", `"Windows 10" is not on only.os`},
		{"Windows10", "CanBeOnboarded", `"CanBeOnboarded" is not on only.onboarding`},
		{"Ubuntu", "Onboarded", `"Ubuntu" is not on only.os`},
		{"", "Onboarded", "osPlatform"},
	} {
		in := playbooktest.Input()
		in.Machine.OSPlatform, in.Machine.OnboardingStatus = c.os, c.onboarding
		p := b.Decide(in)
		got := isolation(t, p)
		if c.why == "" && got.Verdict != Do || c.why != "" &&
			(got.Verdict != Held || !strings.Contains(got.Why, c.why)) {
			t.Errorf("%+v: %+v", c, got)
		}
		if !slices.ContainsFunc(p.Rails, func(r RailTrace) bool { return r.Rail == "listed" }) {
			t.Errorf("the rail is not explained:\n%s", explain.Plan(p))
		}
	}
	in := playbooktest.Input()
	in.Machine = nil
	if got := isolation(t, b.Decide(in)); got.Verdict != Held {
		t.Errorf("%+v", got)
	}
}

func TestFactsThatTheAPIMayLeaveOutMatchNothing(t *testing.T) {
	b := playbooktest.Load(t, playbooktest.OneRule("true", `protect: {groups: ["*"], deviceValue: ["*"]}`))
	in := playbooktest.Input()
	in.Machine.RBACGroupName, in.Machine.DeviceValue, in.Machine.RiskScore, in.Machine.ExposureLevel = "", "", "", ""
	if got := isolation(t, b.Decide(in)); got.Verdict != Do {
		t.Errorf("%+v", got)
	}
}

// anyBook draws a playbook whose rules want as much as they can.
func anyBook(t *rapid.T) *Book {
	var src strings.Builder
	fmt.Fprintf(&src, "version: 1\nmode: %s\nrules:\n", rapid.SampledFrom([]string{"enforce", "observe"}).Draw(t,
		"mode"))
	for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
		when := rapid.SampledFrom(append(playbooktest.Conditions(), `alert.severity == "Low"`,
			`alert.mitreTechniques[3] == "x"`, `machine == nil`)).Draw(t, "when")
		do := rapid.SampledFrom([]string{"[isolate: {type: Full}]",
			`[isolate: {type: Selective, comment: "{{.Alert.Title}}"}, mail: {}]`, "[mail: {}]", "[]",
			"[scan: {type: Full}, collectPackage: {}, restrictApps: {}]", "[release: {}, unrestrictApps: {}]",
			"[tag: {add: x}, updateAlert: {status: Resolved}]"}).Draw(t, "do")
		fmt.Fprintf(&src, "  - {name: r%d, on: alert, when: %q, do: %s}\n", i, when, do)
	}
	src.WriteString(`protect: {tags: [never-isolate], names: ["DC*"], groups: [Tier0], os: ["WindowsServer*"]}` + "\n")
	b, err := read.Load("playbook.yaml", []byte(src.String()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func anyInput(t *rapid.T) Input {
	in := playbooktest.Input()
	// Values that hold nothing come first and are drawn more often, so that most plans reach the rail under test.
	rarely := rapid.SampledFrom([]bool{false, false, false, false, false, false, false, true})
	in.Ceiling = rapid.SampledFrom([]Mode{Enforce, Enforce, Enforce, Observe, "", "ENFORCE"}).Draw(t, "ceiling")
	in.Alert.Severity = alert.Severity(rapid.SampledFrom([]string{"High", "High", "Low", "", "New kind"}).Draw(t,
		"severity"))
	in.Alert.Title = rapid.String().Draw(t, "title")
	in.Alert.Created = in.Now.Add(-rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour, 23 * time.Hour,
		30 * 24 * time.Hour}).Draw(t, "age"))
	in.Paused = rarely.Draw(t, "paused")
	if rarely.Draw(t, "nameless") {
		in.Alert.MachineID = ""
	}
	if rarely.Draw(t, "unread") {
		in.Machine = nil
	} else {
		in.Machine = &machine.Machine{ID: playbooktest.MachineID,
			ComputerDNSName: rapid.SampledFrom([]string{"PC1", "pc1.contoso.com", "ADC1", "SRV-DC1", "DC1",
				"dc2.contoso.com", ""}).Draw(t, "name"),
			OSPlatform: rapid.SampledFrom([]string{"Windows11", "Windows10", "Linux", "macOS", "WindowsServer2022",
				""}).Draw(t, "os"),
			RBACGroupName:    rapid.SampledFrom([]string{"", "Office", "Tier01", "tier0"}).Draw(t, "group"),
			HealthStatus:     rapid.SampledFrom([]string{"Active", "Active", "Inactive", ""}).Draw(t, "health"),
			OnboardingStatus: "Onboarded",
			Tags: rapid.SliceOfN(rapid.SampledFrom([]string{"office", "x", "never", "never-isolate-me",
				"NEVER-ISOLATE"}), 0, 3).Draw(t, "tags")}
	}
	return in
}

// mayNotBeTouched says independently of the code under test what the playbooks of anyBook protect.
func mayNotBeTouched(m *machine.Machine) bool {
	if m == nil || m.ComputerDNSName == "" || m.OSPlatform == "" || m.HealthStatus == "" || m.Tags == nil ||
		strings.EqualFold(m.RBACGroupName, "tier0") {
		return true
	}
	for _, tag := range m.Tags {
		if strings.EqualFold(tag, "never-isolate") {
			return true
		}
	}
	return strings.HasPrefix(strings.ToLower(m.ComputerDNSName), "dc") || strings.HasPrefix(m.OSPlatform,
		"WindowsServer")
}

func TestNoRuleReachesAProtectedMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, in := anyBook(t), anyInput(t)
		p := b.Decide(in)
		old := in.Now.Sub(in.Alert.Created) > in.StaleAfter
		noAnswer := slices.ContainsFunc(p.Rules, func(r RuleTrace) bool { return r.Outcome == Errored })
		untouchable := mayNotBeTouched(in.Machine) || in.Alert.MachineID == ""
		enforced := b.Mode() == Enforce && in.Ceiling == Enforce
		for _, s := range p.Steps {
			takesBack := s.Kind == Release || s.Kind == UnrestrictApps // the alert's last update is fresh
			restricts := s.Kind == RestrictApps || s.Kind == Isolate && s.Scope == machine.Selective
			want := WouldDo
			switch {
			case s.Kind.Acts() && (in.Paused || old && !takesBack || untouchable && s.Kind != UpdateAlert):
				want = Held
			case restricts && in.Machine.OSPlatform == "Linux", s.Kind == RestrictApps &&
				in.Machine.OSPlatform == "macOS":
				want = Skipped // what cannot be done stays so, whatever a rule has no answer to
			case s.Kind.Acts() && noAnswer:
				want = Held
			case enforced:
				want = Do
			}
			if s.Verdict != want {
				t.Fatalf("%s where %s is due: %+v\n%s", s.Verdict, want, s, explain.Plan(p))
			}
		}
	})
}

func TestTheSameInputGivesTheSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, in := anyBook(t), anyInput(t)
		before, _ := json.Marshal(in)
		first := b.Decide(in)
		second := b.Decide(in)
		after, _ := json.Marshal(in)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
		if explain.Plan(first) != explain.Plan(second) || string(before) != string(after) {
			t.Fatal("the explanation differs, or the input was changed")
		}
		if first.Reason == "" || len(first.Rules) != len(b.Rules()) {
			t.Fatalf("not explained: %+v", first)
		}
	})
}
