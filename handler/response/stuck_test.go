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

// play answers whatever is due for some time, as if all functions ran, and counts the tries.
func (w *world) play(p *process, d time.Duration, polls bool) (tries int) {
	w.t.Helper()
	for end := w.clock().Add(d); w.clock().Before(end); {
		if polls {
			w.polled(p)
		}
		w.mu.Lock()
		due := len(w.queue) > 0
		for _, m := range w.queue {
			due = due && m.At.Before(end)
		}
		w.mu.Unlock()
		m, more := alert.Envelope{}, false
		if due {
			m, more = w.take()
		}
		if !more {
			w.advance(time.Hour)
			w.follow(p)
			continue
		}
		tries++
		if err := p.responder.Respond(w.t.Context(), m.Message.Encode(), 1); err != nil {
			w.t.Fatal(err)
		}
	}
	return tries
}

// polled notes that a poll succeeded just now.
func (w *world) polled(p *process) {
	w.t.Helper()
	mark, err := p.ledger.Watermark(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := p.ledger.Advance(w.t.Context(), mark, w.clock()); err != nil {
		w.t.Fatal(err)
	}
}

// stranger is an API that answers for every alert with another.
type stranger struct{ API }

func (s stranger) Alert(ctx context.Context, id string) (alert.Alert, error) {
	a, err := s.API.Alert(ctx, id)
	a.ID = "other"
	return a, err
}

// TestRunThatCannotGetOnIsToldStandsInHealthAndEnds plays two weeks of every trouble that does not pass, while polls succeed.
func TestRunThatCannotGetOnIsToldStandsInHealthAndEnds(t *testing.T) {
	t.Parallel()
	always := func(trouble machine.Trouble) func() error {
		return func() error { return &apiError{trouble: trouble, text: trouble.String() + " for good"} }
	}
	for name, test := range map[string]struct {
		set     func(w *world, p *process, o *outage)
		outcome string
		told    string // of the end
	}{
		"reads fail":             {func(_ *world, _ *process, o *outage) { o.reads = always(machine.Transient) }, "not answered", "not answered"},
		"reads are refused":      {func(_ *world, _ *process, o *outage) { o.reads = always(machine.Refused) }, "not answered", "not answered"},
		"reads are denied":       {func(_ *world, _ *process, o *outage) { o.reads = always(machine.Denied) }, "not answered", "not answered"},
		"another alert":          {func(_ *world, p *process, o *outage) { p.responder.API = stranger{o} }, "not answered", "not answered"},
		"machines fail":          {func(_ *world, _ *process, o *outage) { o.machines = always(machine.Transient) }, "held", "held"},
		"machines are refused":   {func(_ *world, _ *process, o *outage) { o.machines = always(machine.Refused) }, "held", "held"},
		"requests fail":          {func(_ *world, _ *process, o *outage) { o.acts = always(machine.Transient) }, "held", "held"},
		"requests are denied":    {func(_ *world, _ *process, o *outage) { o.acts = always(machine.Denied) }, "held", "held"},
		"requests get lost":      {func(_ *world, _ *process, o *outage) { o.acts = always(machine.UnknownFate) }, "held", "held"},
		"never listed as active": {func(_ *world, _ *process, o *outage) { o.acts = always(machine.AlreadyActive) }, "held", "held"},
		"lists of actions fail":  {func(_ *world, _ *process, o *outage) { o.lists = always(machine.Transient) }, "held", "held"},
		"machine is never found": {func(w *world, _ *process, _ *outage) { w.mu.Lock(); delete(w.machines, "m1"); w.mu.Unlock() }, "not found", "not found"},
		"requests are throttled": {func(_ *world, _ *process, o *outage) { o.acts = throttled }, "held", "held"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, strings.Replace(isolateHigh, `"High"`, `"Medium"`, 1))
			p := w.start(-1, false)
			o := &outage{process: p}
			p.responder.API = o
			w.alertOn("da1", "m1", alert.Medium)
			// Created a while from now, so that its age says nothing before the tries are over.
			w.editAlert("da1", func(a *alert.Alert) { a.Created, a.Title = w.clock().Add(2*time.Hour), "t2" })
			test.set(w, p, o)
			w.mu.Lock()
			for i := range w.queue {
				w.queue[i].Message.Machine, w.queue[i].Message.Alert = nil, nil
			}
			w.mu.Unlock()
			tries := w.play(p, 45*time.Minute, true)
			final := w.run("da1", 2).State.Final()
			if count, err := w.start(-1, false).ledger.CountOpenRuns(t.Context(), 9, w.clock()); err != nil || !final && (count.Stuck.Runs != 1 || count.Stuck.Oldest != "da1:v2" || count.Stuck.Why == "") {
				t.Errorf("Health: %+v, %v", count, err)
			}
			tries += w.play(p, 14*24*time.Hour, true)
			run := w.run("da1", 2)
			if run.State != ledger.Closed || run.Outcome != test.outcome || run.ClosedAt.Sub(run.ObservedAt) > 25*time.Hour {
				t.Errorf("after %d tries the run is %s, %s at %s: %s", tries, run.State, run.Outcome, run.ClosedAt, run.Reason)
			}
			told := map[notice.Kind]int{}
			for _, e := range w.order {
				told[e.Kind]++
			}
			if told[notice.Kind(test.told)] != 1 || !final && told[notice.Stuck] != 1 {
				t.Errorf("told %s", w.kinds())
			}
			if tries > 1000 || len(w.queue) > 0 {
				t.Errorf("%d tries, %d messages left", tries, len(w.queue))
			}
		})
	}
}

