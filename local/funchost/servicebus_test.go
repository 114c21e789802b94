package funchost

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestASuccessfulMessageIsCompleted(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	e := header(c)
	want := map[string]string{
		"Method": "POST", "URI": "/RespondToAlert", "Content-Type": "application/json; charset=utf-8",
		"User-Agent": "Azure-Functions-Host/4.1037.0.0", "X-Azure-Functions-Hostversion": "4.1037.0.0",
	}
	if d := cmp.Diff(want, e); d != "" {
		t.Errorf("request (-want +got):\n%s", d)
	}
	if c.Length != -1 {
		t.Errorf("Content-Length is %d; Azure sends chunked", c.Length)
	}
	sent := parsed(t, []byte(c.Body))
	if got := at(sent, "Data")["message"]; got != "eyJhbGVydElkIjoibTEifQ==" {
		t.Errorf("Data.message is %v", got)
	}
	if got := at(sent, "Metadata")["MessageId"]; got != `"m1"` {
		t.Errorf("MessageId is %v", got)
	}
	c.answer(jsonReply(`{"logs":["one",2],"outputs":{},"unknown":1}`))
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" {
		t.Error(got)
	}
	event := a.event()
	if event.InvocationID == "" || event.InvocationID != c.Header.Get("X-Azure-Functions-InvocationId") {
		t.Errorf("invocation id %q", event.InvocationID)
	}
	if d := cmp.Diff(Event{
		Function:      "RespondToAlert",
		InvocationID:  event.InvocationID,
		Start:         a.clock.Now(),
		Status:        200,
		Logs:          []string{"one", "2"},
		DeliveryCount: 1,
		MessageID:     "m1",
	}, event); d != "" {
		t.Error(d)
	}
}

func header(c *call) map[string]string {
	out := map[string]string{"Method": c.Method, "URI": c.URI}
	for _, name := range []string{"Content-Type", "User-Agent", "X-Azure-Functions-Hostversion"} {
		out[name] = strings.Join(c.Header.Values(name), "|")
	}
	return out
}

