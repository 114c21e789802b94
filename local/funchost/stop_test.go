//go:build unix

package funchost

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// begin runs a stop and returns once it has begun.
func begin(a *app, stop func()) (over <-chan struct{}) {
	a.t.Helper()
	done := make(chan struct{})
	waits := a.clock.pending(stopWait)
	go func() {
		defer close(done)
		stop()
	}()
	eventually(a.t, "the stop waits for work in flight", func() bool { return a.clock.pending(stopWait) > waits })
	return done
}

func (a *app) stopped(h *Host, function string, instance int) func() {
	return func() {
		if err := h.Stop(function, instance); err != nil {
			a.t.Error(err)
		}
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func port(c *call) string {
	for _, line := range c.Env {
		if p, ok := strings.CutPrefix(line, "FUNCTIONS_CUSTOMHANDLER_PORT="); ok {
			return p
		}
	}
	return ""
}

func TestAStopWaitsForWorkAndGivesItsSuccessBackAllTheSame(t *testing.T) {
	t.Parallel()
	a := responder(t)
	said := &logBook{}
	h := a.start(func(o *Options) { o.Stderr = func(l Line) { said.add("%s", l.Text) } })
	a.broker.put("alerts", "m1")
	c := a.next()
	over := begin(a, a.stopped(h, "RespondToAlert", 0))
	a.broker.put("alerts", "m2")
	a.clock.advance(stopWait - time.Millisecond)
	if !alive(c.PID) || len(a.broker.queue("alerts")) != 1 {
		t.Errorf("a stop: the handler lives %v, %d messages are left in the queue", alive(c.PID),
			len(a.broker.queue("alerts")))
	}
	c.succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
		t.Error(got)
	}
	if e := a.event(); e.Err != nil || !e.GivenBack || e.MessageID != "m1" {
		t.Errorf("event %+v", e)
	}
	receive(t, over, "end of the stop")
	if alive(c.PID) || h.Orphans() != 0 {
		t.Errorf("the handler outlived a stop with nothing in flight; %d orphans", h.Orphans())
	}
	if text := said.text(); strings.Contains(text, "SIGTERM") {
		t.Errorf("the handler was asked to stop: %s", text)
	}
	next := a.next()
	next.succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m2" {
		t.Error(got)
	}
	if e := a.event(); e.GivenBack {
		t.Errorf("event %+v", e)
	}
	if next.PID == c.PID || port(next) != port(c) {
		t.Errorf("the next life has process %d on port %s, this one had %d on %s", next.PID, port(next), c.PID, port(c))
	}
}

func TestWorkThatOutlastsAStopIsLeftToItsLockAndItsHandlerRunsOn(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	over := begin(a, a.stopped(h, "RespondToAlert", 0))
	a.clock.pass(t, stopWait)
	a.clock.pass(t, stopLeave)
	receive(t, over, "end of the stop")
	if e := a.event(); e.MessageID != "m1" || e.Err == nil || !strings.Contains(e.Err.Error(), "was stopped") {
		t.Errorf("event %+v", e)
	}
	a.broker.put("alerts", "m2")
	next := a.next()
	if !alive(c.PID) || h.Orphans() != 1 {
		t.Errorf("the old handler lives: %v; %d orphans", alive(c.PID), h.Orphans())
	}
	if port(next) == port(c) || !strings.Contains(a.logs.text(), "left running on port "+port(c)) {
		t.Errorf("the next one has port %s, the one left behind %s: %s", port(next), port(c), a.logs.text())
	}
	c.succeed()
	next.succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m2" {
		t.Error(got)
	}
	a.clock.advance(time.Minute)
	if n, m := len(a.broker.settled), len(a.broker.renewed); n != 0 || m != 0 {
		t.Errorf("a host that is gone settled %d messages and renewed %d locks", n, m)
	}
	h.Close()
	if alive(c.PID) || alive(next.PID) || h.Orphans() != 0 {
		t.Error("Close left handlers running")
	}
}

func TestAPowerCutEndsWhatAStopLeftBehindToo(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	over := begin(a, h.StopAll)
	a.clock.pass(t, stopWait)
	a.clock.pass(t, stopLeave)
	receive(t, over, "end of the stop")
	h.KillAll()
	if alive(c.PID) || h.Orphans() != 0 {
		t.Errorf("the handler left behind lives: %v", alive(c.PID))
	}
	a.broker.put("alerts", "m2")
	a.takes("/RespondToAlert")
}

