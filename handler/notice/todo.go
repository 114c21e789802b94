package notice

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
