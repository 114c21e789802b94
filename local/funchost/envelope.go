package funchost

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// hostVersion is the runtime whose behaviour this package follows.
const hostVersion = "4.1037.0.0"

// envelope is the body of every request that is not forwarded.
type envelope struct {
	Data     map[string]any
	Metadata metadata
}

// encode writes the envelope as the host does: compact, and without escaping < > &.
func (e envelope) encode() ([]byte, error) { return marshal(e) }

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// quoted is how the host sends a string: as JSON text, which then is a string in the envelope.
func quoted(text string) string {
	b, err := marshal(text)
	if err != nil {
		return strconv.Quote(text) // a string always has a JSON form
	}
	return string(b)
}

// metadata is the envelope's Metadata. Its names are unique whatever their case, as in the host's dictionary.
type metadata map[string]any

// newMetadata holds sys, which every trigger sends.
func newMetadata(function string, now time.Time) metadata {
	return metadata{"sys": map[string]any{"MethodName": function, "UtcNow": fraction(now) + "Z", "RandGuid": newGUID()}}
}

// set stores a value; a name that differs from a known one only in case overwrites it and keeps the old spelling. Names
// that end in "trigger" are never sent.
func (m metadata) set(name string, value any) {
	if strings.HasSuffix(strings.ToLower(name), "trigger") {
		return
	}
	if _, known := m[name]; !known {
		for old := range m {
			if strings.EqualFold(old, name) {
				name = old
				break
			}
		}
	}
	m[name] = value
}

// setText stores a string; "" stands for null, which is not sent.
func (m metadata) setText(name, value string) {
	if value != "" {
		m.set(name, quoted(value))
	}
}

// promote adds the members of a trigger value that is a JSON object, over what is there: so a message body can forge
// metadata. Arrays and nulls are left out.
func (m metadata) promote(text string) {
	trimmed := strings.TrimSpace(text)
	if !strings.HasPrefix(trimmed, "{") || !json.Valid([]byte(trimmed)) {
		return
	}
	dec := json.NewDecoder(strings.NewReader(trimmed))
	if _, err := dec.Token(); err != nil {
		return
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return
		}
		if value, ok := promoted(raw); ok {
			m.set(fmt.Sprint(name), value)
		}
	}
}

// promoted is one member's form in Metadata, false for those that are not sent.
func promoted(raw json.RawMessage) (any, bool) {
	switch raw[0] {
	case '[', 'n':
		return nil, false
	case 't':
		return quoted("True"), true
	case 'f':
		return quoted("False"), true
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, false
		}
		return quoted(dateText(text)), true
	case '{':
		return raw, true
	}
	return quoted(numberText(string(raw))), true
}

// dateText rewrites an ISO date and time as .NET's invariant culture writes it on a UTC host; other text stays.
func dateText(text string) string {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC().Format("01/02/2006 15:04:05")
		}
	}
	return text
}

// numberText rewrites a JSON number as .NET prints it: integers as they are, others in their shortest form.
func numberText(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		return text
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	if abs := max(v, -v); abs != 0 && (abs >= 1e15 || abs < 1e-5) {
		return strconv.FormatFloat(v, 'E', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// fraction is a UTC time as .NET serializes it, with up to seven digits and no zone.
func fraction(t time.Time) string {
	return t.UTC().Truncate(100 * time.Nanosecond).Format("2006-01-02T15:04:05.9999999")
}

// second is a UTC time as the host sends trigger metadata: the fraction is lost.
func second(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// newGUID is a random version 4 GUID.
func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// newTraceparent is a trace that is not sampled (W3C Trace Context).
func newTraceparent() string {
	var b [24]byte
	rand.Read(b[:])
	return fmt.Sprintf("00-%x-%x-00", b[:16], b[16:])
}

// queueEnvelope is a queue message for the handler ("Azure Service Bus trigger", message metadata).
func queueEnvelope(fn *function, d Delivery, clientID string, now time.Time) envelope {
	m := newMetadata(fn.name, now)
	m["Client"] = map[string]any{
		"FullyQualifiedNamespace": fn.queue.namespace, "IsClosed": false, "TransportType": 0,
		"Identifier": fn.queue.namespace + "-" + clientID,
	}
	m["DeliveryCount"] = strconv.Itoa(d.DeliveryCount)
	m["SequenceNumber"] = strconv.FormatInt(d.SequenceNumber, 10)
	m["ExpiresAtUtc"], m["ExpiresAt"] = second(d.ExpiresAt), second(d.ExpiresAt)+"+00:00"
	m["EnqueuedTimeUtc"], m["EnqueuedTime"] = second(d.EnqueuedAt), second(d.EnqueuedAt)+"+00:00"
	for name, value := range map[string]string{
		"MessageId":     d.MessageID,
		"LockToken":     d.LockToken,
		"ContentType":   d.ContentType,
		"Subject":       d.Subject,
		"Label":         d.Subject,
		"CorrelationId": d.CorrelationID,
		"ReplyTo":       d.ReplyTo,
		"SessionId":     d.SessionID,
		"PartitionKey":  d.SessionID,
	} {
		m.setText(name, value)
	}
	properties := d.ApplicationProperties
	if properties == nil {
		properties = map[string]any{}
	}
	m["ApplicationProperties"], m["UserProperties"] = properties, properties
	if fn.queue.binary {
		return envelope{Data: map[string]any{fn.binding: base64.StdEncoding.EncodeToString(d.Body)}, Metadata: m}
	}
	text := strings.ToValidUTF8(string(d.Body), "\uFFFD")
	m.promote(text)
	return envelope{Data: map[string]any{fn.binding: quoted(text)}, Metadata: m}
}

// timerStatus is a timer's schedule as the host keeps it. Last is zero before the first run. While a run is under way
// Next is the occurrence being run.
type timerStatus struct {
	Last, Next, LastUpdated time.Time
}

// timerEnvelope is a timer run for the handler; without status ScheduleStatus is null.
func timerEnvelope(fn *function, status *timerStatus, pastDue bool, now time.Time) envelope {
	info := map[string]any{
		"Schedule":       map[string]any{"AdjustForDST": true},
		"ScheduleStatus": nil,
		"IsPastDue":      pastDue,
	}
	if status != nil {
		info["ScheduleStatus"] = map[string]any{
			"Last":        fraction(status.Last) + "+00:00",
			"Next":        fraction(status.Next) + "+00:00",
			"LastUpdated": fraction(status.LastUpdated) + "+00:00",
		}
	}
	return envelope{Data: map[string]any{fn.binding: info}, Metadata: newMetadata(fn.name, now)}
}
