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
		_, err := Run(file)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
