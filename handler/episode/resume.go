package episode

import (
	"cmp"
	"slices"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// A machine that somebody else has isolated, a person or attack disruption, is not isolated a second time: such a
// request was seen to stay Pending for days and to keep the portal from offering a release. The episode adopts the
// action that stands, with its owner; it is followed like any other, and is its owner's to end.

// OpenAtMost is how long an action may be open before it ends, as observed three days and fourteen minutes, and some
// time more.
const OpenAtMost = 4 * 24 * time.Hour

// FirstLook is before the first request of an episode, with the current actions of all machines: what stands already
// and what is under way is adopted, whoever asked for it; what undoes it must end first.
func FirstLook(v View, current []machine.Action) Next {
	l := v.Latch
	var open *machine.Action
	for _, a := range current {
		switch {
		case a.MachineID != l.MachineID ||
			a.ID == l.LastActionID ||
			a.Status.Final():
		case a.Type == l.Desired && SameScope(a, l):
			open = cmp.Or(open, &a)
		case a.Type == l.Desired.Opposite():
			return WaitForRelease{a, JoinWait}
		}
	}
	if standing := v.standing(current); standing != nil {
		return Adopt{*standing}
	}
	if own := v.askedBefore(current); own != nil {
		return Adopt{*own}
	}
	if open != nil {
		return Adopt{*open}
	}
	return Ask{}
}

// standing finds the action by which a machine is already what the run wants it to be; nil if it is not, or if that is
// not known: restrictions of apps are not listed.
func (v View) standing(current []machine.Action) *machine.Action {
	if !v.Spec.Lifts {
		return nil
	}
	mine := slices.DeleteFunc(slices.Clone(current), func(a machine.Action) bool {
		// The list is half a minute old at most; that the last episode is over the ledger may know better.
		return a.MachineID != v.Latch.MachineID || a.ID == v.Latch.LastActionID
	})
	is := machine.StateOf(v.Latch.Desired, mine, v.Now, v.Limits.Lift, nil)
	if !is.Is {
		return nil
	}
	return &is.Action
}

// askedBefore finds an action that the run asked for in this episode or a later one, although the ledger knows nothing
// of it, as after it was put back to an earlier state; nil if there is none. Whatever became of it, it is not repeated.
func (v View) askedBefore(current []machine.Action) *machine.Action {
	for _, a := range current {
		asked, marked := AskedBy(a)
		if marked &&
			a.MachineID == v.Latch.MachineID &&
			a.Type == v.Latch.Desired &&
			asked.RunID == v.Run.ID() &&
			asked.Latch == v.Latch.Kind &&
			asked.Episode >= v.Latch.Episode {
			return &a
		}
	}
	return nil
}

// AfterIntent resumes an episode in which a request may have been sent, with the machine's actions as they were listed
// at v.Now: nothing is sent again before a look-up, made late enough for lists to show the action, has found none.
func AfterIntent(v View, actions []machine.Action) Next {
	found := pick(actions, v.Latch)
	if found != nil {
		return Adopt{*found}
	}
	due := v.Latch.IntentAt.Add(v.Limits.RecheckAfter)
	if v.Now.Before(due) {
		why := "a request may have been sent; its action is looked for again before it is repeated"
		return Wait{For: due.Sub(v.Now), Why: why}
	}
	return Ask{}
}

// InTheWay finds the action that stands in the way of a request, open on the machine and of the same kind; nil if none
// is listed.
func InTheWay(l latches.Latch, current []machine.Action) *machine.Action {
	for _, a := range current {
		open := a.MachineID == l.MachineID && !a.Status.Final()
		if open &&
			a.Type == l.Desired &&
			a.ID != l.LastActionID &&
			SameScope(a, l) {
			return &a
		}
	}
	return nil
}
