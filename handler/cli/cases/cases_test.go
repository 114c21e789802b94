package cases

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder has files for a test.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// plain is a playbook that acts as rules of people do.
const plain = `version: 1
mode: enforce
rules:
  - name: back
    on: alert
    when: alert.status == "Resolved"
    do: [release: {}, tag: {remove: seen}]
  - name: contain
    on: alert
    when: alert.severity == "High" && !("seen" in machine.machineTags && machine.isolatedBy == "person")
    do: [isolate: {type: Full}, tag: {add: seen}, updateAlert: {classification: TruePositive}, mail: {}]
  - name: look
    on: alert
    when: alert.severity == "Medium"
    do: [scan: {type: Quick}]
  - name: found
    on: hunt
    when: hunt.row.FileName == "a.exe"
    do: [isolate: {type: Full}]
protect: {tags: [vip]}
`

// run decides the cases of a file that begins as given, and shows what is wrong.
func run(t *testing.T, strict bool, text string) string {
	t.Helper()
	dir := folder(t, map[string]string{"p.yaml": plain, "a.test.yaml": "playbook: p.yaml\ncases:\n" + text})
	r := Run(Options{Files: []string{filepath.Join(dir, "a.test.yaml")}, Strict: strict})
	var said []string
	for _, one := range r.Results {
		if !one.OK {
			said = append(said, one.Name+"\n"+one.Diff)
		}
	}
	for _, one := range append(r.Broken, r.Neglected...) {
		said = append(said, strings.ReplaceAll(one.What, dir+string(filepath.Separator), ""))
	}
	return strings.Join(said, "\n")
}

// machineOf is how the cases here begin.
const machineOf = `  - name: life
    alert: { severity: High, classification: "" }
    machine: { computerDnsName: pc1.contoso.com, osPlatform: Windows11 }
    moments:
`

const contained = `{ rule: contain, steps: [{ isolate Full: do }, { tag add seen: do }, ` +
	`{ updateAlert classification=TruePositive: do }, { mail: do }]`

func TestMomentsStandUponWhatWasDoneBefore(t *testing.T) {
	t.Parallel()
	for name, moments := range map[string]string{
		"asked once, then joined": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - want: ` + contained + `, comesTo: [{ isolate Full: joined }], why: was asked for by Cordon }
`,
		"a person's isolation is joined": `
      - actions: [{ type: Isolate, status: Succeeded, requestor: a@contoso.com }]
        want: ` + contained + `, comesTo: [{ isolate Full: joined }], why: was asked for by a@contoso.com }
`,
		"what a person released stays so": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - actions: [{ type: Unisolate, status: Succeeded, requestor: a@contoso.com }]
        want: ` + contained + `, comesTo: [{ isolate Full: released }], why: Released by a@contoso.com }
`,
		"but not if the alert rose since": `
      - alert: { severity: Medium }
        want: { rule: look, steps: [{ scan Quick: do }], comesTo: [{ scan Quick: asked }] }
      - actions:
          - { type: Isolate, status: Succeeded, requestor: a@contoso.com, creationDateTimeUtc: 2026-01-05T12:01:00Z }
          - { type: Unisolate, status: Succeeded, requestor: a@contoso.com, creationDateTimeUtc: 2026-01-05T12:02:00Z }
        alert: { severity: High }
        want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
`,
		"a rule gives back what is Cordon's": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - alert: { status: Resolved }
        want: { rule: back, steps: [{ release: do }, { tag remove seen: do }], comesTo: [{ release: asked }] }
      - alert: { status: New }
        want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
`,
		"and nothing else": `
      - actions: [{ type: Isolate, status: Succeeded, requestor: a@contoso.com }]
        want: ` + contained + `, comesTo: [{ isolate Full: joined }] }
      - alert: { status: Resolved }
        want:
          rule: back
          steps: [{ release: do }, { tag remove seen: do }]
          comesTo: [{ release: skipped }]
          why: somebody else's
`,
		"what failed is asked for again": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - actions: [{ id: cordon-1, status: Failed }]
        want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
`,
		"what is under way is joined, and not undone yet": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - actions: [{ id: cordon-1, status: Pending }]
        want: ` + contained + `, comesTo: [{ isolate Full: joined }] }
      - alert: { status: Resolved }
        want:
          rule: back
          steps: [{ release: do }, { tag remove seen: do }]
          comesTo: [{ release: waits }]
          why: is not over, so it cannot be undone yet
`,
		"a release under way is waited for": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - alert: { status: Resolved }
        want: { rule: back, steps: [{ release: do }, { tag remove seen: do }], comesTo: [{ release: asked }] }
      - alert: { status: New }
        actions: [{ id: cordon-2, status: Pending }]
        want: ` + contained + `, comesTo: [{ isolate Full: waits }], why: is still under way }
`,
		"Defender lifts an isolation after a week": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - after: 168h
        alert: { alertCreationTime: 2026-01-12T11:59:00Z }
        want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
