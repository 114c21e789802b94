package desk

import (
	"context"
	"fmt"

	"cordon/handler/desk/isolated"
	"cordon/handler/machine"
)

// Actor is Defender as machine actions are asked for.
type Actor interface {
	// Act asks for a machine action.
	Act(ctx context.Context, machineID string, r machine.Request) (machine.Action, error)
}

// Release asks Defender for a release; who asks, why and under which command stand in its comment. FollowActions records
// it. The error of a request whose answer was lost says so: look before asking again.
func Release(ctx context.Context, api Actor, i isolated.Isolation, c Command) (machine.Action, error) {
	action, err := api.Act(ctx, i.MachineID, machine.Request{
		Type:    machine.Unisolate,
		Comment: c.comment("Released"),
	})
	trouble, _ := machine.TroubleOf(err)
	if trouble == machine.AlreadyActive {
		return action, Refusef("a release of it is under way already; cordon machine shows the action (%v)", err)
	}
	if trouble == machine.UnknownFate {
		return action, fmt.Errorf("it is not known whether the release was accepted; "+
			"see cordon isolated before asking again: %w", err)
	}
	return action, err
}
