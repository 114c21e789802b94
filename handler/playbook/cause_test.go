package playbook_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	. "cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// TestACauseIsTheSameAtEveryLook decides about the same things a minute and a day later: what is told of a step that
// is not done must not be news again because an age or the words of an error are others.
func TestACauseIsTheSameAtEveryLook(t *testing.T) {
	for name, change := range map[string]func(in *Input, look string){
		"stale":           func(in *Input, _ string) { in.Alert.Created = playbooktest.Now().Add(-30 * time.Hour) },
		"stale of a rule": func(in *Input, _ string) { in.Alert.Created = playbooktest.Now().Add(-2 * time.Hour) },
		"no time":         func(in *Input, _ string) { in.Alert.Created, in.Alert.Updated = time.Time{}, time.Time{} },
		"protected":       func(in *Input, _ string) { in.Machine.Tags = []string{"tier-0"} },
		"paused": func(in *Input, _ string) {
			in.Paused, in.PauseReason = true, "import 7, by bob since 2026-03-04T09:00:00Z"
		},
		"observed":   func(in *Input, _ string) { in.Ceiling = Observe },
		"no machine": func(in *Input, _ string) { in.Machine, in.Alert.MachineID = nil, "" },
		"machine not read": func(in *Input, look string) {
			in.Machine, in.MachineMissing = nil, "503 [correlation 1-"+look+"]"
		},
		"actions not read": func(in *Input, look string) {
			in.Isolation, in.ActionsMissing = nil, "400 [correlation 2-"+look+"]"
		},
		"not supported": func(in *Input, _ string) { in.Machine.OSPlatform = "Windows7" },
		"observed and away": func(in *Input, _ string) {
			in.Ceiling, in.Machine.LastSeen = Observe, playbooktest.Now().AddDate(0, 0, -9)
		},
		"stale and observed": func(in *Input, _ string) {
			in.Ceiling, in.Alert.Created = Observe, playbooktest.Now().Add(-30*time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := playbooktest.Load(t,
				strings.Replace(playbooktest.OneRule("!machine.isolated", "protect: {tags: [tier-0]}"), "    do:",
					"    maxAlertAge: 1h\n    do:", 1))
			var causes []string
			for look, later := range map[string]time.Duration{"a": 0, "b": 17 * time.Minute, "c": 25 * time.Hour} {
				in := playbooktest.Input()
				in.Alert.Created = playbooktest.Now().Add(later)
				change(&in, look)
				in.Now = in.Now.Add(later)
				step := isolation(t, b.Decide(in))
				if step.Verdict == Do || step.Why == "" {
					t.Fatalf("it is done: %+v", step)
				}
				causes = append(causes, cmp.Or(step.Cause, step.Why))
			}
			if causes[0] != causes[1] || causes[1] != causes[2] {
				t.Errorf("%q", causes)
			}
		})
	}
}
