package respond_test

import (
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
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
	w := world.NewWorldWith(t, ownFacts)
	p := w.Start(-1, false)
	first := true
	w.OnPost = func() error {
		if first {
			first = false
			// longer than facts are good for
			return &world.APIError{Kind: machine.Transient, Text: "429", After: 5 * time.Minute}
		}
		return nil
	}
	w.CategoryOn("da1", "m1", "")
	w.Some(p, 1)
	if a := w.Alerts["da1"]; a.Status != alert.StatusNew || len(w.Machines["m1"].Tags) != 0 {
		t.Errorf("before the isolation was asked for: alert %s, tags %q", a.Status, w.Machines["m1"].Tags)
	}
	w.Drain(p, 10)
	if got := w.Asked("m1"); got != "Isolate" {
		t.Errorf("asked for %q", got)
	}
	if a := w.Alerts["da1"]; a.Status != alert.StatusInProgress || len(w.Machines["m1"].Tags) != 1 {
		t.Errorf("alert %s, tags %q", a.Status, w.Machines["m1"].Tags)
	}
	// The isolation fails long after, and is asked for again although the rule would not match any more.
	w.Advance(time.Hour)
	w.FinishAll(machine.Failed)
	w.Follow(p)
	w.Advance(10 * time.Minute)
	w.Drain(p, 10)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if run := w.Run("da1", 1); run.Outcome != "tagged, updated, isolated" || w.Isolations("m1") != 2 {
		t.Errorf("%d isolations, run %+v", w.Isolations("m1"), run)
	}
}

func TestRunWhoseLeftStepsArePlannedAwayIsClosed(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "scan")
	w.Drain(p, 5)
	// As if another playbook had asked for an isolation too that could not be asked for yet.
	_, err := p.Ledger.Runs.Update(t.Context(), "da1", 1, func(run *runs.Run) (bool, error) {
		run.State = runs.Started
		run.Steps = append(run.Steps, runs.Step{Key: "isolate", Latch: latches.Isolation})
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if run := w.Run("da1", 1); run.State.Final() {
		t.Fatalf("closed with a step to be done: %+v", run)
	}
	m := alert.Message{Tenant: world.Tenant, AlertID: "da1", Version: 1, Reason: "swept"}
	if err := p.Responder.Respond(t.Context(), m.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.Run("da1", 1); run.State != runs.Closed || run.Outcome != "scanned" {
		t.Errorf("run %+v", run)
	}
}

func TestNothingIsReleasedWhileNobodyDecidedAboutAnotherAlert(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "isolate")
	b := w.CategoryOn("da2", "m1", "isolate")
	w.Settled(p)
	w.Retitle(b)
	w.Queue = nil
	if _, err := p.Ledger.Runs.Update(t.Context(), "da2", 2, func(run *runs.Run) (bool, error) {
		run.State, run.Outcome = runs.Parked, "parked"
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	w.Resolve("da1")
	w.Settled(p)
	if run := w.Run("da1", 2); run.Outcome != "skipped" || w.Asked("m1") != "Isolate" {
		t.Errorf("asked for %s, run %+v", w.Asked("m1"), run)
	}
}

func TestTagThatTheRunPutOnProtectsLikeAnyOther(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, ownFacts+"protect: {tags: [contained]}\n")
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "")
	w.Drain(p, 10)
	if got := w.Machines["m1"].Tags; len(got) != 1 || w.Isolations("m1") != 1 {
		t.Fatalf("tags %q, %d isolations", got, w.Isolations("m1"))
	}
	w.FinishAll(machine.Failed)
	w.Follow(p)
	w.Advance(10 * time.Minute)
	w.Drain(p, 10)
	if run := w.Run("da1", 1); w.Isolations("m1") != 1 || run.Outcome != "tagged, updated, held" {
		t.Errorf("%d isolations, run %+v", w.Isolations("m1"), run)
	}
}

func TestPlanThatComesToNothingForgetsNoActionUnderWay(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, `version: 1
mode: enforce
rules:
  - name: both
    on: alert
    when: alert.severity == "High"
    unless: '"mine" in machine.machineTags'
    do: [scan: {type: Quick}, isolate: {type: Full}, mail: {}]
`)
	p := w.Start(-1, false)
	first := true
	w.OnPost = func() error {
		if first {
			first = false
			return &world.APIError{Kind: machine.Transient, Text: "429", After: 5 * time.Minute}
		}
		return nil
	}
	w.CategoryOn("da1", "m1", "")
	w.Some(p, 1)
	w.Mu.Lock()
	m := w.Machines["m1"]
	m.Tags = []string{"mine"} // a person's
	w.Machines["m1"] = m
	for i := range w.Queue {
		w.Queue[i].Message.Alert, w.Queue[i].Message.Machine = nil, nil // so that the plan is made of what is there now
	}
	w.Mu.Unlock()
	w.Drain(p, 10)
	if run := w.Run("da1", 1); run.State != runs.Waiting || w.Asked("m1") != "Isolate" {
		t.Errorf("asked for %s, run %+v", w.Asked("m1"), run)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if run := w.Run("da1", 1); run.Outcome != "isolated" {
		t.Errorf("run %+v", run)
	}
}
