package notice

import (
	"testing"
	"time"
)

// TestNewsOfNothingBeingDoneIsNewOnce has every kind that says so of two versions of an alert.
func TestNewsOfNothingBeingDoneIsNewOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{
		Held, WouldIsolate, WouldDo, Skipped, NoMachine, NotFound, Refused, Denied, ReleasedEarly,
	} {
		e := Event{
			Kind:      kind,
			RunID:     "da1:v1",
			AlertID:   "da1",
			MachineID: "m1",
			Step:      "scan:Quick",
			Detail:    "the alert is 25h0m0s old",
			Cause:     "too old",
		}
		next := e
		next.RunID, next.At, next.Title, next.Rule = "da1:v2", time.Now(), "another", "another"
		next.Episode, next.Detail = 7, "the alert is 26h0m0s old"
		if e.Key() != next.Key() {
			t.Errorf("%s is news again: %s, %s", kind, e.Key(), next.Key())
		}
		for what, change := range map[string]func(*Event){
			"alert":    func(e *Event) { e.AlertID = "da2" },
			"severity": func(e *Event) { e.Severity = "High" },
			"number":   func(e *Event) { e.Times++ },
			"cause":    func(e *Event) { e.Cause = "paused" },
			"words":    func(e *Event) { e.Cause, e.Detail = "", "paused" },
			"machine":  func(e *Event) { e.MachineID = "m2" },
			"step":     func(e *Event) { e.Step = "" },
			"decision": func(e *Event) { e.Kind = Requested },
		} {
			other := next
			change(&other)
			if named := kind != NoMachine || what != "machine" && what != "step"; named && other.Key() == e.Key() {
				t.Errorf("%s with another %s is no news", kind, what)
			}
		}
	}
}
