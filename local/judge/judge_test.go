package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func mail(at int, id, outcome string) Mail {
	return Mail{
		ID:      fmt.Sprint(at, id, outcome),
		At:      start.Add(time.Duration(at) * time.Second),
		Subject: outcome,
		Text:    fmt.Sprintf("Headline\n\nMachine   x\nId        %s\nOutcome   %s\n", id, outcome),
	}
}

// kept is evidence of a scenario in which every promise was kept: one machine isolated, one offline, one protected.
func kept() Evidence {
	isolate := Call{Endpoint: "POST /api/machines/{id}/isolate", Status: 201}
	return Evidence{
		Machines: []Machine{
			{ID: "a", Name: "PC1"}, {ID: "b", Name: "PC10"}, {ID: "off", Name: "OFF", Offline: true},
			{ID: "p", Name: "CEO", Protected: true},
		},
		Alerts: []Alert{
			{ID: "1", MachineID: "a", Versions: 2, High: true}, {ID: "2", MachineID: "b", Versions: 1},
			{ID: "3", MachineID: "off", Versions: 1, High: true}, {ID: "4", MachineID: "p", Versions: 1, High: true},
		},
		Actions: []Action{
			{
				ID:        "x",
				Type:      "Isolate",
				MachineID: "a",
				History:   []Change{{"Pending", start}, {"Succeeded", start.Add(5 * time.Second)}},
			},
			{ID: "y", Type: "Isolate", MachineID: "off", History: []Change{{"Pending", start}}},
		},
		Calls: []Call{
			isolate, isolate, {Endpoint: isolate.Endpoint, Status: 429}, {Endpoint: "GET /api/alerts", Status: 200},
		},
		Runs: []Run{
			{AlertID: "1", Version: 1, State: "closed", Outcome: "isolated"},
			{AlertID: "1", Version: 2, State: "closed", Outcome: "isolated"},
			{AlertID: "2", Version: 1, State: "closed", Outcome: "no rule"},
			{AlertID: "3", Version: 1, State: "waiting", Outcome: ""},
			{AlertID: "4", Version: 1, State: "closed", Outcome: "held"},
		},
		Mails: []Mail{
			mail(2, "a", "Isolation requested, not confirmed yet"), mail(6, "a", "Isolated"),
			mail(2, "off", "Isolation requested, not confirmed yet"), mail(2, "p", "Not isolated: held for a person"),
		},
		Sent:   4,
		Health: &Health{Status: 200, OK: true},
	}
}

func TestKeptPromisesHaveNoProblem(t *testing.T) {
	t.Parallel()
	got := Judge(kept())
	want := Verdict{
		Alerts:            4,
		High:              3,
		MachinesToIsolate: 2,
		MachinesIsolated:  1,
		IsolateCalls:      2,
		DefenderCalls:     4,
		Mails:             4,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}

func TestEveryBrokenPromiseMovesItsFigure(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		breakIt func(*Evidence)
		figure  func(Verdict) int
		want    int
		problem string
	}{
		"doubled isolate": {func(e *Evidence) {
			e.Calls = append(e.Calls, e.Calls[0])
		}, func(v Verdict) int { return v.IsolateCalls }, 3, "isolate calls"},
		"refused duplicate": {func(e *Evidence) {
			e.Calls[2].Status = 400
		}, func(v Verdict) int { return v.IsolateCalls }, 3, "isolate calls"},
		"look-alike": {func(e *Evidence) {
			e.Actions[1].MachineID = "b"
		}, func(v Verdict) int { return v.WrongMachines }, 1, "without need"},
		"protected": {func(e *Evidence) {
			e.Actions[1].MachineID = "p"
		}, func(v Verdict) int { return v.ProtectedTouched }, 1, "protected"},
		"failed action": {func(e *Evidence) {
			e.Actions[0].History[1].Status = "Failed"
		}, func(v Verdict) int { return v.MachinesIsolated }, 0, "should be"},
		"told too early": {func(e *Evidence) {
			e.Mails[1].At = start.Add(4 * time.Second)
		}, func(v Verdict) int { return v.UntrueMails }, 1, "untrue"},
		"told though failed": {func(e *Evidence) {
			e.Actions[0].History[1].Status = "Failed"
		}, func(v Verdict) int { return v.UntrueMails }, 1, "untrue"},
		"held but isolated": {func(e *Evidence) {
			e.Mails = append(e.Mails, mail(7, "a", "Not isolated: held for a person"))
		}, func(v Verdict) int { return v.UntrueMails }, 1, "untrue"},
		"words of its own": {func(e *Evidence) {
			e.Mails = append(e.Mails, mail(7, "a", "Quarantined"))
		}, func(v Verdict) int { return v.UntrueMails }, 1, "no known outcome"},
		"no mail": {func(e *Evidence) {
			e.Mails, e.Sent = e.Mails[:1], 1
		}, func(v Verdict) int { return v.Lost }, 3, "nobody was told"},
		"mail lost on its way": {func(e *Evidence) {
			e.Mails = e.Mails[1:]
		}, func(v Verdict) int { return v.Lost }, 1, "never arrived"},
		"repeated mail": {func(e *Evidence) {
			e.Mails = append(e.Mails, e.Mails[0])
		}, func(v Verdict) int { return v.Lost }, 0, ""},
		"no run": {func(e *Evidence) {
			e.Runs = e.Runs[:4]
		}, func(v Verdict) int { return v.Lost }, 1, "without a recorded decision"},
		"unfinished run": {func(e *Evidence) {
			e.Runs[2].State = "started"
		}, func(v Verdict) int { return v.Lost }, 1, "without a recorded decision"},
		"lost version": {func(e *Evidence) {
			e.Alerts[0].Versions = 3
		}, func(v Verdict) int { return v.Lost }, 1, "2 of 3"},
		"health fails": {func(e *Evidence) {
			e.Health.Status = 500
		}, func(v Verdict) int { return v.Unwell }, 1, "health does not say that all is well: 500"},
		"health is not ok": {func(e *Evidence) {
			e.Health.OK = false
		}, func(v Verdict) int { return v.Unwell }, 1, "health does not say"},
		"no action": {func(e *Evidence) {
			e.Actions, e.Calls = e.Actions[:1], e.Calls[1:]
		}, func(v Verdict) int { return v.Lost }, 1, "has none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := kept()
			test.breakIt(&e)
			v := Judge(e)
			if got := test.figure(v); got != test.want {
				t.Errorf("figure = %d, want %d; %+v", got, test.want, v)
			}
			if all := strings.Join(v.Problems, "\n"); !strings.Contains(all, test.problem) {
				t.Errorf("problems %q do not say %q", all, test.problem)
			}
		})
	}
}
