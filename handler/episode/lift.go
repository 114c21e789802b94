package episode

import (
	"fmt"
	"time"

	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// LiftOf is when Defender lifts the isolation of a latch; zero if it has none, or it is not lifted.
func LiftOf(l latches.Latch, lift time.Duration) time.Time {
	if l.State != latches.Achieved {
		return time.Time{}
	}
	return machine.LiftOf(l.Desired, l.By(), l.Since(), lift)
}

// LiftSentence says when Defender lifts the isolation of a latch, for people; empty if it does not.
func LiftSentence(l latches.Latch, lift time.Duration) string {
	at := LiftOf(l, lift)
	if at.IsZero() {
		return ""
	}
	atMost := ""
	if l.By() == machine.ByAutomatic {
		atMost = ", or earlier: attack disruption isolates for a limited time that is not published"
	}
	return fmt.Sprintf(" Defender lifts it by itself at %s%s; the API does not show it.",
		at.UTC().Format(time.RFC3339), atMost)
}

// warnAhead is how long before a lift people are told of it, at most. Of an isolation that lasts less than a week it
// is as much less.
const warnAhead = 24 * time.Hour

// warnParts is into how many parts of that length an isolation is divided.
const warnParts = 7

// LiftDue reports whether Defender has lifted the isolation of a latch by now.
func LiftDue(l latches.Latch, now time.Time, lift time.Duration) bool {
	at := LiftOf(l, lift)
	return !at.IsZero() && !now.Before(at)
}

// LiftNear reports whether people are to be told now that the isolation of a latch is lifted soon, or was. What the
// machine's actions say since it began is looked at before.
func LiftNear(l latches.Latch, now time.Time, lift time.Duration) bool {
	return LiftDue(l, now, lift) || WarnsOfLift(l, now, lift)
}

// WarnsOfLift reports whether people are to be told now of the lift that is near.
func WarnsOfLift(l latches.Latch, now time.Time, lift time.Duration) bool {
	at := LiftOf(l, lift)
	if at.IsZero() || l.LiftTold || !now.Before(at) {
		return false
	}
	return !now.Before(at.Add(-min(warnAhead, at.Sub(l.Since())/warnParts)))
}
