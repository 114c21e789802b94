package episode

import (
	"fmt"
	"slices"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// Fact is something that a decision looks at and that costs a call.
type Fact int

// The facts of Enter.
const (
	TheRecord  Fact = iota // of the run's alert
	TheJoiners             // of the episode
	TheUndoing             // the latch of the action that undoes the state
	TheLasting             // the latch of the state that the action undoes
)

// View is what a decision looks at. The facts at its end are read only if a decision asks for them.
type View struct {
	Spec   machine.Spec // of the action that the run's step asks for
	Latch  latches.Latch
	Run    runs.Run
	Token  string // of the holder who asks
	Now    time.Time
	Limits Limits

	Record  *runs.Record
	Joiners *[]latches.Joiner
	Undoing *latches.Latch
	Lasting *latches.Latch
}

// own reports whether the latch's episode is one that the run has begun or joined.
func (v View) own() bool {
	return v.Latch.Episode > 0 && v.Latch.Episode == v.Run.EpisodeOf(v.Latch.Kind)
}

// Enter says how a run that wants a machine action goes on with the action's latch as it was read.
func Enter(v View) Next {
	l := v.Latch
	if len(l.AllReleases()) > 0 {
		if v.Record == nil {
			return Read{TheRecord}
		}
		release, stays := v.Record.StaysReleased(v.Run, l)
		if stays {
			return StaysReleased{release}
		}
	}
	reached := l.State == latches.Acting || l.State == latches.Achieved
	switch {
	case l.UndoneBy != "" && reached:
		return v.whileUndone()
	case reached:
		return Join{}
	case l.Held(v.Token, v.Now):
		wait := min(
			l.HeldUntil.Sub(v.Now)+time.Second,
			heldWait<<min(v.Run.Copies, 4),
		)
		return Wait{For: wait, Why: "another invocation holds the machine's latch"}
	case l.State == latches.Ended && !l.LiftedAt.IsZero():
		return Take{} // what has joined it is contained no longer, what has not never was
	case l.State == latches.Ended &&
		v.own() &&
		l.EndKind != "" &&
		(l.EndRun == "" || l.EndRun == v.Run.ID()):
		// The run's own episode ended before the run could end with it. One that another alert's rail, or the answer to
		// its request, ended before anything was under way says nothing about this run, which begins anew.
		return AskAgain{}
	case l.State == latches.Ended &&
		l.ActionStatus == machine.Succeeded &&
		!v.Spec.Lasting &&
		v.Spec.Undoes == "":
		return v.doneBefore()
	case v.Spec.Undoes != "" && !l.State.Open():
		return v.nothingToUndo()
	}
	return Take{}
}

// doneBefore ends the step with an action that is done: the run's own, one that was done for the same alert, or one
// that anybody had done a short while ago.
func (v View) doneBefore() Next {
	l := v.Latch
	why := fmt.Sprintf("done by action %s at %s", l.ActionID, l.EndedAt.Format(time.RFC3339))
	if v.own() || v.Now.Sub(l.EndedAt) <= doneFor {
		return Done{why}
	}
	if v.Joiners == nil {
		return Read{TheJoiners}
	}
	if !slices.ContainsFunc(*v.Joiners, func(j latches.Joiner) bool { return j.AlertID == v.Run.AlertID }) {
		return Take{}
	}
	return Done{why + " for this alert"}
}

// whileUndone lets a run that wants a lasting state wait while somebody undoes it.
func (v View) whileUndone() Next {
	if v.Undoing == nil {
		return Read{TheUndoing}
	}
	u := *v.Undoing
	if u.State == latches.Acting {
		own := machine.Action{
			ID:        u.ActionID,
			Type:      v.Spec.Undoing,
			Requestor: u.Requestor,
		}
		if u.By() == machine.ByCordon {
			own.Comment = Mark(v.Latch.UndoneBy, u)
		}
		return WaitForRelease{own, UndoWait}
	}
	sent := u.State == latches.Intended || u.State == latches.Ended && u.ActionStatus == machine.Succeeded
	if sent || u.Held("", v.Now) {
		why := fmt.Sprintf("run %s is about to end the %s", v.Latch.UndoneBy, Noun(v.Latch))
		return Wait{For: UndoWait, Why: why, Patient: true}
	}
	return ClearMark{u}
}

// nothingToUndo ends a step that has nothing to undo, or has done so. It is not told: a rule that releases on resolved
// alerts is asked about machines that nobody ever isolated.
func (v View) nothingToUndo() Next {
	l := v.Latch
	if v.own() && l.ActionStatus == machine.Succeeded {
		why := fmt.Sprintf("the machine was %s by action %s (episode %d)", v.Spec.Done, l.ActionID, l.Episode)
		return Finish{v.Spec.Done, why}
	}
	if v.Lasting == nil {
		return Read{TheLasting}
	}
	switch l := *v.Lasting; {
	case WhyNotUndone(l) != "":
		return Finish{"skipped", WhyNotUndone(l)}
	case l.State == latches.Achieved:
		return Take{}
	default:
		why := fmt.Sprintf("%s (action %s) is not over, so it cannot be undone yet", Noun(l), l.ActionID)
		return Wait{For: UndoWait, Why: why, Patient: true}
	}
}
