package follow_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

func TestFailedIsolationIsAskedForAgainAndToldEachTime(t *testing.T) {
	t.Parallel()
	for _, status := range []machine.ActionStatus{machine.Failed, machine.TimeOut} {
		w := world.New(t)
		p := w.Start(-1, false)
		w.AlertOn("da1", "m1", alert.High)
		w.AlertOn("da2", "m1", alert.High)
		w.Drain(p, 10)
		w.FailOpen(p, status)
		if run := w.Run("da1", 1); run.State != runs.Started || run.Reissues != 1 {
			t.Errorf("%s: after the failure the run is %+v", status, run)
		}
		if due := slices.MinFunc(w.Queue, func(a, b alert.Envelope) int {
			return a.At.Compare(b.At)
		}).At; due.Sub(w.Clock()) != time.Minute {
			t.Errorf("%s: it is asked for again at %s", status, due)
		}
		w.Drain(p, 20)
		w.FinishAll(machine.Succeeded)
		w.Follow(p)
		for _, id := range []string{"da1", "da2"} {
			if run := w.Run(id, 1); run.State != runs.Closed || run.Outcome != "isolated" || run.Episode != 2 {
				t.Errorf("%s: run %s is %+v", status, id, run)
			}
		}
		if n := w.Isolations("m1"); n != 2 {
			t.Errorf("%s: %d isolations", status, n)
		}
		failed := slices.IndexFunc(w.Order, func(e notice.Event) bool {
			return e.Kind == episode.FailedKind(status)
		})
		if failed < 0 || !w.Order[failed].Again ||
			!strings.Contains(w.Order[failed].Detail, "asked for again (try 2 of 3)") {
			t.Errorf("%s: told %+v", status, w.Order)
		}
	}
}

func TestIsolationThatKeepsFailingIsGivenUpAndToldSo(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	for range 6 {
		w.Drain(p, 10)
		w.FailOpen(p, machine.Failed)
	}
	if run := w.Run("da1", 1); run.State != runs.Closed || run.Outcome != "not isolated" {
		t.Errorf("the run is %+v", run)
	}
	if n := w.Isolations("m1"); n != episode.MaxReissues+1 {
		t.Errorf("%d isolations", n)
	}
	if last := w.Order[len(w.Order)-1]; last.Kind != notice.Failed || strings.Contains(last.Detail, "again") {
		t.Errorf("told at last: %+v", last)
	}
	// Another alert on the machine has tries of its own.
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 10)
	if n := w.Isolations("m1"); n != episode.MaxReissues+2 {
		t.Errorf("%d isolations with another alert", n)
	}
}

func TestCancelledIsolationIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 10)
	w.FailOpen(p, machine.Cancelled)
	w.Drain(p, 10)
	if run := w.Run("da1", 1); run.State != runs.Closed || run.Outcome != "not isolated" || w.Isolations("m1") != 1 {
		t.Errorf("the run is %+v after %d isolations", run, w.Isolations("m1"))
	}
}

// TestReissueKilledAnywhereMakesOneNewEpisode kills the process at every call of the follow that hears of the failure;
// the run that it may have left without a message comes again by a delivery of any kind.
func TestReissueKilledAnywhereMakesOneNewEpisode(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w := world.New(t)
			w.AlertOn("da1", "m1", alert.High)
			w.AlertOn("da2", "m1", alert.High)
			w.Drain(w.Start(-1, false), 10)
			w.FinishAll(machine.Failed)
			mortal := w.Start(points, mute)
			_ = mortal.Follower.Follow(t.Context())
			killed = mortal.Died()
			p := w.Start(-1, false)
			// A run's first message once more, at the worst time: the latch has ended, the run does not know yet.
			for _, id := range []string{"da1", "da2"} {
				if err := p.Responder.Respond(t.Context(), alert.Message{AlertID: id, Version: 1}.Encode(),
					1); err != nil {
					t.Fatal(err)
				}
			}
			w.Follow(p)
			w.Drain(p, 20)
			w.FinishAll(machine.Succeeded)
			w.Follow(p)
			for _, id := range []string{"da1", "da2"} {
				if run := w.Run(id, 1); run.State != runs.Closed || run.Outcome != "isolated" {
					t.Errorf("killed at %d (answer lost %v): run %s is %s, outcome %q, %d reissues", points, mute, id,
						run.State, run.Outcome, run.Reissues)
				}
			}
			if n := w.Isolations("m1"); n != 2 {
				t.Errorf("killed at %d (answer lost %v): %d isolations", points, mute, n)
			}
		}
		if points < 20 {
			t.Errorf("only %d kill points", points)
		}
	}
}