func TestAHostThatWentKillsNoHandlerForATimeoutBefore(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "hung")
	hung := a.next()
	const before = stopWait - timeoutGrace/2
	a.clock.advance(5*time.Minute - before)
	a.broker.put("alerts", "long")
	a.next()
	over := begin(a, a.stopped(h, "RespondToAlert", 0))
	a.clock.pass(t, before)
	if got := receive(t, a.broker.settled, "settlement"); got != "abandon hung" {
		t.Error(got)
	}
	a.clock.pass(t, stopWait-before)
	a.clock.pass(t, stopLeave)
	receive(t, over, "end of the stop")
	a.clock.pass(t, timeoutGrace-(stopWait-before)-stopLeave)
	a.broker.put("alerts", "m3")
	a.next().succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m3" || !alive(hung.PID) || h.Orphans() != 1 {
		t.Errorf("%s; the handler left behind lives: %v", got, alive(hung.PID))
	}
}

func TestAllInstancesStopAtOnce(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start(func(o *Options) { o.Instances = map[string]int{"RespondToAlert": 2} })
	pids := func(ids ...string) (calls []*call, all []int) {
		a.broker.put("alerts", ids...)
		for range ids {
			c := a.next()
			calls, all = append(calls, c), append(all, c.PID)
		}
		return calls, slices.Compact(slices.Sorted(slices.Values(all)))
	}
	calls, old := pids("m1", "m2", "m3", "m4")
	over := begin(a, h.StopAll)
	eventually(t, "both wait", func() bool { return a.clock.pending(stopWait) == 2 })
	for _, c := range calls {
		c.succeed()
		if got := receive(t, a.broker.settled, "settlement"); !strings.HasPrefix(got, "abandon") {
			t.Error(got)
		}
	}
	receive(t, over, "end of the stop")
	calls, next := pids("m5", "m6", "m7", "m8")
	for _, c := range calls {
		c.succeed()
	}
	if all := append(old, next...); len(old) != 2 || len(next) != 2 || slices.ContainsFunc(old, alive) {
		t.Errorf("processes %v", all)
	}
}

func TestAStopWaitsForCallsFromOutsideAndLaterOnesForTheNextLife(t *testing.T) {
	t.Parallel()
	a := web(t, forwardHost)
	h := a.start()
	first := send(h, "GET /api/health HTTP/1.1\n\n")
	c := a.next()
	over := begin(a, a.stopped(h, "Health", 0))
	second := send(h, "GET /api/health HTTP/1.1\n\n")
	c.answer(reply{Status: 200, Body: "old"})
	if e := a.got(first); e.status != 200 || e.body != "old" {
		t.Errorf("the caller in flight got %+v", e)
	}
	receive(t, over, "end of the stop")
	next := a.next()
	next.answer(reply{Status: 200, Body: "new"})
	if e := a.got(second); e.status != 200 || e.body != "new" || next.PID == c.PID {
		t.Errorf("the later caller got %+v, from process %d after %d", e, next.PID, c.PID)
	}
}

func TestATimerRunThatEndsInAStopIsNotRepeated(t *testing.T) {
	t.Parallel()
	a := newApp(t, plainHost, map[string]string{"Follow": timerFunction("0 */5 * * * *", "")})
	h := a.start()
	a.tick("10:05:00")
	c := a.next()
	over := begin(a, a.stopped(h, "Follow", 0))
	c.succeed()
	receive(t, over, "end of the stop")
	if alive(c.PID) {
		t.Error("the handler outlived the stop")
	}
	a.tick("10:10:00")
	next := a.next()
	next.succeed()
	if info := at(parsed(t, []byte(next.Body)), "Data", "timer"); info["IsPastDue"] != false {
		t.Errorf("the next life runs it as past due: %v", info)
	}
}

func TestATimerRunThatOutlastsAStopIsRunAgainBesideTheOldOne(t *testing.T) {
	t.Parallel()
	a := newApp(t, plainHost, map[string]string{"Follow": timerFunction("0 */5 * * * *", "")})
	h := a.start()
	a.tick("10:05:00")
	c := a.next()
	over := begin(a, a.stopped(h, "Follow", 0))
	a.clock.pass(t, stopWait)
	a.clock.pass(t, stopLeave)
	receive(t, over, "end of the stop")
	next := a.next()
	if info := at(parsed(t, []byte(next.Body)), "Data", "timer"); info["IsPastDue"] != true || !alive(c.PID) ||
		next.PID == c.PID {
		t.Errorf("process %d got %v; %d lives: %v", next.PID, info, c.PID, alive(c.PID))
	}
	next.succeed()
}

