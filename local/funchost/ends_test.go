//go:build unix

package funchost

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAHandlerIsRestartedAfterAMomentOnTheSamePort(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.clock.restarts = true
	a.starts = make(chan *call)
	h := a.start()
	first := start(a)
	first.answer(reply{})
	a.broker.put("alerts", "m1")
	c := a.next()
	if err := h.Kill("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
		t.Error(got)
	}
	eventually(t, "the host pauses", func() bool { return a.clock.pending(restartPause) == 1 })
	a.clock.advance(restartPause - time.Millisecond)
	select {
	case <-a.starts:
		t.Error("the handler was restarted at once")
	default:
	}
	a.clock.advance(time.Millisecond)
	if next := start(a); next.PID == c.PID || port(next) != port(first) {
		t.Errorf("process %d on port %s after %d on %s", next.PID, port(next), first.PID, port(first))
	}
}

// TestExitCode0BeforeReadinessIsFoundOutByTheTimeAlone takes the third end for an end of the host as any other third end.
func TestExitCode0BeforeReadinessIsFoundOutByTheTimeAlone(t *testing.T) {
	t.Parallel()
	t.Run("and the handler is tried again", func(t *testing.T) {
		t.Parallel()
		a := responder(t)
		a.starts = make(chan *call)
		a.start()
		a.broker.put("alerts", "m1")
		for range 2 {
			start(a).answer(exits(0))
			a.clock.pass(t, 30*time.Second)
		}
		start(a).answer(reply{})
		a.next().succeed()
		if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" {
			t.Error(got)
		}
		if e := a.event(); e.Duration != time.Minute {
			t.Errorf("the message waited %s", e.Duration)
		}
	})
	t.Run("three times", func(t *testing.T) {
		t.Parallel()
		a := responder(t)
		a.starts = make(chan *call)
		h := a.start()
		for range 3 {
			start(a).answer(exits(0))
			a.clock.pass(t, 30*time.Second)
		}
		if err := h.Wait(); err == nil || !strings.Contains(err.Error(), "error event 3") {
			t.Errorf("Wait: %v", err)
		}
	})
}

func TestABinaryThatCannotBeRunLeavesCallsHangingUntilTheTimeout(t *testing.T) {
	t.Parallel()
	for name, executable := range map[string]string{
		"no execute permission": "host.json", "a folder": "RespondToAlert", "not there": "./nowhere", "not on PATH": "no-such-tool-anywhere",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, strings.Replace(plainHost, `"handler"`, `"`+executable+`"`, 1), map[string]string{"RespondToAlert": queueFunction})
			h := a.start()
			a.broker.put("alerts", "m1")
			eventually(t, "the call waits", func() bool { return a.clock.pending(5*time.Minute) == 1 })
			eventually(t, "the log says why", func() bool { return strings.Contains(a.logs.text(), "Failed to start Worker Channel") })
			if !strings.Contains(a.logs.text(), strings.TrimPrefix(executable, ".")) {
				t.Errorf("the log does not name %s: %s", executable, a.logs.text())
			}
			if err := h.Kill("RespondToAlert", 0); err == nil {
				t.Error("there was a process to kill")
			}
			a.clock.advance(5*time.Minute - time.Millisecond) // past four initialization time-outs
			if len(a.events) != 0 || h.ctx.Err() != nil {
				t.Errorf("%d calls ended, the host: %v", len(a.events), context.Cause(h.ctx))
			}
			a.clock.advance(time.Millisecond)
			if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
				t.Error(got)
			}
			if e := a.event(); e.Err == nil || !strings.Contains(e.Err.Error(), "functionTimeout") {
				t.Errorf("event %+v", e)
			}
			if err := h.Stop("RespondToAlert", 0); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnInstanceThatStopsTriesItsBinaryAgain(t *testing.T) {
	t.Parallel()
	a := newApp(t, strings.Replace(plainHost, `"handler"`, `"./later"`, 1), map[string]string{"RespondToAlert": queueFunction})
	h := a.start()
	eventually(t, "the log says why", func() bool { return strings.Contains(a.logs.text(), "Failed to start Worker Channel") })
	if err := os.Symlink(filepath.Join(a.root, "handler"), filepath.Join(a.root, "later")); err != nil {
		t.Fatal(err)
	}
	h.StopAll()
	a.broker.put("alerts", "m1")
	a.next().succeed()
}
