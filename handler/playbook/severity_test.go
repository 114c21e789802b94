package playbook

import (
	"fmt"
	"strings"
	"testing"

	"cordon/handler/alert"
)

func TestSeveritiesCompareByTheirOrder(t *testing.T) {
	t.Parallel()
	for severity, want := range map[alert.Severity]string{"High": "High Medium Low Informational", "Medium": "Medium Low Informational", "Low": "Low Informational",
		"Informational": "Informational", "UnSpecified": ""} {
		var at []string
		for _, level := range rankedSeverities() {
			in := input()
			in.Alert.Severity = severity
			in.Hunt = &Hunt{Name: "h", Severity: string(severity)}
			for on, when := range map[string]string{"alert": "severityAtLeast(alert, %q)", "hunt": "severityAtLeast(hunt, %q)"} {
				given := in
				if on == "alert" {
					given.Hunt = nil
				}
				p := mustLoad(t, rules(fmt.Sprintf("{name: r, on: %s, when: '%s', do: []}", on, fmt.Sprintf(when, level)))).Decide(given)
				if p.Rule == "r" && on == "alert" {
					at = append(at, level)
				}
				if reaches := strings.Contains(want, level); (p.Rule == "r") != reaches {
					t.Errorf("%s of %s at least %s: %s", on, severity, level, p.Explain())
				}
			}
		}
		if got := strings.Join(at, " "); got != want {
			t.Errorf("%s is at least %s, want %s", severity, got, want)
		}
	}
	for _, severity := range []alert.Severity{"", "Catastrophic"} {
		in := input()
		in.Alert.Severity = severity
		p := mustLoad(t, oneRule(`severityAtLeast(alert, "Low")`, "")).Decide(in)
		if p.Rules[0].Outcome != Errored || p.Rules[0].Clauses[0].Values[0].Name != "alert.severity" {
			t.Errorf("%q: %s", severity, p.Explain())
		}
	}
}
