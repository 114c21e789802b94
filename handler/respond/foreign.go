package respond

import (
	"slices"
	"time"

	"cordon/handler/machine"
)

// A machine that somebody else has isolated, a person or attack disruption, is not isolated a second time: such a request was
// seen to stay Pending for days and to keep the portal from offering a release. The episode adopts the action that stands, with
// its owner; it is followed like any other, and is its owner's to end.

// openAtMost is how long an action may be open before it ends, as observed three days and fourteen minutes, and some time more.
const openAtMost = 4 * 24 * time.Hour

// standing finds the action by which a machine is already what the turn wants it to be; nil if it is not, or if that is not
// known: restrictions of apps are not listed.
func (r *Responder) standing(t *turn, current []machine.Action) *machine.Action {
	if !t.spec.Lifts {
		return nil
	}
	mine := slices.DeleteFunc(slices.Clone(current), func(a machine.Action) bool {
		// The list is half a minute old at most; that the last episode is over the ledger may know better.
		return a.MachineID != t.machine.ID || a.ID == t.latch.LastActionID
	})
	is := machine.StateOf(t.latch.Desired, mine, r.Now(), r.Lift, nil)
	if !is.Is {
		return nil
	}
	return &is.Action
}
