package respond_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/backlog"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/respond"
)

// stranger is an API that answers for every alert with another.
type stranger struct{ respond.API }

func (s stranger) Alert(ctx context.Context, id string) (alert.Alert, error) {
	a, err := s.API.Alert(ctx, id)
	a.ID = "other"
	return a, err
}

// TestRunThatCannotGetOnIsToldStandsInHealthAndEnds plays two weeks of every trouble that does not pass, while polls
// succeed.
func TestRunThatCannotGetOnIsToldStandsInHealthAndEnds(t *testing.T) {
	long.Test(t)
	t.Parallel()
	always := func(trouble machine.Trouble) func() error {
		return func() error { return &world.APIError{Kind: trouble, Text: trouble.String() + " for good"} }
	}
	for name, test := range map[string]struct {
		set     func(w *world.World, p *world.Process, o *outage)
		outcome string
		told    string // of the end
	}{
		"reads fail": {func(_ *world.World, _ *world.Process, o *outage) {
			o.reads = always(machine.Transient)
		}, "not answered", "not answered"},
		"reads are refused": {func(_ *world.World, _ *world.Process, o *outage) {
			o.reads = always(machine.Refused)
		}, "not answered", "not answered"},
		"reads are denied": {func(_ *world.World, _ *world.Process, o *outage) {
			o.reads = always(machine.Denied)
		}, "not answered", "not answered"},
		"another alert": {func(_ *world.World, p *world.Process, o *outage) {
			p.Change(func(options *respond.Options) { options.API = stranger{o} })
		}, "not answered", "not answered"},
		"machines fail": {func(_ *world.World, _ *world.Process, o *outage) {
			o.machines = always(machine.Transient)
		}, "held", "held"},
		"machines are refused": {func(_ *world.World, _ *world.Process, o *outage) {
			o.machines = always(machine.Refused)
		}, "held", "held"},
		"requests fail": {func(_ *world.World, _ *world.Process, o *outage) {
			o.acts = always(machine.Transient)
		}, "held", "held"},
		"requests are denied": {func(_ *world.World, _ *world.Process, o *outage) {
			o.acts = always(machine.Denied)
		}, "held", "held"},
		"requests get lost": {func(_ *world.World, _ *world.Process, o *outage) {
			o.acts = always(machine.UnknownFate)
		}, "held", "held"},
		"never listed as active": {func(_ *world.World, _ *world.Process, o *outage) {
			o.acts = always(machine.AlreadyActive)
		}, "held", "held"},
		"lists of actions fail": {func(_ *world.World, _ *world.Process, o *outage) {
			o.lists = always(machine.Transient)
		}, "held", "held"},
		"machine is never found": {func(w *world.World, _ *world.Process, _ *outage) {
			w.Mu.Lock()
			delete(w.Machines, "m1")
			w.Mu.Unlock()
		}, "not found", "not found"},
		"requests are throttled": {func(_ *world.World, _ *world.Process, o *outage) {
			o.acts = throttled
		}, "held", "held"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.NewWorldWith(t, strings.Replace(world.IsolateHigh, `"High"`, `"Medium"`, 1))
			p := w.Start(-1, false)
			o := &outage{Process: p}
			p.Change(func(options *respond.Options) { options.API = o })
			w.AlertOn("da1", "m1", alert.Medium)
			// Created a while from now, so that its age says nothing before the tries are over.
			w.EditAlert("da1", func(a *alert.Alert) { a.Created, a.Title = w.Clock().Add(2*time.Hour), "t2" })
			test.set(w, p, o)
			w.Mu.Lock()
			for i := range w.Queue {
				w.Queue[i].Message.Machine, w.Queue[i].Message.Alert = nil, nil
			}
			w.Mu.Unlock()
			tries := w.Play(p, 45*time.Minute, true)
			final := w.Run("da1", 2).State.Final()
			if count, err := backlog.Count(t.Context(), w.Start(-1, false).Ledger.Runs, 9, w.Clock()); err != nil ||
				!final && (count.Stuck.Runs != 1 || count.Stuck.Oldest != "da1:v2" || count.Stuck.Why == "") {
				t.Errorf("Health: %+v, %v", count, err)
			}
			tries += w.Play(p, 14*24*time.Hour, true)
			run := w.Run("da1", 2)
			if run.State != runs.Closed || run.Outcome != test.outcome ||
				run.ClosedAt.Sub(run.ObservedAt) > 25*time.Hour {
				t.Errorf("after %d tries the run is %s, %s at %s: %s", tries, run.State, run.Outcome, run.ClosedAt,
					run.Reason)
			}
			told := map[notice.Kind]int{}
			for _, e := range w.Order {
				told[e.Kind]++
			}
			if told[notice.Kind(test.told)] != 1 || !final && told[notice.Stuck] != 1 {
				t.Errorf("told %s", w.Kinds())
			}
			if tries > 1000 || len(w.Queue) > 0 {
				t.Errorf("%d tries, %d messages left", tries, len(w.Queue))
			}
		})
	}
}

