package condition_test

import (
	"fmt"
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/playbooktest"
	"cordon/handler/playbook/read"
)

func TestSeveritiesCompareByTheirOrder(t *testing.T) {
	t.Parallel()
	for severity, want := range map[alert.Severity]string{"High": "High Medium Low Informational",
		"Medium": "Medium Low Informational", "Low": "Low Informational",
		"Informational": "Informational", "UnSpecified": ""} {
		var at []string
		for _, level := range facts.Severities() {
			in := playbooktest.Input()
			in.Alert.Severity = severity
			in.Hunt = &playbook.Hunt{Name: "h", Severity: string(severity)}
			for on, when := range map[string]string{"alert": "severityAtLeast(alert, %q)",
				"hunt": "severityAtLeast(hunt, %q)"} {
				given := in
				if on == "alert" {
					given.Hunt = nil
				}
				p := playbooktest.Load(t,
					playbooktest.Rules(fmt.Sprintf("{name: r, on: %s, when: '%s', do: []}", on, fmt.Sprintf(when,
						level)))).Decide(given)
				if p.Rule == "r" && on == "alert" {
					at = append(at, level)
				}
				if reaches := strings.Contains(want, level); (p.Rule == "r") != reaches {
					t.Errorf("%s of %s at least %s: %s", on, severity, level, explain.Plan(p))
				}
			}
		}
		if got := strings.Join(at, " "); got != want {
			t.Errorf("%s is at least %s, want %s", severity, got, want)
		}
	}
	for _, severity := range []alert.Severity{"", "Catastrophic"} {
		in := playbooktest.Input()
		in.Alert.Severity = severity
		p := playbooktest.Load(t, playbooktest.OneRule(`severityAtLeast(alert, "Low")`, "")).Decide(in)
		if p.Rules[0].Outcome != playbook.Errored || p.Rules[0].Clauses[0].Values[0].Name != "alert.severity" {
			t.Errorf("%q: %s", severity, explain.Plan(p))
		}
	}
}

func TestAComparisonByLettersIsAnsweredWithTheSameComparison(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		`alert.severity >= "High"`:            `write severityAtLeast(alert, "High")`,
		`alert.severity >= "Low"`:             `write severityAtLeast(alert, "Low")`,
		`hunt.severity >= "Medium"`:           `write severityAtLeast(hunt, "Medium")`,
		`alert.severity > "Low"`:              `write severityAtLeast(alert, "Medium")`,
		`alert.severity > "High"`:             `nothing is above High: alert.severity == "High" is the highest`,
		`alert.severity < "Medium"`:           `write !severityAtLeast(alert, "Medium")`,
		`alert.severity <= "Medium"`:          `write !severityAtLeast(alert, "High")`,
		`alert.severity <= "High"`:            "nothing is above High, so this is always true: take it out",
		`"High" <= alert.severity`:            `write severityAtLeast(alert, "High")`,
		`"Low" < alert.severity`:              `write severityAtLeast(alert, "Medium")`,
		`"Low" > alert.severity`:              `write !severityAtLeast(alert, "Low")`,
		`"Low" >= alert.severity`:             `write !severityAtLeast(alert, "Medium")`,
		`alert.severity >= "high"`:            "did you mean High? known: High, Medium, Low, Informational",
		`alert.severity >= "Critical"`:        "known: High, Medium, Low, Informational",
		`alert.severity >= machine.riskScore`: "known: High, Medium, Low, Informational",
		`machine.version < "1809"`:            `write compareVersion(machine.version, "1809") < 0`,
		`machine.version > "22H2"`:            `write compareVersion(machine.version, "22H2") > 0`,
		`"22H2" >= machine.version`:           `write compareVersion(machine.version, "22H2") <= 0`,
		`machine.version >= ""`:               `write compareVersion(machine.version, "22H2") >= 0`,
		`alert.title > "a"`:                   "== and in compare texts",
	} {
		on, _, _ := strings.Cut(when, ".")
		if on != "hunt" {
			on = "alert"
		}
		_, err := read.Load("p.yaml",
			[]byte(playbooktest.Rules(fmt.Sprintf("{name: r, on: %s, when: %q, do: []}", on, when))))
		if err == nil || !strings.Contains(err.Error(), want+"\n") && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", when, err, want)
		}
		if way, copied := strings.CutPrefix(want, "write "); copied {
			playbooktest.Load(t, playbooktest.Rules(fmt.Sprintf("{name: r, on: %s, when: %q, do: []}", on, way)))
		}
	}
}
