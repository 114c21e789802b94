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

// exitsUnready has the next process end with exit code 0 before it listens.
func (a *app) exitsUnready() {
	a.t.Helper()
	s := start(a)
	s.answer(exits(0))
	eventually(a.t, "the process is gone", func() bool { return !alive(s.PID) })
}

// TestExitCode0BeforeReadinessIsFoundOutByTheTimeAlone takes the third end for an end of the host as any other third
// end.
func TestExitCode0BeforeReadinessIsFoundOutByTheTimeAlone(t *testing.T) {
	t.Parallel()
	t.Run("and the handler is tried again", func(t *testing.T) {
		t.Parallel()
		a := responder(t)
		a.starts = make(chan *call)
		a.start()
		a.broker.put("alerts", "m1")
		for range 2 {
			a.exitsUnready()
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
			a.exitsUnready()
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
		"no execute permission": "host.json",
		"a folder":              "RespondToAlert",
		"not there":             "./nowhere",
		"not on PATH":           "no-such-tool-anywhere",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, strings.Replace(plainHost, `"handler"`, `"`+executable+`"`, 1),
				map[string]string{"RespondToAlert": queueFunction})
			h := a.start()
			eventually(t, "the log says why", func() bool {
				return strings.Contains(a.logs.text(), "Failed to start Worker Channel")
			})
			a.broker.put("alerts", "m1")
			eventually(t, "the call waits", func() bool { return a.clock.pending(5*time.Minute) == 1 })
			if !strings.Contains(a.logs.text(), strings.TrimPrefix(executable, ".")) {
				t.Errorf("the log does not name %s: %s", executable, a.logs.text())
			}
			if err := h.Kill("RespondToAlert", 0); err == nil {
				t.Error("there was a process to kill")
			}
			a.clock.advance(4 * time.Minute) // past four initialization time-outs
			eventually(t, "nothing else ends the call", func() bool { return a.clock.waiting() == 1 })
			a.clock.pass(t, time.Minute)
			if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
				t.Error(got)
			}
			if e := a.event(); e.Err == nil || !strings.Contains(e.Err.Error(), "functionTimeout") ||
				h.ctx.Err() != nil {
				t.Errorf("event %+v, the host: %v", e, context.Cause(h.ctx))
			}
			if err := h.Stop("RespondToAlert", 0); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnInstanceThatStopsTriesItsBinaryAgain(t *testing.T) {
	t.Parallel()
	a := newApp(t, strings.Replace(plainHost, `"handler"`, `"./later"`, 1),
		map[string]string{"RespondToAlert": queueFunction})
	h := a.start()
	eventually(t, "the log says why", func() bool {
		return strings.Contains(a.logs.text(), "Failed to start Worker Channel")
	})
	if err := os.Symlink(filepath.Join(a.root, "handler"), filepath.Join(a.root, "later")); err != nil {
		t.Fatal(err)
	}
	h.StopAll()
	a.broker.put("alerts", "m1")
	a.next().succeed()
}
