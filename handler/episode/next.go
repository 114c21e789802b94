package episode

import (
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// Next is what comes next for an episode: one of the types below. Whoever carries it out has a case for each that the
// function it asked can answer with.
type Next interface{ next() }

// What comes next for a run that wants a machine action.
type (
	// Read says that a fact is missing: read it, and ask again.
	Read struct{ Fact Fact }
	// Take says that the latch is free for the run: take it, in a new episode if none is open.
	Take struct{}
	// Ask says that nothing is there and nothing was sent: ask for the action.
	Ask struct{}
	// Adopt makes an action that is there the episode's own.
	Adopt struct{ Action machine.Action }
	// Join lets the step end with the episode that is under way, or with the state that is reached.
	Join struct{}
	// Wait lets the run come back. It is patient if it waits for what ends by itself.
	Wait struct {
		For     time.Duration
		Why     string
		Patient bool
	}
	// WaitForRelease lets the run come back for a step whose opposite is under way, and people hear of it.
	WaitForRelease struct {
		Action machine.Action
		For    time.Duration
	}
	// ClearMark takes the mark of an undoing off the latch, whose owner is gone and sent nothing, then the run joins.
	ClearMark struct{ Undoing latches.Latch }
	// AskAgain lets the run go on after the end of its own episode: anew while it has tries left, else the step ends.
	AskAgain struct{}
	// StaysReleased ends the step with a release that was meant for its alert.
	StaysReleased struct{ Release latches.Release }
	// Done ends the step with an action that is done, and people hear of it.
	Done struct{ Why string }
	// Finish ends the step, and nobody is told.
	Finish struct{ Outcome, Why string }
	// End ends the episode that was taken, and the step with it, and nobody is told: there is nothing to undo.
	End struct{ Outcome, Why string }
	// Claim marks the state as about to be undone, unless another alert's run wants it.
	Claim struct{}
)

// What comes next for an episode that is followed.
type (
	// Nothing says that there is nothing to do, now.
	Nothing struct{}
	// Free lets go of a latch whose holder is gone before anything was sent: nothing is left to follow.
	Free struct{}
	// Forget says that nothing is left to follow.
	Forget struct{}
	// Found records the action that an interrupted request made.
	Found struct{ Action machine.Action }
	// GiveUp ends an episode whose request made no action, and to which nobody came back.
	GiveUp struct{ Reason string }
	// ReadAction says that no list shows the episode's action: read it by its id.
	ReadAction struct{}
	// Settle records the outcome of the episode's action.
	Settle struct {
		Action machine.Action
		Detail string
	}
	// Pending records the status of an action that is not final. People hear of Detail, if it is not empty.
	Pending struct {
		Status machine.ActionStatus
		Detail string
	}
	// WatchState says that the state is reached: see Watch.
	WatchState struct{}
	// Conclude does what is left to do for an episode that has ended.
	Conclude struct{}
)

func (Read) next()           {}
func (Take) next()           {}
func (Ask) next()            {}
func (Adopt) next()          {}
func (Join) next()           {}
func (Wait) next()           {}
func (WaitForRelease) next() {}
func (ClearMark) next()      {}
func (AskAgain) next()       {}
func (StaysReleased) next()  {}
func (Done) next()           {}
func (Finish) next()         {}
func (End) next()            {}
func (Claim) next()          {}
func (Nothing) next()        {}
func (Free) next()           {}
func (Forget) next()         {}
func (Found) next()          {}
func (GiveUp) next()         {}
func (ReadAction) next()     {}
func (Settle) next()         {}
func (Pending) next()        {}
func (WatchState) next()     {}
func (Conclude) next()       {}

// Limits are the times that decisions go by.
type Limits struct {
	Lift         time.Duration // how long Defender lets an isolation stand before it lifts it by itself
	RecheckAfter time.Duration // wait before a request of unknown fate may be repeated
	PendingAfter time.Duration // an action that is not confirmed for so long is told about
}

// Waits that are no settings.
const (
	// JoinWait is for a request that somebody else has under way.
	JoinWait = 30 * time.Second
	// UndoWait is for a request that is not over and may take days: the machine can be offline.
	UndoWait = 2 * time.Minute
	// heldWait is for a latch that somebody holds, doubled with every copy: a holder is done within seconds, unless it
	// died.
	heldWait = 2 * time.Second
	// doneFor is how long a scan or a package that is done will do for other alerts.
	doneFor = time.Hour
	// abandonAfter is how much longer than a run's own retries an intent without an action is kept.
	abandonAfter = 30 * time.Minute
	// PatientFor is for how long one waits for what ends by itself: Defender gives an action up after three days and a
	// quarter of an hour.
	PatientFor = 4 * 24 * time.Hour
)
