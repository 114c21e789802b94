package respond

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/machine"
)

// Runs that met trouble come back by scheduled copies, and after an outage all of them do. High ones are to be first.
// In a long outage a High run waits half as long: its longest wait equals the shortest of the others. Where the service
// told all of them the same time, the others come some steps behind it.

// backoff is how long to wait where the service did not say: longer with every copy, and longest for what only a
// person can mend.
func (r *Responder) backoff(run *answer.Run, trouble machine.Trouble) time.Duration {
	copies := max(run.Row.Copies, run.Message.Attempt)
	limit := 5 * time.Minute
	if trouble == machine.Denied {
		limit = 15 * time.Minute
	}
	if stepsBelowHigh(run) == 0 {
		limit /= 2
	}
	wait := min(r.RetryAfter<<min(copies, 10), limit)
	return wait/2 + rand.N(wait/2)
}

// yield is how much later a run comes back than one of a High alert.
func (r *Responder) yield(run *answer.Run) time.Duration {
	return time.Duration(stepsBelowHigh(run)) * r.RetryAfter
}

// stepsBelowHigh counts the severities above the run's.
func stepsBelowHigh(run *answer.Run) int {
	return max(alert.High.Rank()-severityOf(run).Rank(), 0)
}

// severityOf is the run's as far as it is known. While the ledger is out of reach, what the message says is good
// enough for an order; if it says nothing, the alert may be as urgent as any.
func severityOf(run *answer.Run) alert.Severity {
	hint := struct {
		Severity alert.Severity `json:"severity"`
	}{alert.High}
	switch {
	case run.Alert.ID != "":
		return run.Alert.Severity
	case run.Row.Severity != "":
		return alert.Severity(run.Row.Severity)
	case json.Unmarshal(run.Message.Alert, &hint) != nil:
		return alert.High
	}
	return hint.Severity
}
