package response

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// died reports whether the process was killed.
func (p *process) died() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.breaths == 0
}

// work answers the queue until it is empty or the process is killed; the message of a killed process is given again.
func (w *world) work(p *process) {
	for range 50 {
		m, more := w.take()
		if !more {
			return
		}
		err := p.responder.Respond(context.Background(), m.Message.Encode(), 1)
		if err != nil || p.died() {
			w.queue = append(w.queue, m)
		}
		if p.died() {
			return
		}
		if err != nil {
			w.t.Fatalf("a healthy process failed: %v", err)
		}
	}
	w.t.Fatal("the queue does not run dry")
}

// TestKilledAnywhereTheMachineIsIsolatedExactlyOnce kills the process before and after every single call that it makes
// on the way from the first message to the recorded outcome, at once or with all locks lapsed before the next process
// comes, and asks for one isolation, both runs closed with its outcome, and people told what was so.
func TestKilledAnywhereTheMachineIsIsolatedExactlyOnce(t *testing.T) {
	t.Parallel()
	for _, lag := range []time.Duration{0, 90 * time.Second} { // longer than a hold of the latch, shorter than the recheck time
		for _, pause := range []time.Duration{0, 3 * time.Minute} {
			for _, mute := range []bool{false, true} {
				points := 0
				for killed := true; killed; points++ {
					killed = killAt(t, points, mute, pause, lag)
				}
				t.Logf("lag %s, pause %s, answer lost %v: %d kill points", lag, pause, mute, points-1)
				if points < 40 {
					t.Errorf("only %d kill points: the sweep does not reach what it should", points)
				}
			}
		}
	}
}

func killAt(t *testing.T, k int, mute bool, pause, lag time.Duration) (killed bool) {
	t.Helper()
	w := newWorld(t)
	w.lag = lag
	w.alertOn("da1", "m1", alert.High)
	w.alertOn("da2", "m1", alert.High)
	mortal := w.start(k, mute)
	w.work(mortal)
	_ = mortal.follower.Follow(context.Background())
	if mortal.died() {
		w.advance(pause)
	}
	second := w.start(-1, false)
	w.work(second)
	w.advance(lag)
	w.follow(second)
	w.work(second)
	w.finishAll(machine.Succeeded)
	w.follow(second)
	w.work(second)
	w.follow(second)
	if n := w.isolations("m1"); n != 1 {
		t.Errorf("killed at %d (answer lost %v, pause %s, lag %s): %d isolations", k, mute, pause, lag, n)
	}
	for _, id := range []string{"da1", "da2"} {
		if run := w.run(id, 1); run.State != ledger.Closed || run.Outcome != "isolated" {
			t.Errorf("killed at %d (answer lost %v, pause %s, lag %s): run %s is %+v", k, mute, pause, lag, id, run)
		}
	}
	if told := w.kinds(); !strings.Contains(told, "isolated") || strings.Contains(told, "not") {
		t.Errorf("killed at %d (answer lost %v, pause %s, lag %s): told %q", k, mute, pause, lag, told)
	}
	return mortal.died()
}

func TestFollowKilledAnywhereIsRepaired(t *testing.T) {
	t.Parallel()
	for _, status := range []machine.ActionStatus{machine.Succeeded, machine.Cancelled} {
		for _, mute := range []bool{false, true} {
			points := 0
			for killed := true; killed; points++ {
				w := newWorld(t)
				w.alertOn("da1", "m1", alert.High)
				w.alertOn("da2", "m1", alert.High)
				w.drain(w.start(-1, false), 10)
				w.finishAll(status)
				mortal := w.start(points, mute)
				_ = mortal.follower.Follow(context.Background())
				killed = mortal.died()
				w.follow(w.start(-1, false))
				want := map[machine.ActionStatus]string{machine.Succeeded: "isolated", machine.Cancelled: "not isolated"}[status]
				for _, id := range []string{"da1", "da2"} {
					if run := w.run(id, 1); run.State != ledger.Closed || run.Outcome != want {
						t.Errorf("%s, killed at %d: run %s is %+v", status, points, id, run)
					}
				}
				if told := strings.Count(w.kinds(), ","); told != 3 { // two groups, two events each
					t.Errorf("%s, killed at %d: told %q", status, points, w.kinds())
				}
			}
			if points < 8 {
				t.Errorf("only %d kill points", points)
			}
		}
	}
}

