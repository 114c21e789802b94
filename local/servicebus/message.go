package servicebus

import (
	"errors"
	"fmt"
	"time"

	"cordon/local/internal/wire"
)

// Annotations that the service adds, "AMQP 1.0 in Azure Service Bus protocol guide" on learn.microsoft.com.
const (
	scheduledAnnotation   wire.Symbol = "x-opt-scheduled-enqueue-time"
	enqueuedAnnotation    wire.Symbol = "x-opt-enqueued-time"
	lockedUntilAnnotation wire.Symbol = "x-opt-locked-until"
	sequenceAnnotation    wire.Symbol = "x-opt-sequence-number"
	stateAnnotation       wire.Symbol = "x-opt-message-state"
	lockTokenAnnotation   wire.Symbol = "x-opt-lock-token"
)

// Properties that the service adds, and its message format for batches, from the same page.
const (
	reasonProperty      = "DeadLetterReason"
	descriptionProperty = "DeadLetterErrorDescription"
	batchFormat         = 0x80013700 // every data section of the message is an encoded message
)

type state int

const (
	active state = iota
	deferred
	scheduled
)

// message is one message that the broker holds. The broker's lock guards it.
type message struct {
	queue    *queue
	sent     *wire.Message // as it was sent; it is never written to
	extra    wire.Map      // application properties that were set at settlement
	id       string
	seq      int64
	state    state
	dead     bool // in the dead-letter sub-queue
	gone     bool // completed, cancelled or expired: events that still name it mean nothing
	failures uint32
	ttl      time.Duration // 0: never expires

	enqueuedAt time.Time
	visibleAt  time.Time // of a scheduled message
	token      wire.UUID // of the lock, zero when there is none
	until      time.Time
	record     *Record
}

func (m *message) locked() bool { return m.token != wire.UUID{} }

// expiresAt is when the message becomes a dead letter by itself; zero if it never does. Time in the dead-letter
// sub-queue is not limited, and a deferred message stays until it is asked for.
func (m *message) expiresAt() time.Time {
	if m.ttl == 0 || m.dead || m.state != active {
		return time.Time{}
	}
	return m.enqueuedAt.Add(m.ttl)
}

// outlived says whether a deferred message has expired.
func (m *message) outlived(now time.Time) bool {
	return m.ttl > 0 && !m.dead && !m.enqueuedAt.Add(m.ttl).After(now)
}

// count counts a delivery without success. Azure was seen not to in the dead letters (azure-sdk-for-net issue 53437, of
// a lock that ran out; that an abandon is the same is assumed).
func (m *message) count() {
	if !m.dead {
		m.failures++
	}
}

// encode is the message as it goes over the wire. Only who holds the lock is shown it.
func (m *message) encode(holder bool) []byte {
	out := *m.sent
	header := wire.Header{Priority: 4}
	if m.sent.Header != nil {
		header = *m.sent.Header
	}
	header.TTL, header.DeliveryCount = m.ttl, m.failures
	out.Header = &header
	out.Annotations = out.Annotations.With(wire.Map{{Key: sequenceAnnotation, Value: m.seq},
		{Key: enqueuedAnnotation, Value: m.enqueuedAt}, {Key: stateAnnotation, Value: int32(m.state)}}...)
	out.DeliveryAnnotations = nil
	if holder && m.locked() {
		out.Annotations = out.Annotations.With(wire.Pair{Key: lockedUntilAnnotation, Value: m.until})
		out.DeliveryAnnotations = wire.Map{{Key: lockTokenAnnotation, Value: m.token}}
	}
	if out.Properties == nil { // clients show the delivery count only with them
		out.Properties = &wire.Properties{}
	}
	out.ApplicationProperties = m.properties()
	return out.Append(nil)
}

// properties are the application properties, with what was set at settlement.
func (m *message) properties() wire.Map { return m.sent.ApplicationProperties.With(m.extra...) }

// set changes application properties, for the next receiver to see.
func (m *message) set(properties wire.Map) { m.extra = m.extra.With(properties...) }

// body is what a client shows as the body: the data sections, or a value of bytes or text.
func body(m *wire.Message) []byte {
	var out []byte
	for _, data := range m.Data() {
		out = append(out, data...)
	}
	switch v := m.Value().(type) {
	case []byte:
		out = v
	case string:
		out = []byte(v)
	}
	return out
}

// decodable says whether body shows all of it. The vendor's clients give up at a sequence, or at a value of another
// kind.
func decodable(m *wire.Message) bool {
	switch m.Value().(type) {
	case []byte, string:
		return true
	}
	return len(m.Data()) == len(m.Body)
}

func messageID(m *wire.Message) string { return idText(m.Properties.At(wire.PropertyMessageID)) }

// idText is a message id, of whatever type, as text.
func idText(id any) string {
	if id == nil {
		return ""
	}
	return fmt.Sprint(id)
}

func scheduledFor(m *wire.Message) time.Time {
	at, _ := m.Annotations.Text()[string(scheduledAnnotation)].(time.Time)
	return at
}

// decodeMessage reads foreign bytes.
func decodeMessage(data []byte) (*wire.Message, error) {
	m, err := wire.DecodeMessage(data)
	if err != nil {
		return nil, fmt.Errorf("the message cannot be read: %w", err)
	}
	return m, nil
}

// decodeTransfer reads what one delivery carries: a message, or the messages of a batch.
func decodeTransfer(format uint32, data []byte) ([]*wire.Message, error) {
	outer, err := decodeMessage(data)
	if err != nil {
		return nil, err
	}
	if format != batchFormat {
		return []*wire.Message{outer}, nil
	}
	parts := outer.Data()
	if len(parts) == 0 {
		return nil, errors.New("the batch is empty")
	}
	var out []*wire.Message
	for _, data := range parts {
		m, err := decodeMessage(data)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// settable are the entries of a map of the wire that can be application properties: those whose keys are text.
func settable(m wire.Map) wire.Map {
	var out wire.Map
	for _, p := range m {
		switch key := p.Key.(type) {
		case string:
			out = append(out, p)
		case wire.Symbol:
			out = append(out, wire.Pair{Key: string(key), Value: p.Value})
		}
	}
	return wire.Map(nil).With(out...) // each key once
}

// tag is a lock token as a delivery tag: the bytes of a .NET GUID.
func tag(token wire.UUID) []byte {
	return []byte{token[3], token[2], token[1], token[0], token[5], token[4], token[7], token[6],
		token[8], token[9], token[10], token[11], token[12], token[13], token[14], token[15]}
}
