package funchost

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func golden(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, text)
}

func parsed(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // 1 and 1.0 are not the same on the wire
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// sameEnvelope compares with the sample as parsed JSON; the random GUIDs only have to be there.
func sameEnvelope(t *testing.T, want map[string]any, env envelope) {
	t.Helper()
	body, err := env.encode()
	if err != nil {
		t.Fatal(err)
	}
	got := parsed(t, body)
	for _, v := range []map[string]any{want, got} {
		sys := at(v, "Metadata", "sys")
		if id, ok := sys["RandGuid"].(string); !ok || len(id) != 36 {
			t.Errorf("sys.RandGuid is %v", sys["RandGuid"])
		}
		delete(sys, "RandGuid")
		if client := at(v, "Metadata", "Client"); client != nil {
			client["Identifier"], _, _ = strings.Cut(client["Identifier"].(string), "-2c1de6bb")
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("envelope differs from the sample (-want +got):\n%s", d)
	}
}

func at(v map[string]any, path ...string) map[string]any {
	for _, name := range path {
		v, _ = v[name].(map[string]any)
	}
	return v
}

func when(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestServiceBusEnvelopesMatchTheSamples(t *testing.T) {
	t.Parallel()
	const clientID = "2c1de6bb-2f0d-4e1c-8f0f-7a0f3e9c1b55"
	base := Delivery{
		ContentType: "application/json", DeliveryCount: 1,
		EnqueuedAt: when(t, "2026-03-02T10:05:01.204Z"), ExpiresAt: when(t, "2026-03-16T10:05:01.204Z"),
	}
	alert := base
	alert.LockToken, alert.MessageID, alert.SequenceNumber = "0b5a0f0d-4b2f-4c55-9f0d-3e2c9d1a7f10", "da638400000000000001_1200000001", 41
	alert.Subject, alert.CorrelationID = "mde-alert", "6f1d8f2e-0a41-4f0e-9d0b-0d6f0a3f5a10"
	alert.ApplicationProperties = map[string]any{
		"source":        "poller",
		"attempt":       int64(1),
		"Diagnostic-Id": "00-4bf92f3577b34da6a3ce929d0e0e4736-b9c7c989f97918e1-01",
	}
	exact := alert
	exact.CorrelationID, exact.ApplicationProperties = "", map[string]any{"source": "poller", "attempt": 1}
	text := base
	text.LockToken, text.MessageID, text.SequenceNumber = "5f2c7b61-9f4e-4b8a-8b1d-1a2b3c4d5e6f", "f3f0c1b2a4d54e6f8a9b0c1d2e3f4a5b", 42
	text.ContentType, text.DeliveryCount = "text/plain", 3
	session := base
	session.LockToken, session.MessageID = "7d1f5a32-6a5b-4a7c-9e2d-0f1a2b3c4d5e", "da638400000000000002_1200000002"
	session.SequenceNumber = 7
	session.SessionID, session.ApplicationProperties = "machine-1e5bc9d7", map[string]any{"source": "webhook"}
	for name, d := range map[string]Delivery{
		"servicebus-json":                 alert,
		"servicebus-json-datatype-binary": exact,
		"servicebus-text":                 text,
		"servicebus-session":              session,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := golden(t, name)
			fn := &function{name: "ProcessAlert", binding: "alert", queue: &queueTrigger{
				namespace: "example-ns.servicebus.windows.net", binary: strings.HasSuffix(name, "binary"),
			}}
			d.Body = body(t, name, want)
			sameEnvelope(t, want,
				queueEnvelope(fn, d, clientID, when(t, at(want, "Metadata", "sys")["UtcNow"].(string))))
		})
	}
}

// body recovers the message from the sample's Data, by the consumer's rules.
func body(t *testing.T, name string, want map[string]any) []byte {
	t.Helper()
	data, ok := at(want, "Data")["alert"].(string)
	if !ok {
		t.Fatal("the sample has no Data.alert")
	}
	var out []byte
	if strings.HasSuffix(name, "binary") {
		if err := json.Unmarshal([]byte(`"`+data+`"`), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	var text string
	if err := json.Unmarshal([]byte(data), &text); err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

func TestTimerEnvelopesMatchTheSamples(t *testing.T) {
	t.Parallel()
	last := when(t, "2026-03-02T10:00:00.0031287Z")
	next := when(t, "2026-03-02T10:05:00Z")
	for name, test := range map[string]struct {
		status  *timerStatus
		pastDue bool
	}{
		"timer":            {&timerStatus{Last: last, Next: next, LastUpdated: last}, false},
		"timer-past-due":   {&timerStatus{Last: last, Next: next, LastUpdated: last}, true},
		"timer-first-run":  {&timerStatus{Next: next}, false},
		"timer-no-monitor": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := golden(t, name)
			fn := &function{name: "PollAlerts", binding: "pollTimer", timer: &timerTrigger{}}
			sameEnvelope(t, want,
				timerEnvelope(fn, test.status, test.pastDue, when(t, at(want, "Metadata", "sys")["UtcNow"].(string))))
		})
	}
}

func TestHTTPEnvelopesMatchTheSamples(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw  string
		tls  bool
		call httpCall
		fn   string
	}{
		"http-get": {
			raw: "GET /api/approvals/42?view=full&tag=a&tag=b HTTP/1.1\r\nHost: " +
				"example-app.azurewebsites.net\r\nAccept: text/html\r\n" +
				"User-Agent: Mozilla/5.0\r\nx-functions-key: <function-key>\r\n\r\n",
			tls: true,
			fn:  "ApprovalPage",
			call: httpCall{
				params: map[string]string{"id": "42"},
				grant:  grant{valid: true, level: levelFunction, keyID: "default"},
			},
		},
		"http-post": {
			raw: "POST /api/webhook HTTP/1.1\r\nHost: localhost:7071\r\nAccept: */*\r\nContent-Type: " +
				"application/json\r\n" +
				"User-Agent: curl/8.5.0\r\nContent-Length: 37\r\n\r\n",
			fn:   "AlertWebhook",
			call: httpCall{params: map[string]string{}, body: []byte(`{"alertId":"da3","severity":"Medium"}`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(test.raw)))
			if err != nil {
				t.Fatal(err)
			}
			if test.tls {
				r.TLS = &tls.ConnectionState{}
			}
			want := golden(t, name)
			canonical(at(want, "Data", "req", "Headers"))
			canonical(at(want, "Metadata", "Headers"))
			fn := &function{name: test.fn, binding: "req"}
			sameEnvelope(t, want,
				httpEnvelope(fn, r, test.call, when(t, at(want, "Metadata", "sys")["UtcNow"].(string))))
		})
	}
}

