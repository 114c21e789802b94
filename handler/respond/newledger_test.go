package respond_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/respond"
	"cordon/local/tables"
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
	for id, want := range map[string]string{
		"da1": "held", "da2": "held", "da3": "no rule", "da4": "held", "da5": "no rule",
	} {
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

// release has a person release machines in the portal.
func release(w *world.World, ids ...string) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	for _, id := range ids {
		w.Add(machine.Unisolate, id, "looked at it", "", "person@contoso.com")
	}
}

// TestALedgerThatWasPutBackActsOnNothingAgain copies the tables, lets three hours go by in which alerts are answered
// and machines released, and puts the copy back.
func TestALedgerThatWasPutBackActsOnNothingAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.Advance(time.Minute)
	w.AlertOn("known", "m1", alert.High)
	w.Settled(p)
	w.AlertOn("open", "m2", alert.High)
	open := w.Queue
	was := w.Copy()

	w.Settled(p)
	w.AlertOn("new", "m3", alert.High)
	w.AlertOn("stands", "m4", alert.High)
	w.Settled(p)
	w.AlertOn("joined", "m1", alert.High)
	w.Settled(p)
	w.Advance(time.Minute)
	release(w, "m1", "m2", "m3")
	w.Settled(p)
	w.Advance(3 * time.Hour)
	if w.Posts != 4 {
		t.Fatalf("%d requests before", w.Posts)
	}

	w.PutBack(was)
	w.Queue = open
	p = w.Start(-1, false)
	seenAnew(w, "new", "stands", "joined")
	w.Settled(p)
	if w.Posts != 4 {
		t.Errorf("%d requests of the ledger that was put back: %s", w.Posts-4, w.Kinds())
	}
	told := w.ToldOf(notice.Behind)
	if len(told) != 1 || !strings.Contains(told[0].Detail, "which Cordon asked for and this ledger does not know") {
		t.Errorf("the operator is told %+v", told)
	}
	for _, c := range []struct{ id, outcome string }{{"new", "held"}, {"stands", "held"}, {"joined", "held"}} {
		if run := w.Run(c.id, 1); run.Outcome != c.outcome {
			t.Errorf("%s is %q: %s", c.id, run.Outcome, run.Reason)
		}
	}

	w.AlertOn("later", "m5", alert.High)
	w.Settled(p)
	if run := w.Run("later", 1); run.Outcome != "isolated" || w.Posts != 5 {
		t.Errorf("%s, %d requests: %s", run.Outcome, w.Posts, run.Reason)
	}
}

// TestTwoLedgersForOneTenantDoNotActForTheSameAlerts copies the tables and has two apps go on, each with its own.
func TestTwoLedgersForOneTenantDoNotActForTheSameAlerts(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Advance(time.Minute)
	first := w.Tables
	w.PutBack(w.Copy())
	second := w.Tables
	with := func(ledger *tables.Server) *world.Process {
		w.Tables = ledger
		return w.Start(-1, false)
	}
	for i := range 5 {
		id, machineID := fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i)
		p := with(first)
		w.AlertOn(id, machineID, alert.High)
		w.Settled(p)
		w.Advance(time.Minute)
		p = with(second)
		seenAnew(w, id)
		w.Settled(p)
		w.Advance(time.Minute)
		if i%2 == 1 { // people release it, and both see the alert change
			release(w, machineID)
			w.Settled(with(first))
			w.Settled(with(second))
			w.Advance(time.Minute)
			w.Grow(with(first), id)
			seenAnew(w, id)
			w.Settled(with(second))
			seenAnew(w, id)
			w.Settled(with(second))
		}
		if n := w.Isolations(machineID); n != 1 {
			t.Errorf("%s has %d isolations", machineID, n)
		}
	}
	if told := w.ToldOf(notice.Behind); len(told) != 1 {
		t.Errorf("the operator is told %d times", len(told))
	}
}

// TestWhatIsKnownIsNoSignOfAnotherLedger has machine actions that fail and are asked for again, that get lost and are
// found, that are booked on another record of their machine, and that people and others asked for.
func TestWhatIsKnownIsNoSignOfAnotherLedger(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.Advance(time.Minute)
	w.AlertOn("fails", "m1", alert.High)
	w.Drain(p, 5)
	w.FinishAll(machine.Failed)
	w.Follow(p)
	w.Settled(p)
	lost := true
	w.OnPost = func() error {
		if lost {
			lost = false
			return world.ErrLost
		}
		return nil
	}
	w.AlertOn("lost", "m2", alert.High)
	w.Settled(p)
	w.AlertOn("merged", "m3", alert.High)
	p.Books = "m3-merged"
	w.Settled(p)
	p.Books = ""
	w.Mu.Lock()
	w.Add(machine.Isolate, "m4", "by hand", machine.Full, "person@contoso.com")
	w.Add(machine.Isolate, "m5", "[cordon of a person] [cordon x]", machine.Full, "person@contoso.com")
	w.Mu.Unlock()
	w.Settled(p)
	for range 3 { // also by a process that knows nothing yet
		w.Advance(20 * time.Minute)
		p = w.Start(-1, false)
		w.AlertOn("after"+w.Clock().Format("1504"), "m6", alert.High)
		w.Settled(p)
	}
	if told := w.ToldOf(notice.Behind); len(told) != 0 {
		t.Errorf("the operator is told %s", told[0].Detail)
	}
}

