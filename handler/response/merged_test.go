package response

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// merged is a world in which the API answers for machine old1 with the record of another id.
func merged(t *testing.T, id string) (*world, *process) {
	t.Helper()
	w := newWorld(t)
	p := w.start(-1, false)
	w.mu.Lock()
	w.machines["old1"] = machine.Machine{ID: id, ComputerDNSName: "pc1.corp.contoso.com", OSPlatform: "Windows11"}
	w.mu.Unlock()
	w.change(alert.Alert{ID: "da1", MachineID: "old1", ComputerDNSName: "pc1", Severity: alert.High, Status: alert.StatusNew, Title: "t", Created: w.clock(), Updated: w.clock()})
	return w, p
}

func TestRecordOfAnotherMachineIsHeldAndToldOnceWithBothIDs(t *testing.T) {
	t.Parallel()
	w, p := merged(t, "new1")
	w.drain(p, 3)
	for range 5 {
		w.editAlert("da1", func(a *alert.Alert) { a.IncidentID++ })
		w.drain(p, 3)
	}
	e := w.order[0]
	if len(w.order) != 1 || e.Kind != notice.Held || !strings.Contains(e.Detail, `"old1"`) || !strings.Contains(e.Detail, `"new1"`) || e.MachineID != "old1" {
		t.Errorf("told %s: %+v", w.kinds(), w.order)
	}
	for v := 1; v <= 6; v++ {
		if run := w.run("da1", v); run.Outcome != "held" && run.Outcome != "superseded" {
			t.Errorf("run %+v", run)
		}
	}
	if w.posts != 0 {
		t.Errorf("%d requests", w.posts)
	}
}

func TestLetterCaseOfAMachinesIDDoesNotMatter(t *testing.T) {
	t.Parallel()
	w, p := merged(t, "OLD1")
	w.settled(p)
	w.advance(time.Hour)
	// A later alert spells it in the other way, and joins.
	w.mu.Lock()
	w.machines["OLD1"] = w.machines["old1"]
	w.mu.Unlock()
	w.change(alert.Alert{ID: "da2", MachineID: "OLD1", Severity: alert.High, Status: alert.StatusNew, Title: "t", Created: w.clock(), Updated: w.clock()})
	w.settled(p)
	for _, id := range []string{"da1", "da2"} {
		if run := w.run(id, 1); run.Outcome != "isolated" || run.MachineID != "old1" {
			t.Errorf("run %+v", run)
		}
	}
	if w.posts != 1 {
		t.Errorf("%d requests", w.posts)
	}
}

// TestActionThatTheAPIBooksOnAnotherMachineIsNotAskedForTwice has the request accepted and answered with another machine's id.
func TestActionThatTheAPIBooksOnAnotherMachineIsNotAskedForTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	p.books = "new1"
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 9)
	if run := w.run("da1", 1); w.posts != 1 || run.State != "waiting" {
		t.Errorf("%d requests, run %+v", w.posts, run)
	}
	w.finishAll(machine.Succeeded)
	w.advance(5 * time.Minute)
	w.follow(p)
	if run := w.run("da1", 1); run.Outcome != "isolated" {
		t.Errorf("run %+v, told %s", run, w.kinds())
	}
}

// TestAcceptedActionThatNoListShowsIsReadByItsID has lists that never show it, for days.
func TestAcceptedActionThatNoListShowsIsReadByItsID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lag = 30 * 24 * time.Hour
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 5)
	for range 20 {
		w.advance(time.Hour)
		w.follow(p)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if run := w.run("da1", 1); run.Outcome != "isolated" || w.kinds() != "requested, still pending, isolated" {
		t.Errorf("told %s, run %+v", w.kinds(), run)
	}
}

// TestAcceptedActionThatTheAPIForgetsIsToldAndGivenUp plays two weeks.
func TestAcceptedActionThatTheAPIForgetsIsToldAndGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lag = 30 * 24 * time.Hour
	p := w.start(-1, false)
	p.forgets = true
	w.alertOn("da1", "m1", alert.High)
	for range 14 * 24 {
		w.drain(p, 5)
		w.advance(time.Hour)
		w.follow(p)
	}
	run := w.run("da1", 1)
	if run.Outcome != "not isolated" || !strings.Contains(run.Reason, "has known nothing of it") || w.promises() != maxReissues {
		t.Errorf("told %s, run %+v", w.kinds(), run)
	}
}
