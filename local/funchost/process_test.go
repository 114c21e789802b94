package funchost

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	plainHost = `{"version":"2.0","functionTimeout":"00:05:00","customHandler":{"description":{"defaultExecutablePath":"handler"}},
		"extensions":{"serviceBus":{"maxConcurrentCalls":2,"maxAutoLockRenewalDuration":"00:02:00"}}}`
	forwardHost = `{"version":"2.0","functionTimeout":"00:05:00","customHandler":{"description":{"defaultExecutablePath":"handler"},
		"enableForwardingHttpRequest":true}}`
	queueFunction = `{"bindings":[{"type":"serviceBusTrigger","direction":"in","name":"message",` +
		`"queueName":"alerts","connection":"ServiceBus","dataType":"binary"}]}`
)

func httpFunction(route, more string) string {
	return fmt.Sprintf(`{"bindings":[{"type":"httpTrigger","direction":"in","name":"req","route":%q%s},`+
		`{"type":"http","direction":"out","name":"res"}]}`, route, more)
}

func timerFunction(schedule, more string) string {
	return fmt.Sprintf(`{"bindings":[{"type":"timerTrigger","direction":"in","name":"timer","schedule":%q%s}]}`,
		schedule, more)
}

// responder is an app with one queue function, RespondToAlert.
func responder(t *testing.T) *app {
	return newApp(t, plainHost, map[string]string{"RespondToAlert": queueFunction})
}

// serves lets the next process start and runs a message in it.
func (a *app) serves() {
	a.t.Helper()
	start(a).answer(reply{})
	a.broker.put("alerts", "ping")
	a.next().succeed()
	if got := receive(a.t, a.broker.settled, "settlement"); got != "complete ping" {
		a.t.Fatal(got)
	}
}

// fails runs a message in which the process ends.
func (a *app) fails(r reply) {
	a.t.Helper()
	a.broker.put("alerts", "fatal")
	a.next().answer(r)
	if got := receive(a.t, a.broker.settled, "settlement"); got != "abandon fatal" {
		a.t.Fatal(got)
	}
}

func start(a *app) *call { return receive(a.t, a.starts, "start of a handler process") }

func TestTheHandlerGetsSettingsAndHostVariablesAndNothingElse(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.starts = make(chan *call)
	a.settings["CORDON_MODE"], a.settings["WHERE"] = "observe", "the app's"
	a.start(func(o *Options) {
		o.InstanceSettings = func(group string, instance int) map[string]string {
			return map[string]string{"WHERE": fmt.Sprint(group, instance), "FUNCTIONS_APP_ROOT_PATH": "not this"}
		}
	})
	s := start(a)
	env := make(map[string]string)
	for _, line := range s.Env {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	port, id := env["FUNCTIONS_CUSTOMHANDLER_PORT"], env["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"]
	if port == "" || len(id) != 36 {
		t.Errorf("port %q, worker id %q", port, id)
	}
	want := map[string]string{
		"FUNCTIONS_CUSTOMHANDLER_PORT":        port,
		"FUNCTIONS_HTTPWORKER_PORT":           port,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID":   id,
		"FUNCTIONS_HTTPWORKER_ID":             id,
		"FUNCTIONS_APP_ROOT_PATH":             a.root,
		"CORDON_MODE":                         "observe",
		"WHERE":                               "RespondToAlert0",
		"ROLE":                                "handler",
		"PROBE":                               "200",
		"CONTROL":                             a.settings["CONTROL"],
		"ServiceBus__fullyQualifiedNamespace": "example-ns.servicebus.windows.net",
	}
	if d := cmp.Diff(want, env); d != "" {
		t.Errorf("environment (-want +got):\n%s", d)
	}
	s.answer(exits(1))
	again := start(a)
	if !slices.Contains(again.Env, "FUNCTIONS_CUSTOMHANDLER_PORT="+port) {
		t.Error("the port changed with the restart")
	}
	if slices.Contains(again.Env, "FUNCTIONS_CUSTOMHANDLER_WORKER_ID="+id) {
		t.Error("the worker id did not change with the restart")
	}
}

func TestInvocationsAreHeldUntilTheHandlerAnswersAnythingAtAll(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.settings["PROBE"] = "500"
	a.starts = make(chan *call)
	a.start()
	a.broker.put("alerts", "m1")
	s := start(a)
	eventually(t, "the message waits", func() bool { return a.clock.pending(2*time.Minute) == 1 })
	a.clock.advance(20 * time.Second)
	a.silent()
	s.answer(reply{})
	a.next().succeed()
	if e := a.event(); e.Err != nil || e.Status != 200 || e.Duration != 20*time.Second {
		t.Errorf("event %+v", e)
	}
}

func TestAHandlerThatNeverListensIsKilledAndRestarted(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.starts = make(chan *call)
	h := a.start()
	pids := map[int]bool{}
	for range 3 {
		pids[start(a).PID] = true
		a.clock.pass(t, 30*time.Second)
	}
	if err := h.Wait(); err == nil || !strings.Contains(err.Error(), "did not answer GET / on its port within 30s") {
		t.Errorf("Wait: %v", err)
	}
	if len(pids) != 3 {
		t.Errorf("processes %v", pids)
	}
}

func TestAProbeWithoutAnAnswerCountsAsNotReady(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.settings["PROBE"] = "silent"
	a.starts = make(chan *call)
	a.start()
	start(a).answer(reply{})
	a.clock.pass(t, 30*time.Second)
	start(a)
}

func TestAnInvocationWaitsFourInitializationTimeoutsAndThenStopsTheHost(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.starts = make(chan *call)
	h := a.start()
	a.broker.put("alerts", "m1")
	eventually(t, "the message waits", func() bool { return a.clock.pending(2*time.Minute) > 0 })
	for range 5 {
		s := start(a)
		a.clock.advance(24 * time.Second)
		s.answer(exits(200))
	}
	if err := h.Wait(); err == nil || !strings.Contains(err.Error(), "waited 2m0s for the handler") {
		t.Errorf("Wait: %v", err)
	}
	if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
		t.Error(got)
	}
}

