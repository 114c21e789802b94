package respond

import (
	"encoding/json"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

func TestUrgencyIsKnownAsFarAsAnythingSaysIt(t *testing.T) {
	t.Parallel()
	snapshot := func(severity string) json.RawMessage {
		return json.RawMessage(`{"id":"da1","severity":"` + severity + `"}`)
	}
	for name, c := range map[string]struct {
		work work
		want alert.Severity
	}{
		"the alert":                    {work{alert: alert.Alert{ID: "da1", Severity: alert.Low}, run: ledger.Run{Severity: "High"}}, alert.Low},
		"an alert without one":         {work{alert: alert.Alert{ID: "da1"}, run: ledger.Run{Severity: "High"}}, ""},
		"the run":                      {work{run: ledger.Run{Severity: "Medium"}}, alert.Medium},
		"the message, without ledger":  {work{message: alert.Message{Alert: snapshot("Low")}}, alert.Low},
		"a bare message":               {work{}, alert.High},
		"a message with a broken hint": {work{message: alert.Message{Alert: json.RawMessage(`{"severity":3}`)}}, alert.High},
	} {
		if got := c.work.severity(); got != c.want {
			t.Errorf("%s: severity %q, want %q", name, got, c.want)
		}
	}
}

func TestLeaveCountsForTheStepsThatWereHeld(t *testing.T) {
	t.Parallel()
	step := func(kind playbook.StepKind) playbook.Step { return playbook.Step{Kind: kind} }
	m := machine.Machine{ID: "m1"}
	w := &work{machine: &m, run: ledger.Run{Leave: "alice: x", LeaveFor: machine.FactsDigest(m), Steps: ledger.StepStates{{Key: "isolate", Latch: ledger.Isolation, Outcome: ledger.HeldOutcome}, {Key: "restrictApps", Latch: "restriction"}}}}
	w.run.Unhold(time.Time{})
	if !w.hasLeave(step(playbook.Isolate)) || w.hasLeave(step(playbook.RestrictApps)) {
		t.Errorf("%+v", w.run.Steps)
	}
}
