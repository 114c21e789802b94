package desk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/held"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// TestHeldIsContinuedExactlyWhereAPersonSaysSo has eight alerts on eight machines, a cap of five and one protected
// machine.
func TestHeldIsContinuedExactlyWhereAPersonSaysSo(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for i := range 8 {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
		if i == 0 {
			m := w.Machines["m0"]
			m.Tags = []string{"never-isolate"}
			w.Machines["m0"] = m
			w.Queue[0].Message.Machine = nil // the snapshot is older than the tag
		}
	}
	w.Drain(p, 40)
	d, _ := w.Desk()
	listed, err := d.List(t.Context())
	if err != nil || len(listed) != 3 || w.Posts != 5 {
		t.Fatalf("%d held, %d requests, %v", len(listed), w.Posts, err)
	}
	chosen := []held.Entry{w.HeldOf("da0"), w.HeldOf("da7")}
	for _, h := range chosen {
		if err := d.Continue(t.Context(), h, world.Says("alice", "looked at it")); err != nil {
			t.Fatal(err)
		}
	}
	w.Drain(p, 40)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	for i, want := range map[int]string{0: "isolated", 7: "isolated", 6: "held"} {
		if run := w.Run(fmt.Sprintf("da%d", i), 1); run.Outcome != want ||
			want == "isolated" && run.Leave != "alice: looked at it" {
			t.Errorf("da%d is %s, by the word of %q", i, run.Outcome, run.Leave)
		}
	}
	if w.Posts != 7 {
		t.Errorf("%d requests", w.Posts)
	}
	for _, h := range chosen {
		if err := d.Continue(t.Context(), h, world.Says("alice", "again")); !desk.IsRefusal(err) {
			t.Errorf("a second time: %v", err)
		}
	}
	if listed, err = d.List(t.Context()); err != nil || len(listed) != 1 || listed[0].AlertID != "da6" ||
		listed[0].Over != "" {
		t.Errorf("%+v, %v", listed, err)
	}
}

func TestHeldIsRefusedWhenTheWorldHasMovedOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		move func(w *world.World, p *world.Process)
		want string
	}{
		"the machine has another name": {func(w *world.World, _ *world.Process) {
			w.Machines["m1"] = machine.Machine{
				ID:              "m1",
				ComputerDNSName: "dc01",
				OSPlatform:      "Windows11",
				Tags:            []string{"never-isolate"},
			}
		}, `name was "m1.corp.contoso.com", is "dc01"`},
		"the machine has lost its tag": {func(w *world.World, _ *world.Process) {
			m := w.Machines["m1"]
			m.Tags = nil
			w.Machines["m1"] = m
		}, `tags was "never-isolate", is ""`},
		"the machine left Defender": {func(w *world.World, _ *world.Process) {
			m := w.Machines["m1"]
			m.OnboardingStatus = "CanBeOnboarded"
			w.Machines["m1"] = m
		}, `onboarding status was "Onboarded", is "CanBeOnboarded"`},
		"the machine is gone": {func(w *world.World, _ *world.Process) {
			delete(w.Machines, "m1")
		}, "the machine does not exist any more"},
		"the alert was resolved": {func(w *world.World, _ *world.Process) {
			a := w.Alerts["da1"]
			a.Status, a.Updated = alert.StatusResolved, w.Now.Add(time.Second)
			w.Alerts["da1"] = a
		}, "the alert has changed"},
		"the change is a version already": {func(w *world.World, p *world.Process) {
			a := w.Alerts["da1"]
			a.Status, a.Updated = alert.StatusResolved, w.Now.Add(time.Second)
			w.Change(a)
			w.Drain(p, 5)
		}, "version 2 of the alert is newer"},
		"it was dropped": {func(w *world.World, _ *world.Process) {
			d, _ := w.Desk()
			if err := d.Drop(context.Background(), w.HeldOf("da1"), world.Says("bob", "known")); err != nil {
				w.T.Fatal(err)
			}
		}, "its run is closed, dropped"},
		"acting is paused": {func(w *world.World, p *world.Process) {
			if _, err := p.Ledger.Switches.SetPause(context.Background(),
				switches.Turn{Paused: true, By: "bob", Reason: "maintenance", At: w.Now}); err != nil {
				w.T.Fatal(err)
			}
		}, "acting is paused: maintenance, by bob since"},
		"the machine is isolated for another alert": {func(w *world.World, p *world.Process) {
			l, err := p.Ledger.Latches.Of(context.Background(), "m1", latches.Isolation)
			if err != nil {
				w.T.Fatal(err)
			}
			l.State, l.Episode, l.ActionID = latches.Achieved, 1, "action-9"
			if err := p.Ledger.Latches.Save(context.Background(), &l); err != nil {
				w.T.Fatal(err)
			}
		}, "by action action-9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start(-1, false)
			w.AlertOn("da1", "m1", alert.High)
			m := w.Machines["m1"]
			m.Tags = []string{"never-isolate"}
			w.Machines["m1"] = m
			w.Queue[0].Message.Machine = nil
			w.Drain(p, 5)
			h := w.HeldOf("da1")
			c.move(w, p)
			d, _ := w.Desk()
			err := d.Continue(t.Context(), h, world.Says("alice", "looked at it"))
			if !desk.IsRefusal(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Continue: %v, want a refusal with %q", err, c.want)
			}
			w.Drain(p, 5)
			if w.Posts != 0 {
				t.Errorf("%d requests", w.Posts)
			}
		})
	}
}

