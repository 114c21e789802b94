package answer

import (
	"testing"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

func TestLeaveCountsForTheStepsThatWereHeld(t *testing.T) {
	t.Parallel()
	step := func(kind playbook.StepKind) playbook.Step { return playbook.Step{Kind: kind} }
	m := machine.Machine{ID: "m1"}
	run := &Run{
		Facts: Facts{Machine: &m},
		Kept: Kept{Row: runs.Run{
			Leave:    "alice: x",
			LeaveFor: machine.FactsDigest(m),
			Steps: runs.Steps{
				{Key: "isolate", Latch: latches.Isolation, Outcome: runs.HeldOutcome},
				{Key: "restrictApps", Latch: "restriction"},
			},
		}},
	}
	run.Row.Unhold(time.Time{})
	if !run.HasGoAhead(step(playbook.Isolate)) || run.HasGoAhead(step(playbook.RestrictApps)) {
		t.Errorf("%+v", run.Row.Steps)
	}
}
