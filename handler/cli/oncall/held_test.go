package oncall

import (
	"testing"

	"cordon/handler/desk"
	"cordon/handler/ledger/held"
)

// TestAQuestionNamesStepsAndMachines has a scan and a tag that a rail held, and an isolation from before rows had
// steps.
func TestAQuestionNamesStepsAndMachines(t *testing.T) {
	t.Parallel()
	rows := []held.Entry{
		{
			AlertID:     "da638994417204415533_-1184209733",
			MachineID:   "m1",
			MachineName: "fin-lt-0147.corp.contoso.com",
			Steps: held.Steps{
				{Key: "scan:Quick", Step: "scan Quick"},
				{Key: "tag:add:seen", Step: "tag add seen"},
			},
		},
		{AlertID: "da2", MachineID: "m2", MachineName: "hr-vm-22.corp.contoso.com", Reason: "protected"},
	}
	var states []desk.HeldState
	for _, h := range rows {
		states = append(states, desk.HeldState{Entry: h})
	}
	want := "  scan Quick, tag add seen on fin-lt-0147.corp.contoso.com\n  isolate on hr-vm-22.corp.contoso.com"
	if got := shownOf(states); got != want {
		t.Errorf("asked about\n%s\nwant\n%s", got, want)
	}
}