func TestSIGTERMDoesNotEndTheHost(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	defer signal.Stop(asked)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	receive(t, asked, "signal")
	a.broker.put("alerts", "m1")
	a.next().succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" || h.ctx.Err() != nil {
		t.Errorf("%s; the host: %v", got, h.ctx.Err())
	}
}

func TestADrainTakesNothingMoreAndHTTPGoesOn(t *testing.T) {
	t.Parallel()
	a := newApp(t, forwardHost, map[string]string{"RespondToAlert": queueFunction, "Health": httpFunction("health", ""),
		"Follow": timerFunction("0 */5 * * * *", "")})
	h := a.start()
	ask := func(request string) exchange { return a.got(send(h, request+" HTTP/1.1\nContent-Length: 0\n\n")) }
	status := func() string {
		s := parsed(t, []byte(ask("GET /admin/host/drain/status").body))
		return fmt.Sprint(s["state"], " ", s["outstandingInvocations"], " ", s["outstandingRetries"])
	}
	eventually(t, "everything is up", func() bool {
		known, err := h.o.Storage.load("Follow")
		return err == nil && known != nil && !slices.ContainsFunc(h.instances(), func(in *instance) bool {
			s, _, _ := in.current()
			return s != ready
		})
	})
	a.broker.put("alerts", "m1")
	c := a.next()
	if got := status(); got != "Disabled 1 0" {
		t.Error(got)
	}
	if e := ask("POST /admin/host/drain"); e.status != 202 || e.body != "" {
		t.Errorf("the drain got %+v", e)
	}
	a.broker.put("alerts", "m2")
	a.clock.advance(4 * time.Minute) // longer than any stop, and past a tick
	if got := status(); got != "InProgress 1 0" {
		t.Error(got)
	}
	c.succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
		t.Error(got)
	}
	if e := a.event(); e.Err != nil || !e.GivenBack {
		t.Errorf("event %+v", e)
	}
	eventually(t, "the drain is complete", func() bool { return status() == "Completed 0 0" })
	answer := send(h, "GET /api/health HTTP/1.1\n\n")
	a.next().answer(reply{Status: 200, Body: "well"})
	if e := a.got(answer); e.body != "well" {
		t.Errorf("the caller got %+v", e)
	}
	a.silent()
	if !alive(c.PID) || len(a.broker.queue("alerts")) != 1 {
		t.Errorf("the drained handler lives: %v; %d messages in the queue", alive(c.PID), len(a.broker.queue("alerts")))
	}
	h.StopAll()
	a.takes("/Follow", "/RespondToAlert")
	if got := status(); !strings.HasPrefix(got, "Disabled") {
		t.Errorf("after the stop: %s", got)
	}
}

func TestOneInstanceDrainsAlone(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start(func(o *Options) { o.Instances = map[string]int{"RespondToAlert": 2} })
	if err := h.Drain("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	if err := h.Drain("RespondToAlert", 2); err == nil {
		t.Error("an instance that does not exist was drained")
	}
	pids := map[int]bool{}
	for range 5 {
		a.broker.put("alerts", "m")
		c := a.next()
		pids[c.PID] = true
		c.succeed()
		if got := receive(t, a.broker.settled, "settlement"); got != "complete m" {
			t.Error(got)
		}
	}
	if len(pids) != 1 {
		t.Errorf("processes %v took messages", pids)
	}
}

func TestAFrozenInstanceCannotStop(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	if err := h.Freeze("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	if err := h.Stop("RespondToAlert", 0); err == nil || !strings.Contains(err.Error(), "frozen") {
		t.Errorf("Stop: %v", err)
	}
	h.StopAll()
	if err := h.Thaw("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	c.succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" {
		t.Error(got)
	}
	if err := h.Stop("RespondToAlert", 1); err == nil {
		t.Error("an instance that does not exist was stopped")
	}
}

func TestCloseEndsAStop(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	over := begin(a, h.StopAll)
	h.Close()
	receive(t, over, "end of the stop")
	if alive(c.PID) {
		t.Error("the handler outlived Close")
	}
}
