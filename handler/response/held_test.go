package response

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// desk is where a person continues with what was held, at a process of its own.
func (w *world) desk() (*desk.Desk, *process) {
	p := w.start(-1, false)
	return &desk.Desk{API: p, Queue: p, Ledger: p.ledger, Now: w.clock}, p
}

// heldOf is what is held of the first version of an alert.
func (w *world) heldOf(id string) ledger.Held {
	w.t.Helper()
	h, found, err := w.start(-1, false).ledger.HeldOf(context.Background(), id, 1)
	if err != nil || !found {
		w.t.Fatalf("nothing is held of %s: %v", id, err)
	}
	return h
}

// TestHeldIsContinuedExactlyWhereAPersonSaysSo has eight alerts on eight machines, a cap of five and one protected machine.
func TestHeldIsContinuedExactlyWhereAPersonSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for i := range 8 {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
		if i == 0 {
			m := w.machines["m0"]
			m.Tags = []string{"never-isolate"}
			w.machines["m0"] = m
			w.queue[0].Message.Machine = nil // the snapshot is older than the tag
		}
	}
	w.drain(p, 40)
	d, _ := w.desk()
	held, err := d.List(t.Context())
	if err != nil || len(held) != 3 || w.posts != 5 {
		t.Fatalf("%d held, %d requests, %v", len(held), w.posts, err)
	}
	chosen := []ledger.Held{w.heldOf("da0"), w.heldOf("da7")}
	for _, h := range chosen {
		if err := d.Continue(t.Context(), h, "alice", "looked at it"); err != nil {
			t.Fatal(err)
		}
	}
	w.drain(p, 40)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	for i, want := range map[int]string{0: "isolated", 7: "isolated", 6: "held"} {
		if run := w.run(fmt.Sprintf("da%d", i), 1); run.Outcome != want || want == "isolated" && run.Leave != "alice: looked at it" {
			t.Errorf("da%d is %s, by leave of %q", i, run.Outcome, run.Leave)
		}
	}
	if w.posts != 7 {
		t.Errorf("%d requests", w.posts)
	}
	for _, h := range chosen {
		if err := d.Continue(t.Context(), h, "alice", "again"); !desk.IsRefusal(err) {
			t.Errorf("a second time: %v", err)
		}
	}
	if held, err = d.List(t.Context()); err != nil || len(held) != 1 || held[0].AlertID != "da6" || held[0].Over != "" {
		t.Errorf("%+v, %v", held, err)
	}
}

