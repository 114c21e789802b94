package response

import (
	"cmp"
	"fmt"

	"cordon/handler/ledger"
	"cordon/handler/machine"
)

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
	return fmt.Sprintf("Action %s was asked for by %s.", l.ActionID, by)
}

// cut bounds foreign text, in characters.
func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