`,
		"the age of what was asked for is not looked at again while it is under way": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - after: 25h
        actions: [{ id: cordon-1, status: Pending }]
        want: ` + contained + `, comesTo: [{ isolate Full: joined }] }
`,
		"but once it is over": `
      - want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
      - after: 25h
        want: { rule: contain, steps: [{ isolate Full: held }, { tag add seen: held }, ` +
			`{ updateAlert classification=TruePositive: held }, { mail: do }], comesTo: [], why: 25h1m0s old }
`,
		"tags and verdicts of the plan are there at the next moment": `
      - want: ` + contained + ` }
      - machine: { machineTags: [vip] }
        want: { rule: contain, steps: [{ isolate Full: held }, { tag add seen: held }, ` +
			`{ updateAlert classification=TruePositive: do }, { mail: do }], why: vip }
      - machine: { machineTags: [seen] }
        actions:
          - { type: Unisolate, status: Succeeded, requestor: a@contoso.com, creationDateTimeUtc: 2026-01-05T12:15:00Z }
          - { type: Isolate, status: Succeeded, requestor: a@contoso.com, creationDateTimeUtc: 2026-01-05T12:16:00Z }
        want: { rule: "" }
`,
		"a scan that was done lately is not asked for again": `
      - alert: { severity: Medium }
        want: { rule: look, steps: [{ scan Quick: do }], comesTo: [{ scan Quick: asked }] }
      - want: { rule: look, steps: [{ scan Quick: do }], comesTo: [{ scan Quick: done before }] }
`,
		"the machine cannot be read for a while": `
      - want: ` + contained + ` }
      - unread: { machine: 503 }
        want: { rule: contain, steps: [{ isolate Full: held }, { tag add seen: held }, ` +
			`{ updateAlert classification=TruePositive: held }, { mail: do }], why: "503" }
      - unread: {}
        want: ` + contained + `, comesTo: [{ isolate Full: joined }] }
`,
		"a pause ends": `
      - paused: bob
        want: { rule: contain, steps: [{ isolate Full: held }, { tag add seen: held }, ` +
			`{ updateAlert classification=TruePositive: held }, { mail: do }], comesTo: [], why: paused }
      - paused: ""
        want: ` + contained + `, comesTo: [{ isolate Full: asked }] }
`,
	} {
		if said := run(t, false, machineOf+strings.TrimPrefix(moments, "\n")); said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestAMomentShowsWhatItsActionsComeTo(t *testing.T) {
	t.Parallel()
	said := run(t, false, machineOf+"      - want: "+contained+", comesTo: [{ isolate Full: joined }] }\n")
	want := "life, moment 1\n- comes to: isolate Full: joined\n+ comes to: isolate Full: asked"
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}

func TestACaseMayBeAFindingAndSayWhatIsKnown(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a finding": `
    hunt: { name: h, severity: High, row: { FileName: a.exe } }
    machine: { computerDnsName: pc1, osPlatform: Windows11 }
    want: { rule: found, steps: [{ isolate Full: do }] }`,
		"another finding": `
    hunt: { name: h, severity: High, row: { FileName: b.exe } }
    want: { rule: "" }`,
		"another product": `
    alert: { severity: High, serviceSource: microsoftDefenderForIdentity }
    want: { rule: "", why: "" }`,
		"who isolated": `
    alert: { severity: High }
    machine: { computerDnsName: pc1, osPlatform: Windows11, machineTags: [seen] }
    isolatedBy: person
    want: { rule: "" }`,
		"isolation not read": `
    alert: { severity: High }
    machine: { computerDnsName: pc1, osPlatform: Windows11, machineTags: [seen] }
    unread: { isolated: 400 no }
    want:
      rule: contain
      steps: [{ isolate Full: held }, { tag add seen: held }, { updateAlert classification=TruePositive: held }, { mail: do }]
      why: 400 no`,
		"a tag of this run": `
    alert: { severity: High }
    machine: { computerDnsName: pc1, osPlatform: Windows11 }
    ownTags: [vip]
    want:
      rule: contain
      steps: [{ isolate Full: held }, { tag add seen: held }, { updateAlert classification=TruePositive: do }, { mail: do }]
      why: protect.tags`,
		"asked before": `
    alert: { severity: High, alertCreationTime: 2026-01-01T12:00:00Z }
    machine: { computerDnsName: pc1, osPlatform: Windows11 }
    asked: [isolation]
    want:
      rule: contain
      steps: [{ isolate Full: do }, { tag add seen: do }, { updateAlert classification=TruePositive: do }, { mail: do }]`,
		"a release for an alert without a time of its last update": `
    alert: { status: Resolved, lastUpdateTime: null }
    machine: { computerDnsName: pc1, osPlatform: Windows11 }
    want: { rule: back, steps: [{ release: held }, { tag remove seen: held }], why: has no time }`,
		"a release that says nothing of times": `
    alert: { status: Resolved }
    machine: { computerDnsName: pc1, osPlatform: Windows11 }
    want: { rule: back, steps: [{ release: do }, { tag remove seen: do }] }`,
	} {
		if said := run(t, false, "  - name: one"+text+"\n"); said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestStrictNamesWhatPassesByNeglect(t *testing.T) {
	t.Parallel()
	const machine = "    machine: { computerDnsName: pc1, osPlatform: Windows11, machineTags: [vip] }\n"
	unseen := "no case sees rule back decide\nno case sees rule contain decide\nno case sees rule found decide"
	for text, want := range map[string]string{
		"  - name: one\n    alert: { severity: Low }\n": "one: it has no want, so any plan of no rule is right\n" +
			"no case sees rule back decide\nno case sees rule contain decide\nno case sees rule look decide\n" +
			"no case sees rule found decide",
		"  - name: one\n    alert: { severity: Medium }\n" + machine +
			"    want: { rule: look, steps: [{ scan Quick: held }] }\n": "one: scan Quick is held for any reason; say " +
			"which with why\n" + unseen,
		"  - name: one\n    alert: { severity: Medium }\n    alertsOnMachine: 3\n    alertsInIncident: 0\n" + machine +
			"    want: { rule: look, steps: [{ scan Quick: held }], why: vip }\n": "one: it says alertsOnMachine, " +
			"which " +
			"no rule of the playbook reads\none: it says alertsInIncident, which no rule of the playbook reads\n" +
			unseen,
		"  - name: one\n    alert: { severity: Medium }\n    moments: [{ want: { rule: look, steps: [{ scan Quick: " +
			"held }], " +
			"why: not be read } }, {}]\n": "one, moment 2\n- rule: \n+ rule: look\n+ scan Quick: held\n" +
			"one, moment 2: it has no want, so any plan of no rule is right\n" + unseen,
	} {
		if diff := cmp.Diff(want, run(t, true, text)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if said := run(t, false, text); strings.Contains(said, "no case sees") {
			t.Errorf("%s: without --strict: %s", text, said)
		}
	}
}

func TestFindingsOfStrictHaveTheirPlaces(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"p.yaml": plain,
		"a.test.yaml": "playbook: p.yaml\ncases:\n\n" +
			"  - name: one\n    alert: { severity: Low }\n  - alert: { severity: Low }\n    name: two\n    want: { " +
			"rule: x }\n",
	})
	r := Run(Options{Files: []string{filepath.Join(dir, "a.test.yaml")}, Strict: true})
	var places []int
	for _, one := range r.Neglected {
		places = append(places, one.Line)
	}
	places = append(places, r.Results[1].Line)
	if diff := cmp.Diff([]int{4, 4, 8, 12, 16, 6}, places); diff != "" {
		t.Error(diff)
	}
}

func TestFilesFoldersAndStandardInputAreTestedOnceEach(t *testing.T) {
	t.Parallel()
	one := "playbook: p.yaml\ncases: [{ name: one, want: { rule: '' } }]\n"
	dir := folder(t, map[string]string{"p.yaml": plain, "b.test.yaml": one, "a.test.yaml": one, "other.yaml": one,
		"sub/p.yaml": plain, "sub/c.test.yaml": one})
	at := func(name string) string { return filepath.Join(dir, name) }
	files, err := Find([]string{at("b.test.yaml"), dir, at("sub"), at("other.yaml"), Stdin, dir + "/./b.test.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{at("b.test.yaml"), at("a.test.yaml"), at("sub/c.test.yaml"), at("other.yaml"), Stdin}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
	r := Run(Options{
		Files: files,
		Stdin: strings.NewReader("\ufeffplaybook: " + at("p.yaml") + "\ncases: [{ name: x }]\n"),
	})
	if r.Err() != nil || len(r.Results) != 5 || len(r.Books) != 2 || r.Results[4].File != Stdin {
		t.Errorf("%+v", r)
	}
	for _, operand := range []string{at("none"), t.TempDir()} {
		if files, err := Find([]string{operand}); err == nil {
			t.Errorf("%s: %v", operand, files)
		}
	}
	for text, want := range map[string]string{
		"":                               "standard input is empty",
		strings.Repeat("# x\n", 1100000): "standard input is longer than the limit of 4194304 bytes",
		"a: &x b":                        "anchors",
	} {
		r := Run(Options{Files: []string{Stdin}, Stdin: strings.NewReader(text)})
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s: %v", text, err)
		}
	}
}

func TestTheCasesOfTheDocsHold(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/playbook.md")
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for block := range strings.SplitSeq(string(page), "```yaml\n") {
		text, _, _ := strings.Cut(block, "```")
		after, isCase := strings.CutPrefix(text, "playbook: ")
		if !isCase {
			continue
		}
		held++
		r := Run(Options{Files: []string{Stdin}, Stdin: strings.NewReader("playbook: ../../../playbooks/" + after)})
		if err := r.Err(); err != nil {
			t.Errorf("%v\n%+v", err, r)
		}
	}
	if held != 2 {
		t.Errorf("%d cases are on the page", held)
	}
}