func TestHeldIsRefusedWhenTheWorldHasMovedOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		move func(w *world, p *process)
		want string
	}{
		"the machine has another name": {func(w *world, _ *process) {
			w.machines["m1"] = machine.Machine{ID: "m1", ComputerDNSName: "dc01", OSPlatform: "Windows11", Tags: []string{"never-isolate"}}
		}, `name was "m1.corp.contoso.com", is "dc01"`},
		"the machine has lost its tag": {func(w *world, _ *process) {
			m := w.machines["m1"]
			m.Tags = nil
			w.machines["m1"] = m
		}, `tags was "never-isolate", is ""`},
		"the machine left Defender": {func(w *world, _ *process) {
			m := w.machines["m1"]
			m.OnboardingStatus = "CanBeOnboarded"
			w.machines["m1"] = m
		}, `onboarding status was "Onboarded", is "CanBeOnboarded"`},
		"the machine is gone": {func(w *world, _ *process) { delete(w.machines, "m1") }, "the machine does not exist any more"},
		"the alert was resolved": {func(w *world, _ *process) {
			a := w.alerts["da1"]
			a.Status, a.Updated = alert.StatusResolved, w.now.Add(time.Second)
			w.alerts["da1"] = a
		}, "the alert has changed"},
		"the change is a version already": {func(w *world, p *process) {
			a := w.alerts["da1"]
			a.Status, a.Updated = alert.StatusResolved, w.now.Add(time.Second)
			w.change(a)
			w.drain(p, 5)
		}, "version 2 of the alert is newer"},
		"it was dropped": {func(w *world, _ *process) {
			d, _ := w.desk()
			if err := d.Drop(context.Background(), w.heldOf("da1"), "bob", "known"); err != nil {
				w.t.Fatal(err)
			}
		}, "its run is closed, dropped"},
		"acting is paused": {func(w *world, p *process) {
			if _, err := p.ledger.SetPause(context.Background(), true, "bob", "maintenance", w.now); err != nil {
				w.t.Fatal(err)
			}
		}, "acting is paused: maintenance, by bob since"},
		"the machine is isolated for another alert": {func(w *world, p *process) {
			l, err := p.ledger.Latch(context.Background(), "m1", ledger.Isolation)
			if err != nil {
				w.t.Fatal(err)
			}
			l.State, l.Episode, l.ActionID = ledger.Achieved, 1, "action-9"
			if err := p.ledger.SaveLatch(context.Background(), &l); err != nil {
				w.t.Fatal(err)
			}
		}, "by action action-9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.start(-1, false)
			w.alertOn("da1", "m1", alert.High)
			m := w.machines["m1"]
			m.Tags = []string{"never-isolate"}
			w.machines["m1"] = m
			w.queue[0].Message.Machine = nil
			w.drain(p, 5)
			h := w.heldOf("da1")
			c.move(w, p)
			d, _ := w.desk()
			err := d.Continue(t.Context(), h, "alice", "looked at it")
			if !desk.IsRefusal(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Continue: %v, want a refusal with %q", err, c.want)
			}
			w.drain(p, 5)
			if w.posts != 0 {
				t.Errorf("%d requests", w.posts)
			}
		})
	}
}

// TestLeaveCountsForTheMachineThatThePersonSaw has the machine protected after a person continued and before the app acts.
func TestLeaveCountsForTheMachineThatThePersonSaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	if _, err := p.ledger.SetPause(t.Context(), true, "bob", "x", w.clock()); err != nil {
		t.Fatal(err)
	}
	w.drain(p, 5)
	if _, err := p.ledger.SetPause(t.Context(), false, "bob", "", w.clock()); err != nil {
		t.Fatal(err)
	}
	d, _ := w.desk()
	if err := d.Continue(t.Context(), w.heldOf("da1"), "alice", "x"); err != nil {
		t.Fatal(err)
	}
	m := w.machines["m1"]
	m.Tags = []string{"never-isolate"}
	w.machines["m1"] = m
	w.drain(p, 5)
	if run := w.run("da1", 1); w.posts != 0 || run.Outcome != "held" || !strings.Contains(run.Reason, "protected") {
		t.Errorf("%d requests, run %s: %s", w.posts, run.Outcome, run.Reason)
	}
	if w.kinds() != "held, held" {
		t.Errorf("told %q", w.kinds())
	}
	// Seen again as it is now, it is the person's to decide.
	if err := d.Continue(t.Context(), w.heldOf("da1"), "alice", "y"); err != nil {
		t.Fatal(err)
	}
	w.drain(p, 5)
	if w.posts != 1 {
		t.Errorf("%d requests", w.posts)
	}
}

// TestLeavePassesNoRailOnOnboardingThatChanged has the machine leave Defender after a person continued, where the playbook allows
// onboarded ones only.
func TestLeavePassesNoRailOnOnboardingThatChanged(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, strings.Replace(isolateHigh, "protect:", "only: { onboarding: [Onboarded] }\nprotect:", 1))
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	if _, err := p.ledger.SetPause(t.Context(), true, "bob", "x", w.clock()); err != nil {
		t.Fatal(err)
	}
	w.drain(p, 5)
	if _, err := p.ledger.SetPause(t.Context(), false, "bob", "", w.clock()); err != nil {
		t.Fatal(err)
	}
	d, _ := w.desk()
	if err := d.Continue(t.Context(), w.heldOf("da1"), "alice", "x"); err != nil {
		t.Fatal(err)
	}
	m := w.machines["m1"]
	m.OnboardingStatus = "CanBeOnboarded"
	w.machines["m1"] = m
	w.drain(p, 5)
	if run := w.run("da1", 1); w.posts != 0 || run.Outcome != "held" {
		t.Errorf("%d requests, run %s: %s", w.posts, run.Outcome, run.Reason)
	}
}