// canonical rewrites header names in Go's spelling.
func canonical(headers map[string]any) {
	for name, v := range headers {
		delete(headers, name)
		headers[http.CanonicalHeaderKey(name)] = v
	}
}

func TestABodyPromotesItsMembersOverMetadata(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want metadata
	}{
		"overwrites in any case, keeps the spelling": {`{"messageId":"forged"}`, metadata{"MessageId": `"forged"`}},
		"the later of two spellings wins":            {`{"X":"1","x":"2"}`, metadata{"MessageId": `"m"`, "X": `"2"`}},
		"numbers and booleans become text": {
			`{"i":7,"f":1.50,"big":1e21,"small":0.000001,"t":true,"n":false}`, metadata{
				"MessageId": `"m"`,
				"i":         `"7"`,
				"f":         `"1.5"`,
				"big":       `"1E+21"`,
				"small":     `"1E-06"`,
				"t":         `"True"`,
				"n":         `"False"`,
			},
		},
		"dates are rewritten in UTC": {
			`{"a":"2026-03-02T09:58:12+02:00","b":"2026-03-02T09:58:12.5","c":"2026-03-02"}`, metadata{
				"MessageId": `"m"`, "a": `"03/02/2026 07:58:12"`, "b": `"03/02/2026 09:58:12"`, "c": `"2026-03-02"`},
		},
		"arrays, nulls and trigger names are dropped": {
			`{"a":[1],"b":null,"myTrigger":"x"}`, metadata{"MessageId": `"m"`},
		},
		"an array promotes nothing": {`[{"messageId":"forged"}]`, metadata{"MessageId": `"m"`}},
		"text promotes nothing":     {`{"messageId":"forged"} and more`, metadata{"MessageId": `"m"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := metadata{"MessageId": `"m"`}
			m.promote(test.body)
			if d := cmp.Diff(test.want, m); d != "" {
				t.Error(d)
			}
		})
	}
}

func FuzzAnyQueueBodyBecomesAnEnvelope(f *testing.F) {
	f.Add([]byte(`{"id":"x","sys":{"a":1},"t":"2026-03-02T09:58:12Z"}`), false)
	f.Add([]byte("\xff\x00"), true)
	f.Fuzz(func(t *testing.T, body []byte, binary bool) {
		fn := &function{name: "F", binding: "m", queue: &queueTrigger{namespace: "ns", binary: binary}}
		text, err := queueEnvelope(fn, Delivery{Body: body}, "id", time.Unix(0, 0)).encode()
		if err != nil {
			t.Fatal(err)
		}
		data := at(parsed(t, text), "Data")["m"].(string)
		if binary {
			data = `"` + data + `"`
			var got []byte
			if err := json.Unmarshal([]byte(data), &got); err != nil || string(got) != string(body) {
				t.Errorf("Data is %s: %v", data, err)
			}
			return
		}
		var got string
		if err := json.Unmarshal([]byte(data), &got); err != nil || got != strings.ToValidUTF8(string(body), "\uFFFD") {
			t.Errorf("Data is %q: %v", data, err)
		}
	})
}
