package episode

import (
	"fmt"
	"time"

	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// LiftOf is when Defender lifts the isolation of a latch; zero if it has none, or it is not lifted.
func LiftOf(l ledger.Latch, lift time.Duration) time.Time {
	if l.State != ledger.Achieved {
		return time.Time{}
	}
	return machine.LiftOf(l.Desired, l.By(), l.Since(), lift)
}

// LiftSentence says when Defender lifts the isolation of a latch, for people; empty if it does not.
func LiftSentence(l ledger.Latch, lift time.Duration) string {
	at := LiftOf(l, lift)
	if at.IsZero() {
		return ""
	}
	atMost := ""
	if l.By() == machine.ByAutomatic {
		atMost = ", or earlier: attack disruption isolates for a limited time that is not published"
	}
	return fmt.Sprintf(" Defender lifts it by itself at %s%s; the API does not show it.", at.UTC().Format(time.RFC3339), atMost)
}
