package response

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// failOpen lets every open action end as failed, and hears of it.
func (w *world) failOpen(p *process, status machine.ActionStatus) {
	w.t.Helper()
	w.finishAll(status)
	w.follow(p)
}

func TestFailedIsolationIsAskedForAgainAndToldEachTime(t *testing.T) {
	t.Parallel()
	for _, status := range []machine.ActionStatus{machine.Failed, machine.TimeOut} {
		w := newWorld(t)
		p := w.start(-1, false)
		w.alertOn("da1", "m1", alert.High)
		w.alertOn("da2", "m1", alert.High)
		w.drain(p, 10)
		w.failOpen(p, status)
		if run := w.run("da1", 1); run.State != ledger.Started || run.Reissues != 1 {
			t.Errorf("%s: after the failure the run is %+v", status, run)
		}
		if due := slices.MinFunc(w.queue, func(a, b alert.Envelope) int { return a.At.Compare(b.At) }).At; due.Sub(w.clock()) != time.Minute {
			t.Errorf("%s: it is asked for again at %s", status, due)
		}
		w.drain(p, 20)
		w.finishAll(machine.Succeeded)
		w.follow(p)
		for _, id := range []string{"da1", "da2"} {
			if run := w.run(id, 1); run.State != ledger.Closed || run.Outcome != "isolated" || run.Episode != 2 {
				t.Errorf("%s: run %s is %+v", status, id, run)
			}
		}
		if n := w.isolations("m1"); n != 2 {
			t.Errorf("%s: %d isolations", status, n)
		}
		failed := slices.IndexFunc(w.order, func(e notice.Event) bool { return e.Kind == finalKind(ledger.Latch{Desired: machine.Isolate}, status) })
		if failed < 0 || !w.order[failed].Again || !strings.Contains(w.order[failed].Detail, "asked for again (try 2 of 3)") {
			t.Errorf("%s: told %+v", status, w.order)
		}
	}
}

func TestIsolationThatKeepsFailingIsGivenUpAndToldSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	for range 6 {
		w.drain(p, 10)
		w.failOpen(p, machine.Failed)
	}
	if run := w.run("da1", 1); run.State != ledger.Closed || run.Outcome != "not isolated" {
		t.Errorf("the run is %+v", run)
	}
	if n := w.isolations("m1"); n != maxReissues+1 {
		t.Errorf("%d isolations", n)
	}
	if last := w.order[len(w.order)-1]; last.Kind != notice.Failed || strings.Contains(last.Detail, "again") {
		t.Errorf("told at last: %+v", last)
	}
	// Another alert on the machine has tries of its own.
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 10)
	if n := w.isolations("m1"); n != maxReissues+2 {
		t.Errorf("%d isolations with another alert", n)
	}
}

func TestCancelledIsolationIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 10)
	w.failOpen(p, machine.Cancelled)
	w.drain(p, 10)
	if run := w.run("da1", 1); run.State != ledger.Closed || run.Outcome != "not isolated" || w.isolations("m1") != 1 {
		t.Errorf("the run is %+v after %d isolations", run, w.isolations("m1"))
	}
}

// TestReissueKilledAnywhereMakesOneNewEpisode kills the process at every call of the follow that hears of the failure; the
// run that it may have left without a message comes again by a delivery of any kind.
func TestReissueKilledAnywhereMakesOneNewEpisode(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w := newWorld(t)
			w.alertOn("da1", "m1", alert.High)
			w.alertOn("da2", "m1", alert.High)
			w.drain(w.start(-1, false), 10)
			w.finishAll(machine.Failed)
			mortal := w.start(points, mute)
			_ = mortal.follower.Follow(t.Context())
			killed = mortal.died()
			p := w.start(-1, false)
			// A run's first message once more, at the worst time: the latch has ended, the run does not know yet.
			for _, id := range []string{"da1", "da2"} {
				if err := p.responder.Respond(t.Context(), alert.Message{AlertID: id, Version: 1}.Encode(), 1); err != nil {
					t.Fatal(err)
				}
			}
			w.follow(p)
			w.drain(p, 20)
			w.finishAll(machine.Succeeded)
			w.follow(p)
			for _, id := range []string{"da1", "da2"} {
				if run := w.run(id, 1); run.State != ledger.Closed || run.Outcome != "isolated" {
					t.Errorf("killed at %d (answer lost %v): run %s is %s, outcome %q, %d reissues", points, mute, id, run.State, run.Outcome, run.Reissues)
				}
			}
			if n := w.isolations("m1"); n != 2 {
				t.Errorf("killed at %d (answer lost %v): %d isolations", points, mute, n)
			}
		}
		if points < 20 {
			t.Errorf("only %d kill points", points)
		}
	}
}