// TestPauseStopsTheNextStepOfEveryProcess pauses before the decision and between the decision and the request.
func TestPauseStopsTheNextStepOfEveryProcess(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"decision", "request"} {
		t.Run(before, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p, other := w.start(-1, false), w.start(-1, false)
			w.alertOn("da1", "m1", alert.High)
			pause := func() {
				if _, err := other.ledger.SetPause(context.Background(), true, "bob", "the CMDB is wrong", w.now); err != nil {
					t.Error(err)
				}
			}
			if before == "decision" {
				pause()
			} else {
				paused := false
				p.between = func() {
					if l, err := other.ledger.Latch(context.Background(), "m1", ledger.Isolation); !paused && err == nil && l.State == ledger.Preparing {
						paused = true
						pause()
					}
				}
			}
			w.drain(p, 5)
			run := w.run("da1", 1)
			if w.posts != 0 || run.Outcome != "held" || !strings.Contains(run.Reason, "acting is paused: the CMDB is wrong, by bob since") {
				t.Errorf("%d requests, run %s: %s", w.posts, run.Outcome, run.Reason)
			}
			if len(w.order) != 1 || w.order[0].Kind != notice.Held {
				t.Errorf("told %+v", w.order)
			}
			was, err := other.ledger.SetPause(t.Context(), false, "bob", "", w.now.Add(time.Minute))
			if err != nil || was.By != "bob" {
				t.Fatalf("%+v, %v", was, err)
			}
			d, _ := w.desk()
			if err := d.Continue(t.Context(), w.heldOf("da1"), "bob", "resumed"); err != nil {
				t.Fatal(err)
			}
			w.drain(p, 5)
			if w.posts != 1 {
				t.Errorf("%d requests after it was continued", w.posts)
			}
		})
	}
}

// TestKilledWhileItIsContinuedNothingIsLostOrDoneTwice kills the desk before every call and after it with the answer lost;
// the person asks again, and the sweep sends what stands still.
func TestKilledWhileItIsContinuedNothingIsLostOrDoneTwice(t *testing.T) {
	t.Parallel()
	for breaths := range 16 {
		for _, mute := range []bool{false, true} {
			w := newWorld(t)
			p := w.start(-1, false)
			w.alertOn("da1", "m1", alert.High)
			if _, err := p.ledger.SetPause(t.Context(), true, "bob", "x", w.clock()); err != nil {
				t.Fatal(err)
			}
			w.drain(p, 5)
			if _, err := p.ledger.SetPause(t.Context(), false, "bob", "", w.clock()); err != nil {
				t.Fatal(err)
			}
			h := w.heldOf("da1")
			dying := w.start(breaths, mute)
			if err := (&desk.Desk{API: dying, Queue: dying, Ledger: dying.ledger, Now: w.clock}).Continue(context.Background(), h, "alice", "x"); desk.IsRefusal(err) {
				t.Fatalf("%d %v: %v", breaths, mute, err)
			}
			d, _ := w.desk()
			if err := d.Continue(t.Context(), h, "alice", "x"); err != nil && !desk.IsRefusal(err) {
				t.Fatal(err)
			}
			if run := w.run("da1", 1); !run.State.Final() && len(w.queue) == 0 {
				w.queue = append(w.queue, alert.Envelope{ID: "swept", Message: alert.Message{Tenant: tenant, AlertID: "da1", Version: 1, Reason: "swept"}})
			}
			w.drain(p, 9)
			w.finishAll(machine.Succeeded)
			w.follow(p)
			if run := w.run("da1", 1); run.Outcome != "isolated" || w.posts != 1 {
				t.Errorf("killed after %d calls (%v): run %s, %s, %d requests", breaths, mute, run.State, run.Outcome, w.posts)
			}
		}
	}
}
