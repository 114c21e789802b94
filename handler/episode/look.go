package episode

import (
	"cmp"
	"strings"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

const (
	// clockSkew is how far clocks may differ when a look-up asks for actions since a moment.
	clockSkew = 2 * time.Minute
	// LookBack is how far before an intent the episode's own mark is looked for.
	LookBack = 15 * time.Minute
)

// pick chooses the action of a latch's episode among a machine's actions; nil if there is none. The mark of the
// episode decides wherever it is found; without one it is one of the same kind since about the first intent that no
// release which completed later has undone.
func pick(actions []machine.Action, l latches.Latch) *machine.Action {
	var other *machine.Action
	for _, a := range actions {
		if a.Type != l.Desired ||
			a.ID == l.LastActionID ||
			(a.MachineID != "" && a.MachineID != l.MachineID) {
			continue
		}
		if Marks(a, l) {
			return &a
		}
		if !SameScope(a, l) {
			continue
		}
		recent := !a.Created.Before(l.FirstIntentAt.Add(-clockSkew))
		undone := a.Status == machine.Succeeded && a.UndoneBy(actions) != nil
		if recent &&
			!a.Marked() &&
			!undone &&
			(other == nil || prefer(a, *other)) {
			other = &a
		}
	}
	return other
}

// SameScope reports whether an action is of the scope that a latch owns. Lasting states have one latch for all scopes.
func SameScope(a machine.Action, l latches.Latch) bool {
	_, scope, scoped := strings.Cut(l.Kind, ":")
	return !scoped ||
		a.Scope == "" ||
		strings.EqualFold(string(a.Scope), scope)
}

// prefer says which of two actions of a kind tells what becomes of the machine: one that Succeeded before one that is
// open, that before one that came to nothing; of two alike the newer one.
func prefer(a, b machine.Action) bool {
	rank := func(a machine.Action) int {
		switch {
		case a.Status == machine.Succeeded:
			return 2
		case !a.Status.Final():
			return 1
		}
		return 0
	}
	return cmp.Or(rank(a)-rank(b), a.Created.Compare(b.Created)) > 0
}
