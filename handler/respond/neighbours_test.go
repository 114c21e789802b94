package respond_test

import (
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
)

// manyOrWide is a playbook whose rules count other alerts.
const manyOrWide = `version: 1
mode: enforce
rules:
  - {name: many, on: alert, when: alertsOnMachine >= 2, do: [isolate: {type: Full}, mail: {}]}
  - {name: wide, on: alert, when: alertsInIncident >= 2, do: [mail: {}]}
`

func TestARuleCountsTheOtherAlertsOfTheMachineAndTheIncident(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, manyOrWide)
	p := w.Start(-1, false)
	rule := func(id, machineID string, incident int64, want string) {
		t.Helper()
		w.Mu.Lock()
		w.Machines[machineID] = machine.Machine{
			ID:              machineID,
			ComputerDNSName: machineID + ".corp.contoso.com",
			OSPlatform:      "Windows11",
		}
		w.Mu.Unlock()
		w.Change(alert.Alert{
			ID:         id,
			MachineID:  machineID,
			IncidentID: incident,
			Severity:   alert.Low,
			Status:     alert.StatusNew,
			Created:    w.Clock(),
			Updated:    w.Clock(),
		})
		w.Drain(p, 5)
		if run := w.Run(id, 1); run.Rule != want {
			t.Errorf("%s: rule %q, want %q: %+v", id, run.Rule, want, run)
		}
	}
	rule("da1", "m1", 7, "")
	rule("da2", "m1", 7, "")
	rule("da3", "m1", 8, "many")
	w.Advance(25 * time.Hour)
	rule("da4", "m1", 0, "") // the others are too long ago
	rule("da5", "m2", 7, "wide")
	rule("da6", "m2", 8, "")
}
