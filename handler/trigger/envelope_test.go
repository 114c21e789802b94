package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// decodeText decodes an envelope and keeps the trigger's value, nil if there is none.
func decodeText(text []byte, binding string) (metadata, jsontext.Value, error) {
	var value jsontext.Value
	m, err := decode(jsontext.NewDecoder(bytes.NewReader(text), tolerant()),
		taker{binding, func(v jsontext.Value) { value = bytes.Clone(v) }})
	return m, value, err
}

const alertBody = `{"alertId":"da638400000000000001_1200000001","severity":"High",` +
	`"machineId":"1e5bc9d7e413ddd7902c2932e418702b84d0cc07","riskScore":87,"isolate":true,` +
	`"alertCreationTime":"2026-03-02T09:58:12.4456700Z","assignedTo":null,"tags":["ransomware","edr"],` +
	`"evidence":{"fileName":"payload.exe","sha1":"3395856ce81f2b7382dee72602f798b642f14140"}}`

func TestEveryRequestOfTheHostDecodes(t *testing.T) {
	t.Parallel()
	enqueued := time.Date(2026, 3, 2, 10, 5, 1, 0, time.UTC)
	due := time.Date(2026, 3, 2, 10, 5, 0, 0, time.UTC)
	want := map[string]struct {
		binding string
		tick    *Tick
		body    string
		bad     error
		meta    metadata
	}{
		"timer":            {binding: "pollTimer", tick: &Tick{Due: due}},
		"timer-past-due":   {binding: "pollTimer", tick: &Tick{Due: due, PastDue: true}},
		"timer-first-run":  {binding: "pollTimer", tick: &Tick{Due: due}},
		"timer-no-monitor": {binding: "pollTimer", tick: &Tick{}},
		"servicebus-json": {
			binding: "alert",
			body:    alertBody,
			meta:    metadata{"da638400000000000001_1200000001", 1, enqueued},
		},
		"servicebus-json-datatype-binary": {
			binding: "alert",
			body:    alertBody,
			meta:    metadata{"da638400000000000001_1200000001", 1, enqueued},
		},
		"servicebus-text": {
			binding: "alert",
			body:    "isolate host WS-0042 \"now\" – line 1\nline 2",
			meta:    metadata{"f3f0c1b2a4d54e6f8a9b0c1d2e3f4a5b", 3, enqueued},
		},
		"servicebus-session": {
			binding: "alert",
			body:    `{"alertId":"da638400000000000002_1200000002"}`,
			meta:    metadata{"da638400000000000002_1200000002", 1, enqueued},
		},
		"servicebus-batch": {
			binding: "alerts",
			body:    `["{\"alertId\":\"da1\",\"severity\":\"High\"}","{\"alertId\":\"da2\",\"severity\":\"Low\"}"]`,
		},
		"storage-queue":                {binding: "item", body: "isolate WS-0042"},
		"storage-queue-json-collision": {binding: "item", body: `{"id":"alert-1","severity":"High"}`},
		"http-post":                    {binding: "absent", bad: errNoMessage},
		"http-get":                     {binding: "absent", bad: errNoMessage},
	}
	seen := 0
	for _, f := range fixtures(t) {
		if f.body == nil {
			continue
		}
		seen++
		w, known := want[f.name]
		if !known {
			t.Errorf("%s has no expectation", f.name)
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, f.body); err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{f.body, compact.Bytes()} {
			m, value, err := decodeText(text, w.binding)
			if err != nil {
				t.Errorf("%s: %v", f.name, err)
				continue
			}
			if diff := cmp.Diff(w.meta, m, cmp.AllowUnexported(metadata{})); diff != "" {
				t.Errorf("%s: metadata (-want +got):\n%s", f.name, diff)
			}
			if w.tick != nil {
				if got := tick(value); got != *w.tick {
					t.Errorf("%s: tick is %+v, want %+v", f.name, got, *w.tick)
				}
				continue
			}
			if value == nil {
				value = jsontext.Value("null")
			}
			if body, err := payload(value); string(body) != w.body || !errors.Is(err, w.bad) {
				t.Errorf("%s: body is %q (%v), want %q (%v)", f.name, body, err, w.body, w.bad)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d fixtures with a body, want %d", seen, len(want))
	}
}

func TestScalarsAreReadInEveryFormThatAHostHasWritten(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"\"abc\""`:            "abc",
		`"abc"`:                "abc",
		`"4"`:                  "4",
		`4`:                    "4",
		`"\"4\""`:              "4",
		`"true"`:               "true",
		`"\"True\""`:           "True",
		`null`:                 "",
		`"null"`:               "",
		`""`:                   "",
		`"\"\""`:               "",
		`"\"unfinished"`:       `"unfinished`,
		`"\"a\" and \"b\""`:    `"a" and "b"`,
		`" \"a\""`:             ` "a"`,
		`"\"\\\"quoted\\\"\""`: `"quoted"`,
		`"\ud800"`:             "\ufffd",
		`"\"\\ud800\""`:        "\ufffd",
		`"ä"`:                  "ä",
	} {
		if got := scalar(jsontext.Value(raw)); got != want {
			t.Errorf("scalar(%s) = %q, want %q", raw, got, want)
		}
	}
}

func TestPayloadsAreReadInEveryFormThatAHostHasWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, raw, want string
		bad             error
	}{
		{"base64", `"eyJhIjoxfQ=="`, `{"a":1}`, nil},
		{"base64 of nothing", `""`, "", nil},
		{"base64 of NUL bytes", `"AAAA"`, "\x00\x00\x00", nil},
		{"base64 with an escaped slash", `"Pz8\/"`, "???", nil},
		{"text encoded twice", `"\"{\\\"a\\\":1}\""`, `{"a":1}`, nil},
		{"text encoded once", `"{\"a\":1}"`, `{"a":1}`, nil},
		{"text with space around", `" {\"a\":1}\n"`, `{"a":1}`, nil},
		{"object", `{"a":1}`, `{"a":1}`, nil},
		{"array", `[1]`, `[1]`, nil},
		{"base64 that is cut", `"eyJhIjoxfQ="`, "", errNoBody},
		{"base64 for URLs", `"_-_-"`, "", errNoBody},
		{"plain text", `"isolate this"`, "", errNoBody},
		{"text of a number", `"12345"`, "", errNoBody},
		{"number", `4`, "", errNoBody},
		{"bool", `true`, "", errNoBody},
		{"null", `null`, "", errNoMessage},
		{"null in a string", `"null"`, "", errNoMessage},
	} {
		if got, err := payload(jsontext.Value(c.raw)); string(got) != c.want || !errors.Is(err, c.bad) {
			t.Errorf("%s: payload(%s) = %q, %v, want %q, %v", c.name, c.raw, got, err, c.want, c.bad)
		}
	}
}

