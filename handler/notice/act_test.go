package notice

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/portal"
)

// TestACommandHasNothingThatAShellTakesForItsOwn has ids that an attacker made up: the command is left out.
func TestACommandHasNothingThatAShellTakesForItsOwn(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Held, Isolated, LiftsSoon, StillPending, Requested, Failed} {
		e := about(kind, 0, 1, "")
		e.MachineName = "$(reboot)'; reboot #"
		sound := e.Commands()
		if len(sound) == 0 || strings.Contains(strings.Join(sound, "\n"), "reboot") {
			t.Errorf("%s: %q", kind, sound)
		}
		for _, id := range []string{
			"$(reboot)", "x'; reboot", "--all", "`reboot`", "x y", "x\nreboot", "x|reboot", "*", "", "ä",
			strings.Repeat("a", 300),
		} {
			made := e
			made.MachineID, made.AlertID, made.RunID, made.ActionID = id, id, id, id
			if got := made.Commands(); len(got) != 0 {
				t.Errorf("%s of %q: %q", kind, id, got)
			}
		}
	}
}

// TestACommandIsOfferedWhereItDoesSomething has what is on no list, what another alert has done, and what has no run.
func TestACommandIsOfferedWhereItDoesSomething(t *testing.T) {
	t.Parallel()
	offered := func(e Event, command string) bool {
		return slices.ContainsFunc(e.Commands(), func(line string) bool { return strings.HasPrefix(line, command+" ") })
	}
	held := about(Held, 0, 1, "")
	unlisted := held
	unlisted.Unlisted = true
	standing := about(Skipped, 0, 1, "")
	standing.Stands = InForce
	scan := about(Done, 0, 1, "")
	scan.Step = "scan:Quick"
	for _, c := range []struct {
		of      Event
		command string
		want    bool
	}{
		{held, "cordon held run", true},
		{held, "cordon held drop", true},
		{unlisted, "cordon held run", false},
		{standing, "cordon release", false},
		{scan, "cordon release", false},
		{about(Isolated, 0, 1, ""), "cordon release", true},
		{about(StillPending, 0, 1, ""), "cordon cancel", true},
		{about(Failed, 0, 1, ""), "cordon release", false},
		{about(Failed, 0, 1, ""), "cordon run show", true},
		{Event{Kind: Paused, RunID: "command 1"}, "cordon resume", true},
		{Event{Kind: Paused, RunID: "command-1"}, "cordon run show", false},
		{Event{Kind: Overdue, RunID: "FollowActions 2026"}, "cordon run show", false},
	} {
		if got := offered(c.of, c.command); got != c.want {
			t.Errorf("%s offers %s: %v", c.of.Kind, c.command, got)
		}
	}
}

// TestAnOutcomeIsToldWithWhatWasToldOfTheMachineBefore though the news itself says nothing of it.
func TestAnOutcomeIsToldWithWhatWasToldOfTheMachineBefore(t *testing.T) {
	t.Parallel()
	outcome := about(Failed, 9, 2, "Action 1f0b is Failed.")
	outcome.User, outcome.Group, outcome.Tags, outcome.Title, outcome.Severity = "", "", nil, "", ""
	other := onOther(about(Requested, 1, 1, ""))
	other.User = "another"
	p := summarize([]Event{about(Requested, 0, 1, ""), other, outcome}, 2)
	want := `fin-lt-0147.corp.contoso.com (CONTOSO\u4711): Not isolated: the action failed – High alert "Office ` +
		`application started an encoded script host"`
	if p.Headline != want {
		t.Errorf("%s, want %s", p.Headline, want)
	}
	if k := p.Machines[0].Known; k.Group != "Finance" || len(k.Tags) != 2 {
		t.Errorf("known of it: %+v", k)
	}
}

// TestAnEntryOfBeforeIsStillTold has one without the fields that came later.
func TestAnEntryOfBeforeIsStillTold(t *testing.T) {
	t.Parallel()
	var e Event
	old := `{"kind":"isolated","at":"2026-03-02T12:00:00Z","run":"da1:v1","alert":"da1","machine":"4c1f","name":"ws-1"}`
	if err := json.Unmarshal([]byte(old), &e); err != nil {
		t.Fatal(err)
	}
	e.seq = 1
	text, _, err := render(summarize([]Event{e}, 1))
	if err != nil || !strings.HasPrefix(text, "ws-1: Isolated\n") || strings.Contains(text, "User ") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestATitleDoesNotEndItsQuotes(t *testing.T) {
	t.Parallel()
	e := about(Requested, 0, 1, "")
	e.Title = `x" and "dc-01: Isolated`
	if got := summarize([]Event{e}, 1).Headline; strings.Count(got, `"`) != 2 || !strings.HasSuffix(got, `"`) {
		t.Error(got)
	}
}

// TestOfSeveralAlertsTheMostSevereIsNamed and the others are counted.
func TestOfSeveralAlertsTheMostSevereIsNamed(t *testing.T) {
	t.Parallel()
	low, untitled := about(Requested, 0, 1, ""), about(Requested, 0, 1, "")
	low.AlertID, low.Title, low.Severity = "da0", "noise", "Low"
	untitled.AlertID, untitled.Title = "da8", ""
	got := summarize([]Event{low, untitled, about(Requested, 0, 1, "")}, 1).Headline
	if !strings.HasSuffix(got, `– High alert "Office application started an encoded script host" and 1 more`) {
		t.Error(got)
	}
}

// TestAFindingHasNoAddressInThePortal: it is no alert there.
func TestAFindingHasNoAddressInThePortal(t *testing.T) {
	t.Parallel()
	for id, linked := range map[string]bool{
		"da1_2": true,
		alert.OnMachine("da1", strings.Repeat("a", 40)): true,
		alert.FindingID("remote-tools", "4c1f"):         false,
	} {
		e := about(Isolated, 0, 1, "")
		e.AlertID = id
		p := summarize([]Event{e}, 1)
		p.Portal = portal.Portal{Tenant: "t1"}
		text, html, err := render(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{text, html} {
			if strings.Contains(part, "https://security.microsoft.com/alerts/") != linked {
				t.Errorf("%s has an address: %v", id, !linked)
			}
		}
	}
}

func TestWhatIsKeptOfAMachineIsBounded(t *testing.T) {
	t.Parallel()
	var e Event
	long := strings.Repeat("x", 300_000)
	e.About(long, long, long, slices.Repeat([]string{long}, 1000))
	body, err := json.Marshal(e)
	if err != nil || len(body) > 4000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