// TestKilledWhileItFindsOutThatTheLedgerIsBehind kills the process that finds out at every call. The next one goes on,
// and nothing is asked for a second time.
func TestKilledWhileItFindsOutThatTheLedgerIsBehind(t *testing.T) {
	t.Parallel()
	for k, died := 0, true; died; k++ {
		for _, mute := range []bool{false, true} {
			w := world.New(t)
			w.Advance(time.Minute)
			was := w.Copy()
			w.AlertOn("da1", "m1", alert.High)
			w.Settled(w.Start(-1, false))
			w.Advance(time.Minute)
			release(w, "m1")
			w.Settled(w.Start(-1, false))
			w.Advance(time.Hour)
			w.PutBack(was)
			w.AlertOn("da2", "m2", alert.High) // so that what is held must not be all
			seenAnew(w, "da1")
			w.Advance(time.Minute)
			dying := w.Start(k, mute)
			w.Work(dying)
			died = dying.Died()
			w.Work(w.Start(-1, false))
			w.Settled(w.Start(-1, false))
			if n := w.Isolations("m1"); n != 1 {
				t.Fatalf("killed after %d calls, m1 has %d isolations: %s", k, n, w.Kinds())
			}
			if run := w.Run("da1", 1); run.Outcome != "held" && run.Outcome != "isolated" && run.Outcome != "released" {
				t.Fatalf("killed after %d calls, da1 is %s: %s", k, run.Outcome, run.Reason)
			}
			if told := w.ToldOf(notice.Behind); len(told) != 1 {
				t.Fatalf("killed after %d calls, the operator is told %d times", k, len(told))
			}
		}
	}
}

// TestWhatAHuntMayHaveFoundBeforeIsHeld has two rows found by the first turn after a new beginning, one of which may
// have been there before it.
func TestWhatAHuntMayHaveFoundBeforeIsHeld(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, strings.ReplaceAll(strings.ReplaceAll(world.IsolateHigh, "on: alert", "on: hunt"),
		`alert.severity == "High" && alert.status != "Resolved"`, `hunt.name == "tools"`))
	w.Advance(time.Minute)
	p := w.Start(-1, false)
	for i, since := range []time.Duration{-time.Hour, 0} {
		machineID := fmt.Sprintf("m%d", i)
		w.Edit(machineID, func(m *machine.Machine) {
			*m = machine.Machine{ID: machineID, ComputerDNSName: machineID + ".contoso.com", OSPlatform: "Windows11"}
		})
		message := w.FindSince(p, machineID, machineID, "anydesk.exe", w.Clock().Add(since))
		if err := p.Responder.Respond(t.Context(), message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		w.Settled(p)
		if n := w.Isolations(machineID); n != i {
			t.Errorf("%s, there since %v: %d isolations", machineID, since, n)
		}
	}
}

// TestAnAppThatOnlyObservesHasNoPartInWhatAnotherDoes has a second app in observe mode, whose rule reads what is under
// way on a machine.
func TestAnAppThatOnlyObservesHasNoPartInWhatAnotherDoes(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, strings.Replace(world.IsolateHigh, `"Resolved"`,
		`"Resolved" && len(machine.openActions) < 9`, 1))
	w.Advance(time.Minute)
	first := w.Tables
	w.PutBack(w.Copy())
	second := w.Tables
	for i := range 3 {
		id := fmt.Sprintf("da%d", i)
		w.Tables = first
		p := w.Start(-1, false)
		w.AlertOn(id, "m"+id, alert.High)
		w.Settled(p)
		w.Advance(time.Minute)
		w.Tables = second
		p = w.Start(-1, false)
		p.Change(func(o *respond.Options) { o.Ceiling = playbook.Observe })
		seenAnew(w, id)
		w.Drain(p, 20)
		if run := w.Run(id, 1); run.Outcome != "would isolate" {
			t.Errorf("%s is %s: %s", id, run.Outcome, run.Reason)
		}
	}
	if told := w.ToldOf(notice.Behind); len(told) != 0 {
		t.Errorf("the operator is told %s", told[0].Detail)
	}
}