func throttled() error {
	return &world.APIError{Kind: machine.Transient, Text: "429", After: 2 * time.Minute}
}

// TestOutageEndsNoRun has the service out of order for three days: polls fail too. Afterwards everything is decided as
// if it had come then.
func TestOutageEndsNoRun(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for i := range 2 {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.Polled(p)
	down := true
	o := &outage{Process: p, reads: func() error {
		if down {
			return &world.APIError{Kind: machine.Transient, Text: "503"}
		}
		return nil
	}}
	p.Change(func(options *respond.Options) { options.API = o })
	w.Mu.Lock()
	for i := range w.Queue {
		w.Queue[i].Message.Machine, w.Queue[i].Message.Alert = nil, nil
	}
	w.Mu.Unlock()
	w.Play(p, 3*24*time.Hour, false)
	if w.Kinds() != "" {
		t.Errorf("told %s", w.Kinds())
	}
	down = false
	p.Change(func(options *respond.Options) { options.StaleAfter = 30 * 24 * time.Hour })
	w.Polled(p)
	w.Settled(p)
	for i := range 2 {
		if run := w.Run(fmt.Sprintf("da%d", i), 1); run.Outcome != "isolated" || !run.StuckSince.IsZero() {
			t.Errorf("run %+v", run)
		}
	}
}

// TestWhatWasTriedInVainCanBeContinuedByAPerson has a permission granted only after the run was held.
func TestWhatWasTriedInVainCanBeContinuedByAPerson(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	denied := true
	o := &outage{Process: p, acts: func() error {
		if denied {
			return &world.APIError{Kind: machine.Denied, Text: "Missing application roles"}
		}
		return nil
	}}
	p.Change(func(options *respond.Options) { options.API = o })
	w.AlertOn("da1", "m1", alert.High)
	w.Play(p, 2*24*time.Hour, true)
	held, found, err := p.Ledger.Held.Of(t.Context(), "da1", 1)
	if err != nil || !found ||
		!strings.Contains(held.Reason, "could not be done since") && !strings.Contains(held.Reason, "old") {
		t.Fatalf("held: %+v, %v, %v, told %s", held, found, err, w.Kinds())
	}
	denied = false
	if err := p.AtDesk().Continue(t.Context(), held, world.Says("ana", "granted now")); err != nil {
		t.Fatal(err)
	}
	w.Settled(p)
	if run := w.Run("da1", 1); run.Outcome != "isolated" || w.Isolations("m1") != 1 {
		t.Errorf("run %+v", run)
	}
}

// TestReleaseThatWaitsForAnOfflineMachineIsNotStuck has a rule release a machine whose isolation is not confirmed for
// longer than a run is tried.
func TestReleaseThatWaitsForAnOfflineMachineIsNotStuck(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.NewWorldWith(t, releaseBenign)
	p := w.Start(-1, false)
	p.Change(func(options *respond.Options) { options.StaleAfter = 7 * 24 * time.Hour })
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	w.Play(p, 30*time.Hour, true)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Play(p, time.Hour, true)
	w.Settled(p)
	if run := w.Run("da1", 2); run.Outcome != "released" || strings.Contains(w.Kinds(), "not answered") {
		t.Errorf("run %+v, told %s", run, w.Kinds())
	}
}
