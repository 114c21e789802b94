package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// strictlyKept is evidence of a scenario in which nobody meddled and no machine was offline.
func strictlyKept() Evidence {
	e := kept()
	e.Strict = true
	e.Machines[2].Offline = false
	e.Actions[1].History = append(e.Actions[1].History, Change{"Succeeded", start.Add(time.Minute)})
	e.Calls[0].Path, e.Calls[1].Path = "/api/machines/a/isolate", "/api/machines/off/isolate"
	e.Runs[3] = Run{AlertID: "3", Version: 1, State: "closed", Outcome: "isolated"}
	e.Mails, e.Sent = append(e.Mails, mail(61, "off", "Isolated")), 5
	return e
}

func TestWhatOnlyAStrictJudgeAsks(t *testing.T) {
	t.Parallel()
	if v := Judge(strictlyKept()); len(v.Problems) > 0 {
		t.Fatalf("nothing was broken: %q", v.Problems)
	}
	for name, test := range map[string]struct {
		breakIt func(*Evidence)
		figure  func(Verdict) int
		problem string
	}{
		"a run that waits": {
			func(e *Evidence) { e.Runs[3].State = "waiting" },
			func(v Verdict) int { return v.Lost },
			"without a recorded decision",
		},
		"a run of what never was": {
			func(e *Evidence) { e.Runs = append(e.Runs, Run{AlertID: "5", Version: 1, State: "closed"}) },
			func(v Verdict) int { return v.Lost },
			"which never was",
		},
		"a dead letter": {
			func(e *Evidence) { e.Dead = []string{"message x of alerts: poison"} },
			func(v Verdict) int { return v.Lost },
			"message x of alerts: poison",
		},
		"a mail twice": {
			func(e *Evidence) { e.Mails = append(e.Mails, e.Mails[0]) },
			func(v Verdict) int { return v.Again },
			"came 2 times",
		},
		"a second action": {
			func(e *Evidence) { e.Actions = append(e.Actions, e.Actions[0]) },
			func(v Verdict) int { return v.Doubled },
			"machine PC1: 1 isolate requests were accepted and made 2 actions",
		},
		"a release": {
			func(e *Evidence) { e.Actions = append(e.Actions, Action{ID: "z", Type: "Unisolate"}) },
			func(v Verdict) int { return v.Doubled },
			"which nobody asked for",
		},
		"a machine that is not isolated": {
			func(e *Evidence) { e.Actions[1].History = e.Actions[1].History[:1] },
			func(v Verdict) int { return v.Missing },
			"machine OFF is not isolated",
		},
	} {
		e := strictlyKept()
		test.breakIt(&e)
		v := Judge(e)
		if all := strings.Join(v.Problems, "\n"); test.figure(v) != 1 || !strings.Contains(all, test.problem) {
			t.Errorf("%s: %+v", name, v)
		}
		e.Strict = false
		if slices.ContainsFunc(Judge(e).Problems, func(p string) bool { return strings.Contains(p, test.problem) }) {
			t.Errorf("%s: not only a strict judge asks", name)
		}
	}
}

func TestAMailMayComeAgainWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	e := strictlyKept()
	e.Mails = append(e.Mails, e.Mails[0])
	e.Unheard = map[string]int{e.Mails[0].ID: 1}
	if v := Judge(e); v.Repeated != 1 || len(v.Problems) > 0 {
		t.Errorf("%+v", v)
	}
}

func TestAFailedActionMakesOneMoreDue(t *testing.T) {
	t.Parallel()
	e := strictlyKept()
	again := e.Actions[0]
	again.ID, again.History = "z", []Change{{"Failed", start}}
	e.Actions, e.Calls = append(e.Actions, again), append(e.Calls, e.Calls[0])
	if v := Judge(e); v.Doubled != 0 || v.IsolateCalls != 3 || slices.ContainsFunc(v.Problems, func(p string) bool {
		return strings.Contains(p, "isolate calls")
	}) {
		t.Errorf("%+v", v)
	}
}

func TestClaimsAreReadFromTheBeginningsOfLines(t *testing.T) {
	t.Parallel()
	text := "Headline\n\nMachine   x\nId        a\nOutcome   Isolated\nAction    1f0b\nAs of     2026-03-02 " +
		"10:00:05 UTC\n\n" +
		"Id        b\nOutcome   Would isolate\n\n- High · Id        c\n  Outcome   Released\nOutcome   Released\n"
	want := []Claim{
		{MachineID: "a", Outcome: "Isolated", Action: "1f0b", AsOf: start.Add(5 * time.Second)},
		{MachineID: "b", Outcome: "Would isolate"},
	}
	if diff := cmp.Diff(want, Claims(text)); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}
