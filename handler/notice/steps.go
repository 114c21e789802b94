package notice

import (
	"strings"

	"cordon/handler/isolation"
	"cordon/handler/machine"
)

// stepOutcome is outcomeOf for events that are about another step than an isolation.
func stepOutcome(e Event) (outcome, tone, what string) {
	noun, lasting := stepNoun(e)
	sentence := strings.ToUpper(noun[:1]) + noun[1:]
	switch e.Kind {
	case Requested:
		return sentence + " requested, not confirmed yet", "wait",
			"Nothing. A mail follows when Defender reports the outcome."
	case StillPending:
		return sentence + " requested, still not confirmed", "wait",
			"The machine may be offline. Defender keeps trying for up to three days."
	case Done:
		if lasting {
			return sentence + " in force", "good", "Investigate, then end it in the Defender portal."
		}
		if e.Action == machine.Unisolate {
			return isolation.Released.Sentence(), "good", ""
		}
		return sentence + " done", "good", ""
	case Released, ByRule:
		return sentence + " ended", "calm", ""
	case Failed:
		return "No " + noun + ": the action failed", "bad",
			e.orAgain("Ask for it in the Defender portal if it is still needed.")
	case TimedOut:
		return "No " + noun + ": the machine did not come back in time", "bad",
			e.orAgain("Ask for it again once the machine is back.")
	case Cancelled:
		return "No " + noun + ": the action was cancelled", "bad", "Ask who cancelled it."
	case Refused:
		return "No " + noun + ": Defender refused", "bad", `Look at what is under "Why".`
	case Denied:
		return "No " + noun + " yet: a permission is missing", "bad", grantIt
	case Held:
		return "No " + noun + ": held for a person", "wait", e.decide("ask for it")
	case Waits:
		return sentence + " waits until what undoes it is over", "bad", waitOrAct
	case Skipped:
		return "No " + noun + ": skipped", "calm", ""
	case WouldDo:
		return "Would do: " + noun + " (observe mode, nothing was done)", "calm",
			"Set CORDON_MODE and the playbook's mode to enforce when you trust the rules."
	case NotFound:
		return "No " + noun + ": not found", "bad", lookUp
	case Duplicate:
		return "A second request was sent: " + noun, "bad", "Check the machine's actions in the Defender portal."
	}
	return "Nothing was done: " + noun, "calm", ""
}

// standingOutcome is outcomeOf for a step that is not done for an alert while the machine is all the same what it asks
// for, or about to be: for another alert, say. It must say nothing of the machine that is not so.
func standingOutcome(e Event) (outcome, tone, what string) {
	noun, byHand := "isolation", "isolate the machine"
	if e.Step != "" {
		noun, _ = stepNoun(e)
		byHand = "ask for it"
	}
	head := "Nothing is done for this alert"
	tone = "calm"
	do := "Nothing, as long as that is so."
	switch e.Kind {
	case Held:
		head = "Held for a person"
		tone = "wait"
		do = e.decide(byHand)
	case WouldIsolate, WouldDo:
		head = "Observe mode, nothing was done"
	case Skipped:
		head = "Skipped"
	case ReleasedEarly:
		head = "Not asked for again"
	}
	return head + "; " + noun + " is " + string(e.Stands) + " all the same", tone,
		do + " When the " + noun + " ends, nothing takes its place for this alert."
}

// stepNoun is what the event's step is called, and whether what it brings about lasts.
func stepNoun(e Event) (noun string, lasting bool) {
	spec, found := machine.SpecOf(e.Action)
	if found {
		return spec.NounOf(e.Scope), spec.Lasting
	}
	change, isTag := strings.CutPrefix(e.Step, "tag:")
	if isTag {
		return "change of the machine's tags (" + strings.Replace(change, ":", " ", 1) + ")", false
	}
	return "update of the alert", false
}