func throttled() error {
	return &apiError{trouble: machine.Transient, text: "429", after: 2 * time.Minute}
}

// TestOutageEndsNoRun has the service out of order for three days: polls fail too. Afterwards everything is decided as if it had
// come then.
func TestOutageEndsNoRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for i := range 2 {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.polled(p)
	down := true
	o := &outage{process: p, reads: func() error {
		if down {
			return &apiError{trouble: machine.Transient, text: "503"}
		}
		return nil
	}}
	p.responder.API = o
	w.mu.Lock()
	for i := range w.queue {
		w.queue[i].Message.Machine, w.queue[i].Message.Alert = nil, nil
	}
	w.mu.Unlock()
	w.play(p, 3*24*time.Hour, false)
	if w.kinds() != "" {
		t.Errorf("told %s", w.kinds())
	}
	down = false
	p.responder.StaleAfter = 30 * 24 * time.Hour
	w.polled(p)
	w.settled(p)
	for i := range 2 {
		if run := w.run(fmt.Sprintf("da%d", i), 1); run.Outcome != "isolated" || !run.StuckSince.IsZero() {
			t.Errorf("run %+v", run)
		}
	}
}

// TestWhatWasTriedInVainCanBeContinuedByAPerson has a permission granted only after the run was held.
func TestWhatWasTriedInVainCanBeContinuedByAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	denied := true
	o := &outage{process: p, acts: func() error {
		if denied {
			return &apiError{trouble: machine.Denied, text: "Missing application roles"}
		}
		return nil
	}}
	p.responder.API = o
	w.alertOn("da1", "m1", alert.High)
	w.play(p, 2*24*time.Hour, true)
	held, found, err := p.ledger.HeldOf(t.Context(), "da1", 1)
	if err != nil || !found || !strings.Contains(held.Reason, "could not be done since") && !strings.Contains(held.Reason, "old") {
		t.Fatalf("held: %+v, %v, %v, told %s", held, found, err, w.kinds())
	}
	denied = false
	d := &desk.Desk{API: p, Queue: p, Ledger: p.ledger, Now: w.clock}
	if err := d.Continue(t.Context(), held, "ana", "granted now"); err != nil {
		t.Fatal(err)
	}
	w.settled(p)
	if run := w.run("da1", 1); run.Outcome != "isolated" || w.isolations("m1") != 1 {
		t.Errorf("run %+v", run)
	}
}

// TestReleaseThatWaitsForAnOfflineMachineIsNotStuck has a rule release a machine whose isolation is not confirmed for longer than a run is tried.
func TestReleaseThatWaitsForAnOfflineMachineIsNotStuck(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, releaseBenign)
	p := w.start(-1, false)
	p.responder.StaleAfter = 7 * 24 * time.Hour
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.editAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	w.play(p, 30*time.Hour, true)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.play(p, time.Hour, true)
	w.settled(p)
	if run := w.run("da1", 2); run.Outcome != "released" || strings.Contains(w.kinds(), "not answered") {
		t.Errorf("run %+v, told %s", run, w.kinds())
	}
}
