package notice

import (
	"regexp"
	"slices"
)

// orAgain is what a person can do about an action that came to nothing, unless Cordon asks for it again: two who do the
// same are in each other's way.
func (e Event) orAgain(what string) string {
	const wait = "Nothing yet: Cordon asks for it again by itself, and a mail follows."
	switch {
	case !e.Again:
		return what
	case e.Step != "":
		return wait
	}
	return wait + " If that takes too long, take the machine off the network by hand."
}

// decide says how a person goes on with what is held.
func (e Event) decide(byHand string) string {
	if e.Unlisted {
		return "Decide, and " + byHand + " in the Defender portal if that is right. Cordon cannot go on with it by " +
			"itself and does not list it, because it could not read the machine."
	}
	return "Decide: go on with it by cordon held run, end it by cordon held drop, or " + byHand +
		" in the Defender portal."
}

// lookUp is what to do about an alert or a machine that Defender does not know.
const lookUp = `Look in the Defender portal for what is named under "Why".`

// grantIt is what to do about a permission that is missing.
const grantIt = `Grant the permission that is named under "Why". Cordon tries again by itself.`

// waitOrAct is what to do about a step that waits for what undoes it.
const waitOrAct = "Nothing, if that is meant to be: Cordon decides again when it is over. Else cancel it in the " +
	"Defender portal."

// Commands are the commands by which a person acts on the news, ready to be pasted. They name ids: a name may be an
// attacker's, and several machines may have it.
func (e Event) Commands() []string {
	var all []string
	add := func(line string, ids ...string) {
		if !slices.ContainsFunc(ids, unfit) {
			all = append(all, line)
		}
	}
	const why = " --reason '…'"
	switch {
	case e.Kind == Held && !e.Unlisted:
		add("cordon held run "+e.AlertID+why, e.AlertID)
		add("cordon held drop "+e.AlertID+why, e.AlertID)
	case e.Kind == Paused:
		add("cordon resume" + why)
	case e.Stands != "" || e.Step != "":
	case e.Kind == Isolated, e.Kind == LiftsSoon:
		add("cordon release "+e.MachineID+why, e.MachineID)
	case e.Kind == StillPending:
		add("cordon cancel "+e.ActionID+" --machine "+e.MachineID+why, e.ActionID, e.MachineID)
	}
	if e.AlertID != "" {
		add("cordon run show "+e.RunID, e.RunID)
	}
	return all
}

// unfit reports whether an id could mean something else to a shell or to a command than itself.
func unfit(id string) bool {
	return !plain.MatchString(id)
}

var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}$`)
