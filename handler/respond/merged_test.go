package respond_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// merged is a world in which the API answers for machine old1 with the record of another id.
func merged(t *testing.T, id string) (*world.World, *world.Process) {
	t.Helper()
	w := world.New(t)
	p := w.Start(-1, false)
	w.Mu.Lock()
	w.Machines["old1"] = machine.Machine{ID: id, ComputerDNSName: "pc1.corp.contoso.com", OSPlatform: "Windows11"}
	w.Mu.Unlock()
	w.Change(alert.Alert{
		ID:              "da1",
		MachineID:       "old1",
		ComputerDNSName: "pc1",
		Severity:        alert.High,
		Status:          alert.StatusNew,
		Title:           "t",
		Created:         w.Clock(),
		Updated:         w.Clock(),
	})
	return w, p
}

func TestRecordOfAnotherMachineIsHeldAndToldOnceWithBothIDs(t *testing.T) {
	t.Parallel()
	w, p := merged(t, "new1")
	w.Drain(p, 3)
	for range 5 {
		w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID++ })
		w.Drain(p, 3)
	}
	e := w.Order[0]
	if len(w.Order) != 1 || e.Kind != notice.Held || !strings.Contains(e.Detail, `"old1"`) ||
		!strings.Contains(e.Detail, `"new1"`) || e.MachineID != "old1" {
		t.Errorf("told %s: %+v", w.Kinds(), w.Order)
	}
	for v := 1; v <= 6; v++ {
		if run := w.Run("da1", v); run.Outcome != "held" && run.Outcome != "superseded" {
			t.Errorf("run %+v", run)
		}
	}
	if w.Posts != 0 {
		t.Errorf("%d requests", w.Posts)
	}
	if held, err := p.Ledger.Held.All(t.Context()); err != nil || len(held) != 0 || !e.Unlisted {
		t.Errorf("listed %+v, %v; the mail sends people to that list: %v", held, err, !e.Unlisted)
	}
}

func TestLetterCaseOfAMachinesIDDoesNotMatter(t *testing.T) {
	t.Parallel()
	w, p := merged(t, "OLD1")
	w.Settled(p)
	w.Advance(time.Hour)
	// A later alert spells it in the other way, and joins.
	w.Mu.Lock()
	w.Machines["OLD1"] = w.Machines["old1"]
	w.Mu.Unlock()
	w.Change(alert.Alert{
		ID:        "da2",
		MachineID: "OLD1",
		Severity:  alert.High,
		Status:    alert.StatusNew,
		Title:     "t",
		Created:   w.Clock(),
		Updated:   w.Clock(),
	})
	w.Settled(p)
	for _, id := range []string{"da1", "da2"} {
		if run := w.Run(id, 1); run.Outcome != "isolated" || run.MachineID != "old1" {
			t.Errorf("run %+v", run)
		}
	}
	if w.Posts != 1 {
		t.Errorf("%d requests", w.Posts)
	}
}

// TestActionThatTheAPIBooksOnAnotherMachineIsNotAskedForTwice has the request accepted and answered with another
// machine's id.
func TestActionThatTheAPIBooksOnAnotherMachineIsNotAskedForTwice(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	p.Books = "new1"
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 9)
	if run := w.Run("da1", 1); w.Posts != 1 || run.State != "waiting" {
		t.Errorf("%d requests, run %+v", w.Posts, run)
	}
	w.FinishAll(machine.Succeeded)
	w.Advance(5 * time.Minute)
	w.Follow(p)
	if run := w.Run("da1", 1); run.Outcome != "isolated" {
		t.Errorf("run %+v, told %s", run, w.Kinds())
	}
}

// TestAcceptedActionThatNoListShowsIsReadByItsID has lists that never show it, for days.
func TestAcceptedActionThatNoListShowsIsReadByItsID(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Lag = 30 * 24 * time.Hour
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 5)
	for range 20 {
		w.Advance(time.Hour)
		w.Follow(p)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if run := w.Run("da1", 1); run.Outcome != "isolated" || w.Kinds() != "requested, still pending, isolated" {
		t.Errorf("told %s, run %+v", w.Kinds(), run)
	}
}

// TestAcceptedActionThatTheAPIForgetsIsToldAndGivenUp plays two weeks.
func TestAcceptedActionThatTheAPIForgetsIsToldAndGivenUp(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Lag = 30 * 24 * time.Hour
	p := w.Start(-1, false)
	p.Forgets = true
	w.AlertOn("da1", "m1", alert.High)
	for range 14 * 24 {
		w.Drain(p, 5)
		w.Advance(time.Hour)
		w.Follow(p)
	}
	run := w.Run("da1", 1)
	if run.Outcome != "not isolated" || !strings.Contains(run.Reason, "has known nothing of it") ||
		w.Promises() != episode.MaxReissues {
		t.Errorf("told %s, run %+v", w.Kinds(), run)
	}
}
