package respond_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/respond"
)

// TestKilledAnywhereTheMachineIsIsolatedExactlyOnce kills the process before and after every single call that it makes
// on the way from the first message to the recorded outcome, at once or with all locks lapsed before the next process
// comes, and asks for one isolation, both runs closed with its outcome, and people told what was so.
func TestKilledAnywhereTheMachineIsIsolatedExactlyOnce(t *testing.T) {
	long.Test(t)
	t.Parallel()
	// longer than a hold of the latch, shorter than the recheck time
	for _, lag := range []time.Duration{0, 90 * time.Second} {
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
	w := world.New(t)
	w.Lag = lag
	w.AlertOn("da1", "m1", alert.High)
	w.AlertOn("da2", "m1", alert.High)
	mortal := w.Start(k, mute)
	w.Work(mortal)
	_ = mortal.Follower.Follow(context.Background())
	if mortal.Died() {
		w.Advance(pause)
	}
	second := w.Start(-1, false)
	w.Work(second)
	w.Advance(lag)
	w.Follow(second)
	w.Work(second)
	w.FinishAll(machine.Succeeded)
	w.Follow(second)
	w.Work(second)
	w.Follow(second)
	if n := w.Isolations("m1"); n != 1 {
		t.Errorf("killed at %d (answer lost %v, pause %s, lag %s): %d isolations", k, mute, pause, lag, n)
	}
	for _, id := range []string{"da1", "da2"} {
		if run := w.Run(id, 1); run.State != runs.Closed || run.Outcome != "isolated" {
			t.Errorf("killed at %d (answer lost %v, pause %s, lag %s): run %s is %+v", k, mute, pause, lag, id, run)
		}
	}
	if told := w.Kinds(); !strings.Contains(told, "isolated") || strings.Contains(told, "not") {
		t.Errorf("killed at %d (answer lost %v, pause %s, lag %s): told %q", k, mute, pause, lag, told)
	}
	if lag == 0 && pause == 0 { // they change nothing of how the record is written
		w.CheckRecord("da1", "da2")
	}
	return mortal.Died()
}

func TestRunThatKeepsKillingTheProcessIsParkedAndTold(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.High)
	m, _ := w.Take()
	deaths := 0
	for range respond.DeathsToPark {
		p := w.Start(14, false)
		_ = p.Responder.Respond(context.Background(), m.Message.Encode(), deaths+1)
		if !p.Died() {
			break
		}
		deaths++
		w.Advance(2 * time.Minute)
	}
	if err := w.Start(-1, false).Responder.Respond(context.Background(), m.Message.Encode(), deaths+1); err != nil {
		t.Fatal(err)
	}
	if run := w.Run("da1", 1); deaths != respond.DeathsToPark || run.State != runs.Parked || w.Kinds() != "parked" ||
		w.Posts != 0 {
		t.Errorf("after %d deaths: %+v, told %q", deaths, run, w.Kinds())
	}
}

// TestPoisonTakesNoNeighbourWithIt has a run that kills the process whenever it asks for its machine, in flight
// together with fifteen good ones, as the host hands them over: all of them die with it once, none of them is
// suspected for it.
func TestPoisonTakesNoNeighbourWithIt(t *testing.T) {
	long.Test(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := world.New(t)
		for i := range 15 {
			w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.Medium)
		}
		w.AlertOn("poison", "mp", alert.High)
		waiting := w.Queue
		w.Queue = nil
		deaths := 0
		for delivery := 1; len(waiting) > 0 && delivery < 9; delivery++ {
			p := w.Start(-1, false)
			p.Poison = "mp"
			if waiting = deliverTogether(t, p, waiting, delivery); p.Died() {
				deaths++
				w.Advance(2 * time.Minute)
			}
		}
		if run := w.Run("poison", 1); run.State != runs.Parked || deaths != respond.DeathsToPark {
			t.Errorf("after %d deaths the poison is %+v", deaths, run)
		}
		for i := range 15 {
			if run := w.Run(fmt.Sprintf("da%d", i), 1); run.State != runs.Closed {
				t.Errorf("its neighbour %d is %+v", i, run)
			}
		}
		if told := w.Kinds(); told != "parked" {
			t.Errorf("told %q", told)
		}
	})
}

// deliverTogether hands messages to a process at once, without their snapshots, and returns those that come again.
func deliverTogether(t *testing.T, p *world.Process, messages []alert.Envelope, delivery int) []alert.Envelope {
	t.Helper()
	var mu sync.Mutex
	var again []alert.Envelope
	var group sync.WaitGroup
	for _, m := range messages {
		m.Message.Machine = nil
		group.Go(func() {
			err := p.Responder.Respond(t.Context(), m.Message.Encode(), delivery)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || p.Died() {
				again = append(again, m)
			}
		})
	}
	group.Wait()
	return again
}

func TestOrderlyTroubleIsNoDeath(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	failures := 12
	w.OnPost = func() error {
		if failures--; failures >= 0 {
			return &world.APIError{Kind: machine.Transient, Text: "429", After: time.Second}
		}
		return nil
	}
	w.AlertOn("da1", "m1", alert.High)
	for i := range 40 {
		m, more := w.Take()
		if !more {
			break
		}
		if err := w.Start(-1, false).Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if run := w.Run("da1", 1); run.State != runs.Waiting || w.Posts != 1 {
		t.Errorf("run = %+v, %d requests", run, w.Posts)
	}
}

func TestManyRespondersIsolateEachMachineOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for i := range 12 {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i%4), alert.High)
	}
	done := make(chan error)
	for range 4 {
		go func() {
			p := w.Start(-1, false)
			for range 200 {
				m, more := w.Take()
				if !more {
					break
				}
				for range 2 { // every delivery twice
					if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
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
	p := w.Start(-1, false)
	w.Drain(p, 200)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	for i := range 4 {
		if n := w.Isolations(fmt.Sprintf("m%d", i)); n != 1 {
			t.Errorf("machine m%d has %d isolations", i, n)
		}
	}
	for i := range 12 {
		if run := w.Run(fmt.Sprintf("da%d", i), 1); run.Outcome != "isolated" {
			t.Errorf("run %d: %+v", i, run)
		}
	}
}