func TestAnythingFailingAbandonsAtOnce(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.start()
	typed := func(contentType, body string) reply {
		return reply{Status: 200, Header: http.Header{"Content-Type": {contentType}}, Body: body}
	}
	for name, test := range map[string]struct {
		reply reply
		says  string
	}{
		"500": {
			reply{Status: 500, Header: jsonReply("").Header, Body: `{"Logs":["x"]}`}, "500 (Internal Server Error)",
		},
		"404":               {reply{Status: 404}, "404 (Not Found)"},
		"text":              {typed("text/plain", "{}"), "UnsupportedMediaType"},
		"no type":           {reply{Status: 200, Body: "{}"}, "UnsupportedMediaType"},
		"broken JSON":       {jsonReply(`{"Outputs":`), "not an invocation result"},
		"trailing text":     {jsonReply(`{} {}`), "not an invocation result"},
		"a list":            {jsonReply(`[]`), "not an invocation result"},
		"a string":          {jsonReply(`"done"`), "not an invocation result"},
		"logs of objects":   {jsonReply(`{"Logs":[{}]}`), "Logs must hold strings"},
		"outputs no object": {jsonReply(`{"Outputs":[]}`), "not an invocation result"},
	} {
		a.broker.put("alerts", name)
		a.next().answer(test.reply)
		if got := receive(t, a.broker.settled, "settlement"); got != "abandon "+name {
			t.Errorf("%s: %s", name, got)
		}
		if e := a.event(); e.Err == nil || !strings.Contains(e.Err.Error(), test.says) ||
			e.Status != test.reply.Status || e.Logs != nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestAnEmptyAnswerHangsUntilTheTimeoutKillsTheWholeProcess(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]reply{
		"204": {Status: 204}, "empty 200": jsonReply(""), "null": jsonReply(" null\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := responder(t)
			a.start()
			a.broker.put("alerts", "m1")
			first := a.next()
			first.answer(silent)
			eventually(t, "functionTimeout is running", func() bool { return a.clock.pending(5*time.Minute) == 1 })
			a.clock.advance(time.Minute)
			a.broker.put("alerts", "m2")
			a.next()
			a.clock.advance(4 * time.Minute)
			if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
				t.Error(got)
			}
			a.clock.advance(timeoutGrace - time.Millisecond)
			if !alive(first.PID) || len(a.broker.settled) != 0 {
				t.Error("the process was killed at once")
			}
			a.clock.advance(time.Millisecond)
			if got := receive(t, a.broker.settled, "settlement"); got != "abandon m2" {
				t.Error(got)
			}
			if alive(first.PID) {
				t.Error("the process was not killed")
			}
			a.broker.put("alerts", "m3")
			last := a.next()
			if last.PID == first.PID {
				t.Error("the process was not restarted")
			}
			last.succeed()
			if got := receive(t, a.broker.settled, "settlement"); got != "complete m3" {
				t.Error(got)
			}
			errs := map[string]string{}
			for range 3 {
				e := a.event()
				errs[e.MessageID] = errText(e.Err)
			}
			if !strings.Contains(errs["m1"], "functionTimeout of 5m0s") || errs["m2"] == "" ||
				strings.Contains(errs["m2"], "functionTimeout") || errs["m3"] != "" {
				t.Errorf("errors %v", errs)
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestTimeoutRestartsAreNotErrorEvents(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.start()
	for i := range 4 {
		a.broker.put("alerts", "m")
		a.next().answer(reply{Status: 204})
		a.clock.pass(t, 5*time.Minute)
		if got := receive(t, a.broker.settled, "settlement"); got != "abandon m" {
			t.Error(got)
		}
		a.clock.pass(t, timeoutGrace)
		eventually(t, "the handler is started again", func() bool {
			return strings.Count(a.logs.text(), "is started again") == i+1
		})
	}
}

func TestAMessageThatCannotBeReadFailsAtOnceAndTheHandlerIsNotAsked(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.starts = make(chan *call) // nor waited for
	a.start()
	for n := range 10 {
		a.broker.queue("alerts") <- Delivery{MessageID: "m", LockToken: "m", DeliveryCount: n + 1, Undecodable: true}
		if got := receive(t, a.broker.settled, "settlement"); got != "abandon m" {
			t.Error(got)
		}
		if e := a.event(); e.Err == nil || !strings.Contains(e.Err.Error(), "cannot be read") || e.Duration != 0 ||
			e.DeliveryCount != n+1 || e.InvocationID == "" {
			t.Errorf("event %+v", e)
		}
	}
	a.silent()
	start(a).answer(reply{})
}

func TestEachProcessGetsAtMostMaxConcurrentCalls(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.start(func(o *Options) { o.Instances = map[string]int{"RespondToAlert": 2} })
	a.broker.put("alerts", "m1", "m2", "m3", "m4", "m5")
	perPID := map[int]int{}
	calls := make([]*call, 4)
	for i := range calls {
		calls[i] = a.next()
		perPID[calls[i].PID]++
	}
	for pid, n := range perPID {
		if n != 2 || len(perPID) != 2 {
			t.Errorf("process %d has %d of %d messages", pid, n, len(calls))
		}
	}
	if n := len(a.broker.queue("alerts")); n != 1 {
		t.Errorf("%d messages are left in the queue, wanted 1", n)
	}
	calls[0].succeed()
	fifth := a.next()
	if fifth.PID != calls[0].PID {
		t.Error("the fifth message did not go to the process with a free slot")
	}
}

func TestALockIsRenewedUntilTheLimit(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	for range 2 {
		a.clock.pass(t, 50*time.Second) // ten seconds before the minute ends
		if got := receive(t, a.broker.renewed, "renewal"); got != "m1" {
			t.Error(got)
		}
	}
	eventually(t, "no renewal is planned past two minutes", func() bool { return a.clock.pending(50*time.Second) == 0 })
	a.clock.advance(time.Minute)
	c.succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" {
		t.Error(got)
	}
	if n := len(a.broker.renewed); n != 0 {
		t.Errorf("%d renewals more", n)
	}
}

func TestAFailedRenewalIsTriedAgainWhileTheLockLasts(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.broker.renewErr = errBroker
	a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	for _, wait := range []time.Duration{50 * time.Second, 5 * time.Second, 2500 * time.Millisecond} {
		a.clock.pass(t, wait)
		receive(t, a.broker.renewed, "renewal")
	}
	c.succeed()
	receive(t, a.broker.settled, "settlement")
	if !strings.Contains(a.logs.text(), "renew the lock: link detached") {
		t.Error(a.logs.text())
	}
}

func TestAFailedReceiveIsRepeatedAfterAPause(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.broker.recvErr = errBroker
	a.start()
	a.clock.pass(t, time.Second)
	a.broker.put("alerts", "m1")
	a.next().succeed()
	if !strings.Contains(a.logs.text(), "receive: link detached") {
		t.Error(a.logs.text())
	}
}

func TestMessagesOfAKilledProcessAreAbandonedAtOnce(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	if err := h.Kill("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
		t.Error(got)
	}
	a.broker.put("alerts", "m2")
	again := a.next()
	if again.PID == c.PID {
		t.Error("the process is the same")
	}
	again.succeed()
	if err := h.Kill("RespondToAlert", 1); err == nil {
		t.Error("killed an instance that does not exist")
	}
	if err := h.Kill("Nobody", 0); err == nil {
		t.Error("killed a function that does not exist")
	}
}

func TestAPowerCutLeavesLocksToLapse(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	var pid int
	for range 4 { // more often than error events would allow
		a.broker.put("alerts", "lost")
		c := a.next()
		if c.PID == pid {
			t.Error("the process is the same")
		}
		pid = c.PID
		h.KillAll()
		if e := a.event(); e.Err == nil {
			t.Error("the invocation succeeded")
		}
	}
	a.broker.put("alerts", "kept")
	a.next().succeed()
	if got := receive(t, a.broker.settled, "settlement"); got != "complete kept" {
		t.Errorf("settled %q", got)
	}
}

func TestTextMessagesAreReencodedAndPromoted(t *testing.T) {
	t.Parallel()
	a := newApp(t, plainHost,
		map[string]string{"RespondToAlert": strings.Replace(queueFunction, `"dataType":"binary"`, `"dataType":"string"`,
			1)})
	a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	c.succeed()
	sent := parsed(t, []byte(c.Body))
	if got := at(sent, "Data")["message"]; got != `"{\"alertId\":\"m1\"}"` {
		t.Errorf("Data.message is %v", got)
	}
	if got := at(sent, "Metadata")["alertId"]; got != `"m1"` {
		t.Errorf("Metadata.alertId is %v", got)
	}
}

func TestADisabledFunctionIsNotFed(t *testing.T) {
	t.Parallel()
	a := newApp(t, plainHost, map[string]string{
		"RespondToAlert": queueFunction, "SendNotice": strings.Replace(queueFunction, "alerts", "notices", 1),
	})
	a.settings["AzureWebJobs_RespondToAlert_Disabled"] = "true"
	a.start()
	a.broker.put("alerts", "m1")
	a.broker.put("notices", "m2")
	c := a.next()
	c.succeed()
	if c.URI != "/SendNotice" {
		t.Errorf("the handler got %s", c.URI)
	}
	if n := len(a.broker.queue("alerts")); n != 1 {
		t.Error("the disabled function took its message")
	}
}

func TestARunByHandTakesItsInputAsTheMessage(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	result := make(chan error, 1)
	go func() { result <- h.Invoke(t.Context(), "RespondToAlert", `{"alertId":"x"}`) }()
	c := a.next()
	sent := parsed(t, []byte(c.Body))
	if got := at(sent, "Data")["message"]; got != "eyJhbGVydElkIjoieCJ9" {
		t.Errorf("Data.message is %v", got)
	}
	if _, has := at(sent, "Metadata")["MessageId"]; has {
		t.Error("a message by hand has an id")
	}
	c.answer(reply{Status: 503})
	if err := receive(t, result, "result"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("Invoke: %v", err)
	}
	if len(a.broker.settled) != 0 {
		t.Error("something was settled")
	}
	if err := h.Invoke(t.Context(), "Nobody", ""); err == nil {
		t.Error("invoked a function that does not exist")
	}
}