func TestExitCodesDecideWhetherTheHandlerComesBack(t *testing.T) {
	t.Parallel()
	t.Run("0 is never restarted and fails every later invocation", func(t *testing.T) {
		t.Parallel()
		a := responder(t)
		h := a.start()
		a.broker.put("alerts", "m1")
		a.next().answer(exits(0))
		eventually(t, "the host knows", func() bool { return strings.Contains(a.logs.text(), "is not restarted") })
		if err := h.Invoke(t.Context(), "RespondToAlert", "{}"); err == nil ||
			!strings.Contains(err.Error(), "connection refused") {
			t.Errorf("Invoke: %v", err)
		}
		if err := h.Kill("RespondToAlert", 0); err == nil {
			t.Error("there was a process to kill")
		}
	})
	t.Run("200 restarts without being counted", func(t *testing.T) {
		t.Parallel()
		a := responder(t)
		a.starts = make(chan *call)
		a.start()
		for range 5 {
			start(a).answer(exits(200))
		}
		start(a).answer(reply{})
		a.broker.put("alerts", "m1")
		a.next().succeed()
	})
	t.Run("the third error event shuts the host down with the last stderr lines", func(t *testing.T) {
		t.Parallel()
		a := responder(t)
		a.starts = make(chan *call)
		h := a.start()
		for i := range 3 {
			a.serves()
			a.clock.advance(29 * time.Minute)
			code := exits(7)
			code.Stderr = fmt.Sprintf("fatal %d\n", i+1)
			a.fails(code)
		}
		err := h.Wait()
		if err == nil || !strings.Contains(err.Error(), "exit status 7") || !strings.Contains(err.Error(), "fatal 3") {
			t.Errorf("Wait: %v", err)
		}
	})
	t.Run("error events more than thirty minutes apart do not add up", func(t *testing.T) {
		t.Parallel()
		a := responder(t)
		a.starts = make(chan *call)
		a.start()
		for range 5 {
			a.serves()
			a.clock.advance(31 * time.Minute)
			a.fails(exits(7))
		}
		a.serves()
	})
}

func TestAnErrorCarriesTheLastThreeLinesOfStderr(t *testing.T) {
	t.Parallel()
	var last tail
	for _, line := range []string{"one", "two", "three", "four"} {
		last.add(line)
	}
	if got := last.text(); got != "two | three | four" {
		t.Errorf("lines %q", got)
	}
}

