package episode

import (
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// unknownFor is how long an accepted action that the API neither lists nor knows is waited for: Defender itself gives
// an action up after three days and a quarter of an hour.
const unknownFor = 4 * 24 * time.Hour

// Follow says what became of the episode of a latch, by the machine's actions as they are listed.
func Follow(l latches.Latch, actions []machine.Action, now time.Time, limits Limits) Next {
	switch l.State {
	case latches.Intended:
		return followIntent(l, actions, now, limits)
	case latches.Acting:
		i := slices.IndexFunc(actions, func(a machine.Action) bool {
			return a.ID == l.ActionID
		})
		if i >= 0 {
			return Seen(l, actions[i], now, limits)
		}
		if now.Sub(l.ActionAt) < limits.RecheckAfter {
			return Nothing{} // lists have not had their time
		}
		return ReadAction{}
	case latches.Achieved:
		return WatchState{}
	case latches.Preparing:
		if l.Held("", now) {
			return Nothing{}
		}
		return Free{}
	case latches.Ended:
		return Conclude{}
	}
	return Forget{}
}

// followIntent looks for the action that carries the mark of an episode whose request has no known answer, whatever
// became of the run that sent it.
func followIntent(l latches.Latch, actions []machine.Action, now time.Time, limits Limits) Next {
	if l.Held("", now) {
		return Nothing{}
	}
	for _, a := range actions {
		if a.ID != l.LastActionID && Marks(a, l) {
			return Found{a}
		}
	}
	if now.Sub(l.IntentAt) < limits.RecheckAfter+abandonAfter {
		return Nothing{}
	}
	// Nobody came back to it and nothing was created. A run that still wants the state begins a new episode.
	return GiveUp{"the request never reached the API"}
}

// Seen says what the API shows of an episode's action.
func Seen(l latches.Latch, a machine.Action, now time.Time, limits Limits) Next {
	if a.Status.Final() {
		return Settle{a, FinalDetail(a)}
	}
	next := Pending{Status: a.Status}
	if now.Sub(l.ActionAt) > limits.PendingAfter {
		next.Detail = fmt.Sprintf("Action %s is %s since %s.", a.ID, a.Status,
			a.Created.Format(time.RFC3339))
	}
	return next
}

// Unknown says what becomes of an action that was accepted and that the API neither lists nor knows: it is told about
// like one that is not confirmed, and given up after days.
func Unknown(l latches.Latch, now time.Time, limits Limits) Next {
	at := l.ActionAt.Format(time.RFC3339)
	switch age := now.Sub(l.ActionAt); {
	case age > unknownFor:
		gone := machine.Action{
			ID:        l.ActionID,
			Type:      l.Desired,
			Status:    machine.TimeOut,
			MachineID: l.MachineID,
			Created:   l.ActionAt,
			Updated:   now.UTC(),
		}
		detail := fmt.Sprintf("Action %s was accepted at %s, and the API has known nothing of it since.", l.ActionID,
			at)
		return Settle{gone, detail}
	case age > limits.PendingAfter:
		detail := fmt.Sprintf("Action %s was accepted at %s, but the API does not know it.", l.ActionID, at)
		return Pending{Status: l.ActionStatus, Detail: detail}
	}
	return Nothing{}
}
