package record

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/cli/call"
	"cordon/handler/operate/wire"
)

// TestARunIsShownWithItsReasonsAndHarmless prints a run whose every text was written by somebody hostile.
func TestARunIsShownWithItsReasonsAndHarmless(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	r := wire.Run{
		ID:       "da1:v2",
		State:    "closed",
		Outcome:  "isolated",
		Reason:   "why\x1b[2J\u202e",
		Title:    "Title\x1b]0;x\a\nrun  forged",
		Severity: "High",
		Rule:     "contain",
		Observed: noon,
		Steps:    []wire.RunStep{{Step: "isolate", Outcome: "isolated", Action: "a1", Reason: "action a1 is Succeeded"}},
		Told: []wire.RunTold{
			{What: "requested", State: "sent", Sent: noon, To: []string{"soc@contoso.com"}, Mail: "incident:5:1"},
			{What: "isolated", State: "failed", Tries: 2, Why: "refused\x1b[2J", Mail: "incident:5:2"},
		},
		ContinuedBy: "operator@contoso.com: spoke to the owner",
		Decision: "rule contain matches\n\nrules:\n  1. contain: matches\n       true   alert.severity == \"High\"\n" +
			"              alert.severity = High\x1b[2J\n",
		Versions: []wire.RunVersion{{Run: "da1:v2"}, {Run: "da1:v1", State: "closed", Outcome: "no rule"}},
		Commands: []wire.Entry{{Verb: "continue", By: "operator@contoso.com", At: noon, State: "done"}},
	}
	var out strings.Builder
	if err := PrintRun(&out, call.Clock{Now: noon.Add(time.Hour), Zone: time.UTC}, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"da1:v2", "isolated; machine action a1; action a1 is Succeeded", "sent 2026-03-02 12:00:00 +00:00 to soc@contoso.com",
		"failed 2 times: refused", "no rule",
		"operator@contoso.com: spoke to the owner", "alert.severity = High", "1. contain: matches", "by hand:",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\a\u202e") || strings.Contains(out.String(), "\nrun  forged") {
		t.Errorf("it is not harmless:\n%q", out.String())
	}
}
