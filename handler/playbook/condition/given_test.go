package condition_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/playbook"
	"cordon/handler/playbook/explain"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/playbooktest"
)

// absent is an input in which the API sent nothing that may be absent.
func absent() playbook.Input {
	in := playbooktest.Input()
	in.Alert.Created, in.Alert.FirstEvent, in.Alert.LastEvent, in.Alert.Updated, in.Alert.Resolved = time.Time{},
		time.Time{}, time.Time{}, time.Time{}, time.Time{}
	in.Machine.FirstSeen, in.Machine.LastSeen, in.Machine.OSBuild, in.Machine.Tags = time.Time{}, time.Time{}, 0, nil
	in.OpenActions[0].Created = time.Time{}
	return in
}

func TestAnAbsentFactHasNoAnswer(t *testing.T) {
	t.Parallel()
	conditions := map[string]string{
		`machine.lastSeenAge > duration("1h")`:                                  "machine.lastSeenAge",
		`machine.lastSeenAge.Hours() < 2`:                                       "machine.lastSeenAge",
		`duration("1h") + machine.lastSeenAge > duration("2h")`:                 "machine.lastSeenAge",
		`machine.osBuild < 19045`:                                               "machine.osBuild",
		`machine.osBuild != 22631`:                                              "machine.osBuild",
		`machine.osBuild in [0, 22631]`:                                         "machine.osBuild",
		`machine.osBuild % 2 == 0`:                                              "machine.osBuild",
		`"office" in machine.machineTags`:                                       "machine.machineTags",
		`len(machine.machineTags) == 0`:                                         "machine.machineTags",
		`none(machine.machineTags, # == "x")`:                                   "machine.machineTags",
		`machine.machineTags[0] == "x"`:                                         "machine.machineTags",
		`any(machine.openActions, now - .creationDateTimeUtc > duration("1h"))`: "creationDateTimeUtc",
		`!(now - alert.resolvedTime > duration("1h"))`:                          "alert.resolvedTime",
		`alert.severity == "Low" || now > alert.resolvedTime`:                   "alert.resolvedTime",
	}
	times := 0
	for _, f := range facts.Environment() {
		if f.Type != "time" || f.Name == "now" || strings.Contains(f.Name, "[]") {
			continue
		}
		times++
		for _, form := range []string{"now - X > duration(\"1h\")", "X < now", "now >= X", "X == now", "X != now",
			"X.Before(now)", "now.After(X)", "now.Sub(X).Hours() > 1",
			"X.Unix() < 5", "X.Hour() == 0", `timeBetween(X, "00:00", "12:00", "UTC")`,
			`weekday(X, "UTC") != "Sunday"`, "X - X < duration(\"1h\")"} {
			conditions[strings.ReplaceAll(form, "X", f.Name)] = f.Name
		}
	}
	if times < 7 {
		t.Errorf("only %d times were found", times)
	}
	for when, missing := range conditions {
		b := playbooktest.Load(t, playbooktest.OneRule(when, ""))
		if p := b.Decide(absent()); p.Rules[0].Outcome != playbook.Errored || p.Steps[0].Verdict != playbook.Held ||
			!strings.Contains(p.Reason, missing+" is not given") {
			t.Errorf("%s: %s", when, explain.Plan(p))
		}
		in := playbooktest.Input()
		in.Alert.Resolved, in.Alert.LastEvent, in.Machine.FirstSeen, in.Machine.OSBuild = in.Now, in.Now, in.Now, 22631
		in.OpenActions[0].Created = in.Now
		if p := b.Decide(in); p.Rules[0].Outcome == playbook.Errored {
			t.Errorf("%s has no answer when all is given: %s", when, explain.Plan(p))
		}
	}
}

func TestWhetherAFactIsThereCanBeAsked(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]bool{
		`alert.resolvedTime.IsZero()`: true, `!machine.lastSeen.IsZero()`: false,
		`machine.osBuild == 0`: true, `0 != machine.osBuild`: false,
		`machine.osBuild > 0 && machine.osBuild < 19045`:                                        false,
		`!alert.resolvedTime.IsZero() && now - alert.resolvedTime > duration("1h")`:             false,
		`any(machine.openActions, .creationDateTimeUtc.IsZero() || .creationDateTimeUtc < now)`: true,
	} {
		p := playbooktest.Load(t, playbooktest.OneRule(when, "")).Decide(absent())
		if got := p.Rules[0].Outcome; got != map[bool]playbook.Outcome{true: playbook.Matched,
			false: playbook.NoMatch}[want] {
			t.Errorf("%s: %s", when, explain.Plan(p))
		}
	}
}

func TestAnAlertThatWasNeverResolvedGivesNothingBack(t *testing.T) {
	t.Parallel()
	b := playbooktest.Load(t, playbooktest.Rules(`{name: give-back, on: alert, when: 'now - alert.resolvedTime `+
		`> duration("1h")', do: [release: {}, mail: {}]}`))
	in := playbooktest.Input()
	p := b.Decide(in)
	if got := playbooktest.Summary(p); got != "give-back; held release; do mail" || !strings.Contains(p.Reason,
		"alert.resolvedTime is not given") {
		t.Errorf("%s\n%s", got, explain.Plan(p))
	}
	in.Alert.Resolved = in.Now.Add(-2 * time.Hour)
	if got := playbooktest.Summary(b.Decide(in)); got != "give-back; do release; do mail" {
		t.Error(got)
	}
}
