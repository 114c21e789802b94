package episode

import (
	"cmp"
	"slices"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// Owners is who asked for the action of a latch, if the ledger knows.
func Owners(l latches.Latch) machine.Owners {
	if l.ActionID == "" || l.Adopted && l.Owner == "" {
		return nil
	}
	return machine.Owners{l.ActionID: l.By()}
}

// DoneAction is a latch's action that Succeeded, as the ledger knows it. Lists lag, and do not go back for ever.
func DoneAction(l latches.Latch) machine.Action {
	return machine.Action{
		ID:        l.ActionID,
		MachineID: l.MachineID,
		Type:      l.Desired,
		Status:    machine.Succeeded,
		Scope:     l.Scope,
		Requestor: l.Requestor,
		Created:   l.ActionAt,
		Updated:   l.Since(),
	}
}

// StateOf is what a machine's actions and its latch say of the latch's state.
func StateOf(
	l latches.Latch,
	actions []machine.Action,
	now time.Time,
	lift time.Duration,
) machine.State {
	known := Owners(l)
	its := func(a machine.Action) bool {
		return a.ID == l.ActionID
	}
	if l.State == latches.Achieved && !slices.ContainsFunc(actions, its) {
		actions = append(slices.Clone(actions), DoneAction(l))
		known = machine.Owners{l.ActionID: l.By()}
	}
	return machine.StateOf(l.Desired, actions, now, lift, known)
}

// Own makes an action the latch's.
func Own(l *latches.Latch, a machine.Action, adopted bool) {
	l.ActionID = a.ID
	l.ActionStatus = a.Status
	l.ActionAt = a.Created
	l.Adopted = adopted
	l.Owner, l.Requestor = machine.ByCordon, ""
	if adopted {
		l.Scope = cmp.Or(a.Scope, l.Scope)
		l.Owner, l.Requestor = a.AskedBy(nil), Requestor(a)
	}
}
