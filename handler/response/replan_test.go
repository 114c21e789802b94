package response

import (
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// ownFacts is a playbook whose steps change what its rules read.
const ownFacts = `version: 1
mode: enforce
rules:
  - name: contain
    on: alert
    when: alert.status == "New"
    unless: '"contained" in machine.machineTags'
    do: [tag: {add: contained}, updateAlert: {status: InProgress}, isolate: {type: Full}, mail: {}]
`

func TestOwnChangesMakeNoRuleForgetWhatItAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownFacts)
	p := w.start(-1, false)
	first := true
	w.onPost = func() error {
		if first {
			first = false
			return &apiError{trouble: machine.Transient, text: "429", after: 5 * time.Minute} // longer than facts are good for
		}
		return nil
	}
	w.categoryOn("da1", "m1", "")
	w.some(p, 1)
	if a := w.alerts["da1"]; a.Status != alert.StatusNew || len(w.machines["m1"].Tags) != 0 {
		t.Errorf("before the isolation was asked for: alert %s, tags %q", a.Status, w.machines["m1"].Tags)
	}
	w.drain(p, 10)
	if got := w.asked("m1"); got != "Isolate" {
		t.Errorf("asked for %q", got)
	}
	if a := w.alerts["da1"]; a.Status != alert.StatusInProgress || len(w.machines["m1"].Tags) != 1 {
		t.Errorf("alert %s, tags %q", a.Status, w.machines["m1"].Tags)
	}
	// The isolation fails long after, and is asked for again although the rule would not match any more.
	w.advance(time.Hour)
	w.finishAll(machine.Failed)
	w.follow(p)
	w.advance(10 * time.Minute)
	w.drain(p, 10)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if run := w.run("da1", 1); run.Outcome != "tagged, updated, isolated" || w.isolations("m1") != 2 {
		t.Errorf("%d isolations, run %+v", w.isolations("m1"), run)
	}
}

func TestRunWhoseLeftStepsArePlannedAwayIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "scan")
	w.drain(p, 5)
	// As if another playbook had asked for an isolation too that could not be asked for yet.
	_, err := p.ledger.UpdateRun(t.Context(), "da1", 1, func(run *ledger.Run) error {
		run.State = ledger.Started
		run.Steps = append(run.Steps, ledger.StepState{Key: "isolate", Latch: ledger.Isolation})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if run := w.run("da1", 1); run.State.Final() {
		t.Fatalf("closed with a step to be done: %+v", run)
	}
	m := alert.Message{Tenant: tenant, AlertID: "da1", Version: 1, Reason: "swept"}
	if err := p.responder.Respond(t.Context(), m.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.run("da1", 1); run.State != ledger.Closed || run.Outcome != "scanned" {
		t.Errorf("run %+v", run)
	}
}

func TestLeaveCountsForTheStepsThatWereHeld(t *testing.T) {
	t.Parallel()
	step := func(kind playbook.StepKind) playbook.Step { return playbook.Step{Kind: kind} }
	m := machine.Machine{ID: "m1"}
	w := &work{machine: &m, run: ledger.Run{Leave: "alice: x", LeaveFor: machine.FactsDigest(m), Steps: ledger.StepStates{{Key: "isolate", Latch: ledger.Isolation, Outcome: ledger.HeldOutcome}, {Key: "restrictApps", Latch: "restriction"}}}}
	w.run.Unhold(time.Time{})
	if !w.hasLeave(step(playbook.Isolate)) || w.hasLeave(step(playbook.RestrictApps)) {
		t.Errorf("%+v", w.run.Steps)
	}
}

func TestNothingIsReleasedWhileNobodyDecidedAboutAnotherAlert(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "isolate")
	b := w.categoryOn("da2", "m1", "isolate")
	w.settled(p)
	w.retitle(b)
	w.queue = nil
	if _, err := p.ledger.UpdateRun(t.Context(), "da2", 2, func(run *ledger.Run) error {
		run.State, run.Outcome = ledger.Parked, "parked"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.resolve("da1")
	w.settled(p)
	if run := w.run("da1", 2); run.Outcome != "skipped" || w.asked("m1") != "Isolate" {
		t.Errorf("asked for %s, run %+v", w.asked("m1"), run)
	}
}

func TestTagThatTheRunPutOnProtectsLikeAnyOther(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, ownFacts+"protect: {tags: [contained]}\n")
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "")
	w.drain(p, 10)
	if got := w.machines["m1"].Tags; len(got) != 1 || w.isolations("m1") != 1 {
		t.Fatalf("tags %q, %d isolations", got, w.isolations("m1"))
	}
	w.finishAll(machine.Failed)
	w.follow(p)
	w.advance(10 * time.Minute)
	w.drain(p, 10)
	if run := w.run("da1", 1); w.isolations("m1") != 1 || run.Outcome != "tagged, updated, held" {
		t.Errorf("%d isolations, run %+v", w.isolations("m1"), run)
	}
}

func TestPlanThatComesToNothingForgetsNoActionUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, `version: 1
mode: enforce
rules:
  - {name: both, on: alert, when: alert.severity == "High", unless: '"mine" in machine.machineTags', do: [scan: {type: Quick}, isolate: {type: Full}, mail: {}]}
`)
	p := w.start(-1, false)
	first := true
	w.onPost = func() error {
		if first {
			first = false
			return &apiError{trouble: machine.Transient, text: "429", after: 5 * time.Minute}
		}
		return nil
	}
	w.categoryOn("da1", "m1", "")
	w.some(p, 1)
	w.mu.Lock()
	m := w.machines["m1"]
	m.Tags = []string{"mine"} // a person's
	w.machines["m1"] = m
	for i := range w.queue {
		w.queue[i].Message.Alert, w.queue[i].Message.Machine = nil, nil // so that the plan is made of what is there now
	}
	w.mu.Unlock()
	w.drain(p, 10)
	if run := w.run("da1", 1); run.State != ledger.Waiting || w.asked("m1") != "Isolate" {
		t.Errorf("asked for %s, run %+v", w.asked("m1"), run)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if run := w.run("da1", 1); run.Outcome != "isolated" {
		t.Errorf("run %+v", run)
	}
}