// TestLeaveCountsForTheMachineThatThePersonSaw has the machine protected after a person continued and before the app
// acts.
func TestLeaveCountsForTheMachineThatThePersonSaw(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	if _, err := p.Ledger.Switches.SetPause(t.Context(),
		switches.Turn{Paused: true, By: "bob", Reason: "x", At: w.Clock()}); err != nil {
		t.Fatal(err)
	}
	w.Drain(p, 5)
	if _, err := p.Ledger.Switches.SetPause(t.Context(),
		switches.Turn{By: "bob", At: w.Clock()}); err != nil {
		t.Fatal(err)
	}
	d, _ := w.Desk()
	if err := d.Continue(t.Context(), w.HeldOf("da1"), world.Says("alice", "x")); err != nil {
		t.Fatal(err)
	}
	m := w.Machines["m1"]
	m.Tags = []string{"never-isolate"}
	w.Machines["m1"] = m
	w.Drain(p, 5)
	if run := w.Run("da1", 1); w.Posts != 0 || run.Outcome != "held" || !strings.Contains(run.Reason, "protected") {
		t.Errorf("%d requests, run %s: %s", w.Posts, run.Outcome, run.Reason)
	}
	if w.Kinds() != "held, held" {
		t.Errorf("told %q", w.Kinds())
	}
	// Seen again as it is now, it is the person's to decide.
	if err := d.Continue(t.Context(), w.HeldOf("da1"), world.Says("alice", "y")); err != nil {
		t.Fatal(err)
	}
	w.Drain(p, 5)
	if w.Posts != 1 {
		t.Errorf("%d requests", w.Posts)
	}
}

// TestAGoAheadPassesNoRailOnOnboardingThatChanged has the machine leave Defender after a person continued, where the
// playbook allows onboarded ones only.
func TestAGoAheadPassesNoRailOnOnboardingThatChanged(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t,
		strings.Replace(world.IsolateHigh, "protect:", "only: { onboarding: [Onboarded] }\nprotect:", 1))
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	if _, err := p.Ledger.Switches.SetPause(t.Context(),
		switches.Turn{Paused: true, By: "bob", Reason: "x", At: w.Clock()}); err != nil {
		t.Fatal(err)
	}
	w.Drain(p, 5)
	if _, err := p.Ledger.Switches.SetPause(t.Context(),
		switches.Turn{By: "bob", At: w.Clock()}); err != nil {
		t.Fatal(err)
	}
	d, _ := w.Desk()
	if err := d.Continue(t.Context(), w.HeldOf("da1"), world.Says("alice", "x")); err != nil {
		t.Fatal(err)
	}
	m := w.Machines["m1"]
	m.OnboardingStatus = "CanBeOnboarded"
	w.Machines["m1"] = m
	w.Drain(p, 5)
	if run := w.Run("da1", 1); w.Posts != 0 || run.Outcome != "held" {
		t.Errorf("%d requests, run %s: %s", w.Posts, run.Outcome, run.Reason)
	}
}