func TestRunThatKeepsKillingTheProcessIsParkedAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alertOn("da1", "m1", alert.High)
	m, _ := w.take()
	deaths := 0
	for range deathsToPark {
		p := w.start(14, false)
		_ = p.responder.Respond(context.Background(), m.Message.Encode(), deaths+1)
		if !p.died() {
			break
		}
		deaths++
		w.advance(2 * time.Minute)
	}
	if err := w.start(-1, false).responder.Respond(context.Background(), m.Message.Encode(), deaths+1); err != nil {
		t.Fatal(err)
	}
	if run := w.run("da1", 1); deaths != deathsToPark || run.State != ledger.Parked || w.kinds() != "parked" || w.posts != 0 {
		t.Errorf("after %d deaths: %+v, told %q", deaths, run, w.kinds())
	}
}

// TestPoisonTakesNoNeighbourWithIt has a run that kills the process whenever it asks for its machine, in flight together
// with fifteen good ones, as the host hands them over: all of them die with it once, none of them is suspected for it.
func TestPoisonTakesNoNeighbourWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 15 {
			w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.Medium)
		}
		w.alertOn("poison", "mp", alert.High)
		waiting := w.queue
		w.queue = nil
		deaths := 0
		for delivery := 1; len(waiting) > 0 && delivery < 9; delivery++ {
			p := w.start(-1, false)
			p.poison = "mp"
			if waiting = deliverTogether(t, p, waiting, delivery); p.died() {
				deaths++
				w.advance(2 * time.Minute)
			}
		}
		if run := w.run("poison", 1); run.State != ledger.Parked || deaths != deathsToPark {
			t.Errorf("after %d deaths the poison is %+v", deaths, run)
		}
		for i := range 15 {
			if run := w.run(fmt.Sprintf("da%d", i), 1); run.State != ledger.Closed {
				t.Errorf("its neighbour %d is %+v", i, run)
			}
		}
		if told := w.kinds(); told != "parked" {
			t.Errorf("told %q", told)
		}
	})
}

// deliverTogether hands messages to a process at once, without their snapshots, and returns those that come again.
func deliverTogether(t *testing.T, p *process, messages []alert.Envelope, delivery int) []alert.Envelope {
	t.Helper()
	var mu sync.Mutex
	var again []alert.Envelope
	var group sync.WaitGroup
	for _, m := range messages {
		m.Message.Machine = nil
		group.Go(func() {
			err := p.responder.Respond(t.Context(), m.Message.Encode(), delivery)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || p.died() {
				again = append(again, m)
			}
		})
	}
	group.Wait()
	return again
}

func TestOrderlyTroubleIsNoDeath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failures := 12
	w.onPost = func() error {
		if failures--; failures >= 0 {
			return &apiError{trouble: machine.Transient, text: "429", after: time.Second}
		}
		return nil
	}
	w.alertOn("da1", "m1", alert.High)
	for i := range 40 {
		m, more := w.take()
		if !more {
			break
		}
		if err := w.start(-1, false).responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if run := w.run("da1", 1); run.State != ledger.Waiting || w.posts != 1 {
		t.Errorf("run = %+v, %d requests", run, w.posts)
	}
}

func TestManyRespondersIsolateEachMachineOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 12 {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i%4), alert.High)
	}
	done := make(chan error)
	for range 4 {
		go func() {
			p := w.start(-1, false)
			for range 200 {
				m, more := w.take()
				if !more {
					break
				}
				for range 2 { // every delivery twice
					if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
						done <- err
						return
					}
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	p := w.start(-1, false)
	w.drain(p, 200)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	for i := range 4 {
		if n := w.isolations(fmt.Sprintf("m%d", i)); n != 1 {
			t.Errorf("machine m%d has %d isolations", i, n)
		}
	}
	for i := range 12 {
		if run := w.run(fmt.Sprintf("da%d", i), 1); run.Outcome != "isolated" {
			t.Errorf("run %d: %+v", i, run)
		}
	}
}
