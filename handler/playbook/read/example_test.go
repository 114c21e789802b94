package read_test

import (
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/playbook/read"
)

// A playbook is read once and asked about each alert; the answer has the reason of every step.
func Example() {
	book, err := read.Load("playbook.yaml", []byte(`version: 1
mode: enforce
rules:
  - name: isolate-high
    on: alert
    when: alert.severity == "High"
    do: [isolate: {type: Full}, mail: {}]
protect: {tags: [never-isolate]}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	plan := book.Decide(playbook.Input{
		Alert: alert.Alert{
			ID:        "da1",
			MachineID: "1e5bc9d7e413ddd7902c2932e418702b84d0cc07",
			Severity:  alert.High,
			Created:   now,
		},
		Machine: &machine.Machine{
			ID:               "1e5bc9d7e413ddd7902c2932e418702b84d0cc07",
			ComputerDNSName:  "dc1.contoso.com",
			OSPlatform:       "WindowsServer2022",
			HealthStatus:     "Active",
			OnboardingStatus: "Onboarded",
			Tags:             []string{"never-isolate"},
		},
		Now:        now,
		Ceiling:    playbook.Enforce,
		StaleAfter: 24 * time.Hour,
	})
	for _, step := range plan.Steps {
		fmt.Println(strings.TrimSpace(fmt.Sprintf("%s: %s %s", step.Kind, step.Verdict, step.Why)))
	}
	// Output:
	// isolate: held protected: "never-isolate" is on protect.tags as "never-isolate"
	// mail: do
}