func TestAnEnvelopeIsReadTolerantlyWhereThatIsSafe(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 5, 1, 0, time.UTC)
	for _, c := range []struct {
		name, text string
		value      string
		meta       metadata
	}{
		{
			"unknown members", `{"More":[{}],"Data":{"other":{"a":[1]},"message":"x"},"Metadata":{"Client":{"a":{}},` +
				`"DeliveryCount":"2"}}`, `"x"`, metadata{deliveryCount: 2},
		},
		{
			"names that come twice", `{"Data":{"message":"x","message":"y"},"Metadata":{"DeliveryCount":"2",` +
				`"DeliveryCount":"3"}}`, `"y"`, metadata{deliveryCount: 3},
		},
		{
			"metadata first", `{"Metadata":{"DeliveryCount":"2"},"Data":{"message":"x"}}`,
			`"x"`, metadata{deliveryCount: 2},
		},
		{
			"scalars as documented", `{"Data":{"message":"x"},"Metadata":{"DeliveryCount":2,"MessageId":"m"}}`,
			`"x"`, metadata{"m", 2, time.Time{}},
		},
		{"no metadata", `{"Data":{"message":"x"}}`, `"x"`, metadata{}},
		{
			"metadata of other kinds", `{"Data":{"message":"x"},"Metadata":{"DeliveryCount":{"a":1},"MessageId":[1],` +
				`"EnqueuedTime":true}}`, `"x"`, metadata{},
		},
		{"metadata that is no object", `{"Data":{"message":"x"},"Metadata":[1]}`, `"x"`, metadata{}},
		{"counts that cannot be", `{"Data":{"message":"x"},"Metadata":{"DeliveryCount":"-1"}}`, `"x"`, metadata{}},
		{
			"count beyond any number", `{"Data":{"message":"x"},"Metadata":{"DeliveryCount":"99999999999999999999"}}`,
			`"x"`, metadata{},
		},
		{
			"time without zone only", `{"Data":{"message":"x"},"Metadata":{"EnqueuedTimeUtc":"2026-03-02T10:05:01"}}`,
			`"x"`, metadata{enqueuedAt: at},
		},
		{
			"both times", `{"Data":{"message":"x"},"Metadata":{"EnqueuedTimeUtc":"2026-03-02T09:00:00",` +
				`"EnqueuedTime":"2026-03-02T12:05:01+02:00"}}`, `"x"`, metadata{enqueuedAt: at},
		},
		{
			"both times the other way", `{"Data":{"message":"x"},` +
				`"Metadata":{"EnqueuedTime":"2026-03-02T12:05:01+02:00","EnqueuedTimeUtc":"2026-03-02T09:00:00"}}`,
			`"x"`, metadata{enqueuedAt: at},
		},
		{"escaped names", `{"\u0044ata":{"m\u0065ssage":"x"}}`, `"x"`, metadata{}},
		{
			"half of a surrogate pair", `{"Data":{"message":"x"},"Metadata":{"Subject":"\ud800","MessageId":"\udfff"}}`,
			`"x"`, metadata{messageID: "\ufffd"},
		},
		{"no data", `{}`, "", metadata{}},
		{"data that is no object", `{"Data":null}`, "", metadata{}},
	} {
		m, value, err := decodeText([]byte(c.text), "message")
		if err != nil || string(value) != c.value {
			t.Errorf("%s: value %s, %v", c.name, value, err)
		}
		if diff := cmp.Diff(c.meta, m, cmp.AllowUnexported(metadata{})); diff != "" {
			t.Errorf("%s: metadata (-want +got):\n%s", c.name, diff)
		}
	}
}

