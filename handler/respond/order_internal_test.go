package respond

import (
	"encoding/json"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/ledger/runs"
)

func TestUrgencyIsKnownAsFarAsAnythingSaysIt(t *testing.T) {
	t.Parallel()
	snapshot := func(severity string) json.RawMessage {
		return json.RawMessage(`{"id":"da1","severity":"` + severity + `"}`)
	}
	for name, c := range map[string]struct {
		run  answer.Run
		want alert.Severity
	}{
		"the alert": {
			answer.Run{
				Facts: answer.Facts{Alert: alert.Alert{ID: "da1", Severity: alert.Low}},
				Kept:  answer.Kept{Row: runs.Run{Severity: "High"}},
			}, alert.Low,
		},
		"an alert without one": {
			answer.Run{
				Facts: answer.Facts{Alert: alert.Alert{ID: "da1"}},
				Kept:  answer.Kept{Row: runs.Run{Severity: "High"}},
			}, "",
		},
		"the run": {
			answer.Run{Kept: answer.Kept{Row: runs.Run{Severity: "Medium"}}}, alert.Medium,
		},
		"the message, without ledger": {
			answer.Run{Call: answer.Call{Message: alert.Message{Alert: snapshot("Low")}}}, alert.Low,
		},
		"a bare message": {answer.Run{}, alert.High},
		"a message with a broken hint": {
			answer.Run{Call: answer.Call{Message: alert.Message{Alert: json.RawMessage(`{"severity":3}`)}}}, alert.High,
		},
	} {
		if got := severityOf(&c.run); got != c.want {
			t.Errorf("%s: severity %q, want %q", name, got, c.want)
		}
	}
}