func TestScaleGroupsDoNotShareProcesses(t *testing.T) {
	t.Parallel()
	a := newApp(t, forwardHost, map[string]string{
		"RespondToAlert": queueFunction, "Health": httpFunction("health", ""), "Console": httpFunction("console", ""),
		"Follow": timerFunction("0 0 0 1 1 *", ""),
	})
	h := a.start(func(o *Options) { o.Instances = map[string]int{"RespondToAlert": 2} })
	pid := func() int {
		c := a.next()
		c.succeed()
		return c.PID
	}
	get := func(path string) int {
		done := make(chan struct{})
		go func() {
			defer close(done)
			if resp, err := http.Get("http://" + h.Addr() + path); err == nil {
				resp.Body.Close()
			}
		}()
		p := pid()
		<-done
		return p
	}
	invoke := func(name string) int {
		done := make(chan error, 1)
		go func() { done <- h.Invoke(t.Context(), name, "{}") }()
		p := pid()
		if err := <-done; err != nil {
			t.Error(err)
		}
		return p
	}
	health, console := get("/api/health"), get("/api/console")
	first, second, third := invoke("RespondToAlert"), invoke("RespondToAlert"), invoke("RespondToAlert")
	timer := invoke("Follow")
	if health != console {
		t.Error("HTTP functions have two processes")
	}
	if first == second || first != third {
		t.Errorf("RespondToAlert ran in %d, %d, %d; wanted two processes in turn", first, second, third)
	}
	if all := slices.Compact(slices.Sorted(slices.Values([]int{health, first, second, timer}))); len(all) != 4 {
		t.Errorf("processes %v, wanted 4", all)
	}
}

func TestLinesOfTheHandlerCarryTheirGroup(t *testing.T) {
	t.Parallel()
	a := responder(t)
	out, errs := make(chan Line, 10), make(chan Line, 10)
	a.start(func(o *Options) {
		o.Stdout = func(l Line) { out <- l }
		o.Stderr = func(l Line) { errs <- l }
	})
	a.broker.put("alerts", "m1")
	r := jsonReply("{}")
	r.Stdout, r.Stderr = "first\r\nsecond\n", "third\n"
	a.next().answer(r)
	for _, want := range []string{"first", "second"} {
		if got := receive(t, out, "line"); got != (Line{Group: "RespondToAlert", Text: want}) {
			t.Errorf("stdout %+v", got)
		}
	}
	if got := receive(t, errs, "line"); got != (Line{Group: "RespondToAlert", Text: "third"}) {
		t.Errorf("stderr %+v", got)
	}
}

func TestLongLinesArriveInPiecesAndTheLastOneWithoutItsEnd(t *testing.T) {
	t.Parallel()
	var got []int
	w := &lineWriter{emit: func(s string) { got = append(got, len(s)) }}
	_, _ = io.WriteString(w, strings.Repeat("x", maxLine+5)+"\nabc")
	w.flush()
	if d := cmp.Diff([]int{maxLine + 5, 3}, got); d != "" {
		t.Error(d)
	}
	got = nil
	for range 3 {
		_, _ = io.WriteString(w, strings.Repeat("x", maxLine/2))
	}
	w.flush()
	if d := cmp.Diff([]int{maxLine, maxLine / 2}, got); d != "" {
		t.Error(d)
	}
}

func TestAReservedPortIsForOneHandlerOnly(t *testing.T) {
	t.Parallel()
	port, release, err := reservePort()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for range 2 { // again after a restart
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatalf("the handler cannot listen: %v", err)
		}
		l.Close()
	}
	seen := map[int]bool{port: true}
	for range 100 {
		other, free, err := reservePort()
		if err != nil {
			t.Fatal(err)
		}
		defer free()
		if seen[other] {
			t.Fatalf("port %d was given out twice", other)
		}
		seen[other] = true
	}
}

func TestAnswerThatBrokeOffWaitsForTheEndOfItsProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &process{done: make(chan struct{})}
		begun := time.Now()
		time.AfterFunc(endNoticed/2, func() { close(p.done) })
		p.awaitEnd(t.Context())
		if took := time.Since(begun); took != endNoticed/2 || !p.ended() {
			t.Errorf("went on after %s, ended %v", took, p.ended())
		}
		living := &process{done: make(chan struct{})}
		begun = time.Now()
		living.awaitEnd(t.Context())
		if took := time.Since(begun); took != endNoticed {
			t.Errorf("a process that lives was waited for %s", took)
		}
	})
}