// badEnvelopes are bodies that no function answers with success.
func badEnvelopes() map[string]string {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	return map[string]string{
		"nothing":             "",
		"null":                "null",
		"array":               "[]",
		"string":              `"x"`,
		"text":                "hello",
		"cut":                 `{"Data":{"message":"e`,
		"two":                 `{"Data":{}}{"Data":{}}`,
		"trailing text":       `{"Data":{}} x`,
		"NUL":                 "{\"Data\":\x00{}}",
		"NUL in a string":     "{\"Data\":{\"message\":\"\x00\"}}",
		"single quotes":       `{'Data':{}}`,
		"deep data":           `{"Data":{"message":` + deep + `,"timer":` + deep + `}}`,
		"deep metadata":       `{"Data":{"message":"e30="},"Metadata":{"x":` + deep + `}}`,
		"deep unknown member": `{"x":` + deep + `}`,
		"too deep by one":     `{"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`,
		"data deep by one": `{"Data":{"message":` + strings.Repeat("[", maxDepth-1) +
			strings.Repeat("]", maxDepth-1) + `,"timer":` + strings.Repeat("[", maxDepth-1) +
			strings.Repeat("]", maxDepth-1) + `}}`,
		"byte order mark":      "\ufeff{\"Data\":{}}",
		"huge":                 `{"Data":{"message":"` + strings.Repeat("e", defaultMaxBody) + `"}}`,
		"huge after the value": `{"Data":{}}` + strings.Repeat(" ", defaultMaxBody),
	}
}

func TestNestingUpToTheLimitIsRead(t *testing.T) {
	t.Parallel()
	deepest := strings.Repeat("[", maxDepth-2) + strings.Repeat("]", maxDepth-2)
	text := `{"Data":{"other":` + deepest + `,"message":` + deepest + `}}`
	if _, value, err := decodeText([]byte(text), "message"); err != nil || string(value) != deepest {
		t.Errorf("%d bytes, %v", len(value), err)
	}
	if err := checkDepth(jsontext.Value("[" + deepest + "]")); err == nil {
		t.Error("a value that is one level too deep is taken")
	}
	braces := `["` + strings.Repeat(`{[\"`, 200) + `"]`
	if err := checkDepth(jsontext.Value(braces)); err != nil {
		t.Errorf("braces in a text count: %v", err)
	}
}

// FuzzDecode: no envelope makes the decoder panic; what it accepts is JSON, and it agrees with the standard decoder
// about the trigger's value.
func FuzzDecode(f *testing.F) {
	for _, x := range fixtures(f) {
		f.Add(bytes.Replace(x.body, []byte(`"alert":`), []byte(`"message":`), 1))
	}
	f.Add([]byte(`{"Data":{"message":"x","message":{"a":[]}},"Metadata":{"DeliveryCount":4,"MessageId":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, value, err := decodeText(text, "message")
		if err != nil {
			return
		}
		if m.deliveryCount < 0 {
			t.Errorf("delivery count %d", m.deliveryCount)
		}
		if !jsontext.Value(text).IsValid(tolerant()) {
			t.Fatalf("accepted what is not JSON: %q", text)
		}
		if value == nil {
			return
		}
		var body []byte
		if body, err = payload(value); err == nil && len(body) > len(value)*3 {
			t.Errorf("%d bytes of value became %d of body", len(value), len(body))
		}
		tick(value)
		if !json.Valid(value) {
			t.Errorf("value is not JSON: %q", value)
		}
	})
}

// FuzzScalar: whatever the host writes, reading it gives a text, and a text that is encoded as the host does comes
// back.
func FuzzScalar(f *testing.F) {
	f.Add("abc")
	f.Add(`"quoted"`)
	f.Add("\x00\xff\u2028")
	f.Fuzz(func(t *testing.T, said string) {
		scalar(jsontext.Value(said)) // must not panic
		if !utf8.ValidString(said) {
			return
		}
		once, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := json.Marshal(string(once))
		if err != nil {
			t.Fatal(err)
		}
		want := said
		if said == "null" {
			want = ""
		}
		if got := scalar(twice); got != want {
			t.Errorf("%q came back as %q", said, got)
		}
	})
}
