package episode

import (
	"cmp"
	"fmt"
	"slices"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// Whose says who asked for the action of a latch, for people.
func Whose(l latches.Latch) string {
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

// Noun is what the machine action of a latch is called, such as isolation.
func Noun(l latches.Latch) string {
	spec, _ := machine.SpecOfLatch(l.Kind)
	return spec.NounOf(l.Scope)
}

// Article puts the right one before a noun.
func Article(noun string) string {
	if len(noun) > 0 && slices.Contains([]byte("aeiou"), noun[0]) {
		return "an " + noun
	}
	return "a " + noun
}

// DoneWord is what the machine is once the latch's action Succeeded.
func DoneWord(l latches.Latch) string {
	spec, _ := machine.SpecOfLatch(l.Kind)
	return spec.Done
}

// NotDone is the outcome of a machine action that did not succeed, by what the machine would be: not isolated.
func NotDone(done string) string { return "not " + done }

// maxRequestor bounds what is kept of a requestor's name, in characters.
const maxRequestor = 200

// Requestor is who asked for an action, as the API names him, bounded: it is foreign text.
func Requestor(a machine.Action) string {
	name := []rune(a.Requestor)
	if len(name) > maxRequestor {
		return string(name[:maxRequestor-1]) + "…"
	}
	return a.Requestor
}
