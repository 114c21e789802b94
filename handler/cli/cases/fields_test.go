package cases

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestACaseWithWhatNoAlertHasIsRefusedWithTheWayOut(t *testing.T) {
	t.Parallel()
	book, err := os.ReadFile("../../../playbook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"alert: { severty: High }":  `alert has no field "severty"; did you mean severity?`,
		"alert: { severity: high }": `alert.severity is never "high"; write High`,
		"alert: { status: new }":    `alert.status is never "new"; write New`,

		"alert: { evidence: [{ entityTyp: File }] }": `alert.evidence[] has no field "entityTyp"; did you mean ` +
			`entityType?`,
		"alert: { evidence: [{ entityType: file }] }": `alert.evidence[].entityType is never "file"; write File`,
		"alert: { relatedUser: { usrName: a } }": `alert.relatedUser has no field "usrName"; did you mean ` +
			`userName?`,

		"machine: { machineTag: [vip] }":     `machine has no field "machineTag"; did you mean machineTags?`,
		"machine: { osPlatform: windows11 }": `machine.osPlatform is never "windows11"; write Windows11`,
		"actions: [{ id: a, typ: Isolate }]": `actions[] has no field "typ"; did you mean type?`,

		"wnat: { rule: x }": "way out: did you mean want?",
		"alert: { severity: High, comments: [], '@odata.id': x }":         "",
		"machine: { osPlatform: Windows11, onboardingStatus: onboarded }": "",

		"unread: { machin: gone }": `unread: "machin" is no fact that may be unread; one of: ` +
			`machine, isolated`,
		"isolatedBy: me":                              `isolatedBy: "me" isolates no machine; one of: nobody, cordon`,
		"asked: [isolate]":                            `asked: nothing is called "isolate"; one of: isolation, release`,
		"moments: [{ naem: x }]":                      "way out: did you mean name?",
		"moments: [{ after: 1h }]":                    "moment 1 (): after goes with a moment before it",
		"want: {}\n    moments: [{}]":                 "it has a want and moments",
		"moments: [{}, { after: -1h }]":               `moment 2 (): after: "-1h" is no duration; such as 90m`,
		"moments: [{}, { after: soon }]":              `moment 2 (): after: "soon" is no duration`,
		"moments: [{ now: noon }]":                    `moment 1 (): now: "noon" is no time`,
		"moments: [{}, { mode: loud }]":               `moment 2 (): mode: "loud" is no mode`,
		"moments: [{}, { alert: { severty: High } }]": `moment 2 (): alert has no field "severty"`,
		"moments: [{}, { now: 2026-01-05T12:00:00Z }]": "now: 2026-01-05T12:00:00Z is not after the moment " +
			"before",
		"moments: [{}, { after: 1h, now: 2026-01-05T15:00:00Z }]": "after goes with a moment before it, and not with " +
			"now",
		"moments: [{}, { alert: { id: other } }]": `moment 2 (): alert.id: "other" is another alert than "da1_1"`,
	} {
		folder := t.TempDir()
		file := filepath.Join(folder, "a.test.yaml")
		for path, text := range map[string]string{
			file:                            "playbook: p.yaml\ncases:\n  - name: one\n    " + line + "\n",
			filepath.Join(folder, "p.yaml"): string(book),
		} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		said := ""
		for _, one := range Run(Options{Files: []string{file}}).Broken {
			said += one.What
		}
		if (said == "") != (want == "") || !strings.Contains(said, want) {
			t.Errorf("%s: %s, want %s", line, said, want)
		}
	}
}