// TestPauseStopsTheNextStepOfEveryProcess pauses before the decision and between the decision and the request.
func TestPauseStopsTheNextStepOfEveryProcess(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"decision", "request"} {
		t.Run(before, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p, other := w.Start(-1, false), w.Start(-1, false)
			w.AlertOn("da1", "m1", alert.High)
			pause := func() {
				if _, err := other.Ledger.Switches.SetPause(context.Background(),
					switches.Turn{Paused: true, By: "bob", Reason: "the CMDB is wrong", At: w.Now}); err != nil {
					t.Error(err)
				}
			}
			if before == "decision" {
				pause()
			} else {
				paused := false
				p.Between = func() {
					if l, err := other.Ledger.Latches.Of(context.Background(), "m1", latches.Isolation); !paused &&
						err == nil && l.State == latches.Preparing {
						paused = true
						pause()
					}
				}
			}
			w.Drain(p, 5)
			run := w.Run("da1", 1)
			if w.Posts != 0 || run.Outcome != "held" ||
				!strings.Contains(run.Reason, "acting is paused: the CMDB is wrong, by bob since") {
				t.Errorf("%d requests, run %s: %s", w.Posts, run.Outcome, run.Reason)
			}
			if len(w.Order) != 1 || w.Order[0].Kind != notice.Held {
				t.Errorf("told %+v", w.Order)
			}
			was, err := other.Ledger.Switches.SetPause(t.Context(),
				switches.Turn{By: "bob", At: w.Now.Add(time.Minute)})
			if err != nil || was.By != "bob" {
				t.Fatalf("%+v, %v", was, err)
			}
			d, _ := w.Desk()
			if err := d.Continue(t.Context(), w.HeldOf("da1"), world.Says("bob", "resumed")); err != nil {
				t.Fatal(err)
			}
			w.Drain(p, 5)
			if w.Posts != 1 {
				t.Errorf("%d requests after it was continued", w.Posts)
			}
		})
	}
}

// TestKilledWhileItIsContinuedNothingIsLostOrDoneTwice kills the desk before every call and after it with the answer
// lost; the person asks again, and the sweep sends what stands still.
func TestKilledWhileItIsContinuedNothingIsLostOrDoneTwice(t *testing.T) {
	t.Parallel()
	for breaths := range 16 {
		for _, mute := range []bool{false, true} {
			w := world.New(t)
			p := w.Start(-1, false)
			w.AlertOn("da1", "m1", alert.High)
			if _, err := p.Ledger.Switches.SetPause(t.Context(),
				switches.Turn{Paused: true, By: "bob", Reason: "x", At: w.Clock()}); err != nil {
				t.Fatal(err)
			}
			w.Drain(p, 5)
			if _, err := p.Ledger.Switches.SetPause(t.Context(),
				switches.Turn{By: "bob", At: w.Clock()}); err != nil {
				t.Fatal(err)
			}
			h := w.HeldOf("da1")
			dying := w.Start(breaths, mute)
			if err := dying.AtDesk().Continue(context.Background(), h, world.Says("alice", "x")); desk.IsRefusal(err) {
				t.Fatalf("%d %v: %v", breaths, mute, err)
			}
			d, _ := w.Desk()
			if err := d.Continue(t.Context(), h, world.Says("alice", "x")); err != nil && !desk.IsRefusal(err) {
				t.Fatal(err)
			}
			if run := w.Run("da1", 1); !run.State.Final() && len(w.Queue) == 0 {
				w.Queue = append(w.Queue, alert.Envelope{
					ID:      "swept",
					Message: alert.Message{Tenant: world.Tenant, AlertID: "da1", Version: 1, Reason: "swept"},
				})
			}
			w.Drain(p, 9)
			w.FinishAll(machine.Succeeded)
			w.Follow(p)
			if run := w.Run("da1", 1); run.Outcome != "isolated" || w.Posts != 1 {
				t.Errorf("killed after %d calls (%v): run %s, %s, %d requests", breaths, mute, run.State, run.Outcome,
					w.Posts)
			}
		}
	}
}
