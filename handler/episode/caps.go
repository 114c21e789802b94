package episode

import (
	"fmt"

	"cordon/handler/ledger/latches"
	"cordon/handler/playbook"
)

// CapOf says as what a latch's episode is counted under the caps: the action, and the key of the episode. The machine
// stands for the latch of isolations.
func CapOf(l latches.Latch) (action, key string) {
	for _, kind := range playbook.StepKinds() {
		if kind.Action() == l.Desired {
			action = string(kind)
		}
	}
	owner := l.MachineID
	if l.Kind != latches.Isolation {
		owner += ":" + l.Kind
	}
	return action, fmt.Sprintf("%s:e%d", owner, l.Episode)
}
