package respond_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// seenAnew shows alerts to a ledger as polls do that have never seen them.
func seenAnew(w *world.World, ids ...string) {
	w.T.Helper()
	for _, id := range ids {
		w.Mu.Lock()
		a := w.Alerts[id]
		w.Mu.Unlock()
		w.Change(a)
	}
}

// answeredBefore is a world whose ledger answered five alerts: da1 isolated m1; m2 was isolated for da2 and released by
// a person; da3 was resolved; da4 was held, for its machine is protected; da5 asks for nothing.
func answeredBefore(t *testing.T) (*world.World, *world.Process) {
	t.Helper()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.AlertOn("da2", "m2", alert.High)
	w.AlertOn("da3", "m3", alert.High)
	w.Settled(p)
	w.Mu.Lock()
	for _, id := range []string{"m2", "m3"} {
		w.Add(machine.Unisolate, id, "looked at it", "", "person@contoso.com")
	}
	w.Mu.Unlock()
	w.Resolve("da3")
	w.Settled(p)
	w.AlertOn("da4", "m4", alert.High)
	w.Edit("m4", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
	w.Queue[len(w.Queue)-1].Message.Machine = nil
	w.AlertOn("da5", "m5", alert.Low)
	w.Settled(p)
	if w.Posts != 3 {
		t.Fatalf("%d requests before", w.Posts)
	}
	return w, p
}

// TestALostLedgerActsOnNothingFromBefore has the tables lost, and every alert seen anew by the new ones.
func TestALostLedgerActsOnNothingFromBefore(t *testing.T) {
	t.Parallel()
	w, _ := answeredBefore(t)
	w.Advance(time.Minute)
	w.NewLedger()
	p := w.Start(-1, false)
	seenAnew(w, "da1", "da2", "da3", "da4", "da5")
	w.Settled(p)
	if w.Posts != 3 {
		t.Errorf("%d requests of the new ledger", w.Posts-3)
	}
	for id, want := range map[string]string{"da1": "held", "da2": "held", "da3": "no rule", "da4": "held", "da5": "no rule"} {
		if run := w.Run(id, 1); run.Outcome != want {
			t.Errorf("%s is %s: %s", id, run.Outcome, run.Reason)
		}
	}
	if why := w.Run("da2", 1).Reason; !strings.Contains(why, "before the ledger's beginning is not known") {
		t.Errorf("da2 is held because %s", why)
	}

	// What comes after is answered, and what is older if a person says so.
	w.AlertOn("da6", "m6", alert.High)
	d := p.AtDesk()
	if err := d.Continue(t.Context(), w.HeldOf("da2"), world.Says("alice", "it is bad again")); err != nil {
		t.Fatal(err)
	}
	w.Settled(p)
	for _, id := range []string{"da2", "da6"} {
		if run := w.Run(id, 1); run.Outcome != "isolated" {
			t.Errorf("%s is %s: %s", id, run.Outcome, run.Reason)
		}
	}
	if w.Posts != 5 {
		t.Errorf("%d requests after a person continued and a new alert came", w.Posts-3)
	}
}

// TestAnAlertFromBeforeStaysHeldHoweverItChanges raises an alert that a lost ledger may have answered.
func TestAnAlertFromBeforeStaysHeldHoweverItChanges(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.Low)
	w.Advance(time.Minute)
	w.NewLedger()
	w.Queue = nil
	p := w.Start(-1, false)
	seenAnew(w, "da1")
	w.Settled(p)
	w.Edited(p, "da1", func(a *alert.Alert) { a.Severity = alert.High })
	if run := w.Run("da1", 2); run.Outcome != "held" || w.Posts != 0 {
		t.Errorf("%s, %d requests: %s", run.Outcome, w.Posts, run.Reason)
	}
	if told := w.ToldOf(notice.Held); len(told) != 1 {
		t.Errorf("people are told %d times", len(told))
	}
}

// TestBeforeTheFirstPollNothingIsActedOn has an alert pushed to an app that has not looked yet.
func TestBeforeTheFirstPollNothingIsActedOn(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.High)
	w.Advance(time.Minute)
	w.NoLedger()
	w.Queue = nil
	p := w.Start(-1, false)
	w.Asks(p, "da1")
	w.Settled(p)
	if run := w.Run("da1", 1); run.Outcome != "held" || w.Posts != 0 {
		t.Errorf("%s, %d requests: %s", run.Outcome, w.Posts, run.Reason)
	}
}
