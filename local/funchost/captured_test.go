package funchost

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sameAsCaptured compares a request for the handler with what a real host sent: its head, and its envelope but for ids.
func sameAsCaptured(t *testing.T, name string, fn *function, env envelope) {
	t.Helper()
	req, err := envelopeRequest(t.Context(), "http://127.0.0.1:9", fn, env, (&Host{}).stamp(newGUID()))
	if err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(capturedHead(t, name), head(wire.String())); d != "" {
		t.Errorf("the head (-captured +ours):\n%s", d)
	}
	sameEnvelope(t, golden(t, "captured/"+name), env)
}

func TestATimersRequestIsTheCapturedOne(t *testing.T) {
	t.Parallel()
	for name, pastDue := range map[string]bool{"timer": false, "timer-past-due": true, "timer-sub-minute": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sample := golden(t, "captured/"+name)
			text := func(of map[string]any, name string) string { return of[name].(string) }
			sys := at(sample, "Metadata", "sys")
			var status *timerStatus
			if s := at(sample, "Data", "timer", "ScheduleStatus"); s != nil {
				at := func(name string) time.Time { return when(t, text(s, name)) }
				status = &timerStatus{Last: at("Last"), Next: at("Next"), LastUpdated: at("LastUpdated")}
			}
			fn := &function{name: text(sys, "MethodName"), binding: "timer", timer: &timerTrigger{}}
			sameAsCaptured(t, name, fn, timerEnvelope(fn, status, pastDue, when(t, text(sys, "UtcNow"))))
		})
	}
}

func TestAMessagesRequestIsTheCapturedOne(t *testing.T) {
	t.Parallel()
	const name = "servicebus-binary"
	sample := golden(t, "captured/"+name)
	meta := at(sample, "Metadata")
	text := func(name string) string {
		t.Helper()
		inner, err := strconv.Unquote(meta[name].(string))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return inner
	}
	number := func(name string) int {
		t.Helper()
		n, err := strconv.Atoi(meta[name].(string))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	body, err := base64.StdEncoding.DecodeString(at(sample, "Data")["message"].(string))
	if err != nil {
		t.Fatal(err)
	}
	d := Delivery{
		Body: body, MessageID: text("MessageId"), ContentType: text("ContentType"), LockToken: text("LockToken"),
		DeliveryCount: number("DeliveryCount"), SequenceNumber: int64(number("SequenceNumber")),
		EnqueuedAt: when(t, meta["EnqueuedTime"].(string)), ExpiresAt: when(t, meta["ExpiresAt"].(string)),
	}
	client := at(sample, "Metadata", "Client")
	namespace := client["FullyQualifiedNamespace"].(string)
	id := strings.TrimPrefix(client["Identifier"].(string), namespace+"-")
	fn := &function{
		name:    "RespondToAlert",
		binding: "message",
		queue:   &queueTrigger{namespace: namespace, binary: true},
	}
	sameAsCaptured(t, name, fn, queueEnvelope(fn, d, id, when(t, at(sample, "Metadata", "sys")["UtcNow"].(string))))
}

func TestEnvelopesAreSentInPiecesOf1024Bytes(t *testing.T) {
	t.Parallel()
	fn := &function{name: "RespondToAlert", binding: "message", queue: &queueTrigger{binary: true}}
	env := queueEnvelope(fn, Delivery{Body: make([]byte, 2500)}, "", when(t, "2026-03-02T10:05:01Z"))
	req, err := envelopeRequest(t.Context(), "http://127.0.0.1:9", fn, env, stamp{})
	if err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(wire.String(), "\r\n\r\n")
	var sizes []int64
	for body != "0\r\n\r\n" {
		line, rest, _ := strings.Cut(body, "\r\n")
		n, err := strconv.ParseInt(line, 16, 64)
		if err != nil || n+2 > int64(len(rest)) {
			t.Fatalf("no piece: %.20q", body)
		}
		sizes, body = append(sizes, n), rest[n+2:]
	}
	if len(sizes) != 4 || sizes[0] != 1024 || sizes[1] != 1024 || sizes[2] != 1024 || sizes[3] >= 1024 {
		t.Errorf("pieces of %v bytes", sizes)
	}
}

func TestRequestsHaveATraceparentWithApplicationInsightsOnly(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		a := web(t, forwardHost)
		h := a.start(func(o *Options) { o.ApplicationInsights = on })
		a.broker.put("alerts", "m1")
		envelope := a.next()
		envelope.succeed()
		answer := send(h, "GET /api/health HTTP/1.1\n\n")
		forwarded := a.next()
		forwarded.answer(reply{Status: 200})
		a.got(answer)
		for _, c := range []*call{envelope, forwarded} {
			got := c.Header.Values("Traceparent")
			form := regexp.MustCompile("^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")
			if on && (len(got) != 1 || !form.MatchString(got[0])) || !on && got != nil {
				t.Errorf("%s with %t: %q", c.URI, on, got)
			}
		}
	}
}
