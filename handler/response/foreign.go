package response

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger"
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

// maxRequestor bounds what is kept of a requestor's name, in characters.
const maxRequestor = 200

// whose says who asked for the action of a latch, for people.
func whose(l ledger.Latch) string {
	by := "Cordon"
	switch l.By() {
	case machine.ByPerson:
		by = l.Requestor
	case machine.ByAutomatic:
		by = "attack disruption, as far as the API shows it"
	case machine.ByUnknown:
		by = cmp.Or(l.Requestor, "somebody whom the API does not name")
	}
	scope := ""
	if l.Adopted && l.Scope != "" && l.Scope != machine.Full {
		scope = " (" + string(l.Scope) + ")"
	}
	return fmt.Sprintf("Action %s%s was asked for by %s.", l.ActionID, scope, by)
}

// cut bounds foreign text, in characters.
func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
