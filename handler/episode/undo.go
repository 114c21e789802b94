package episode

import (
	"fmt"

	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
)

// WhyNotUndone says why there is nothing for Cordon to undo; empty if there is, now or once the request for it is
// over. Only what Cordon asked for itself is undone.
func WhyNotUndone(l latches.Latch) string {
	noun := Noun(l)
	switch {
	case l.State == latches.Achieved && l.Adopted:
		return fmt.Sprintf("the %s (action %s) was somebody else's, and is his to end", noun, l.ActionID)
	case l.State == latches.Achieved ||
		l.State == latches.Acting ||
		l.State == latches.Intended:
		return ""
	}
	return fmt.Sprintf("no %s by Cordon is in force", noun)
}

// Undo says whether the lasting state of a latch may be claimed, to be undone. It answers with Claim, End or Wait.
func Undo(l latches.Latch) Next {
	switch why := WhyNotUndone(l); {
	case l.State == latches.Achieved && !l.Adopted:
		return Claim{}
	case why != "":
		return End{"skipped", why}
	}
	return Wait{
		For:     UndoWait,
		Why:     Noun(l) + " is not over, so it cannot be undone yet",
		Patient: true,
	}
}

// Wish is what the newest run of an alert says of a lasting state that is to be undone.
type Wish struct {
	Wanted    bool // it wants it, or nobody decided otherwise
	Undecided bool // it is not decided yet, and may want it
	Run       runs.Run
}

// WishOf reads what the alert of a joiner wants of a latch's state.
func WishOf(record runs.Record, l latches.Latch) Wish {
	latest, exists := record.Latest()
	switch {
	case !exists || latest.Book == "" && latest.State.Final():
		return Wish{Wanted: true} // nobody decided otherwise, so in doubt it is wanted
	case latest.Book == "" && !latest.State.Final():
		return Wish{Undecided: true, Run: latest}
	}
	return Wish{Wanted: latest.Wants(l), Run: latest}
}
