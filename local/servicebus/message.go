package servicebus

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

// Annotations and properties that the service adds, "AMQP 1.0 in Azure Service Bus protocol guide" on learn.microsoft.com.
const (
	scheduledAnnotation   = "x-opt-scheduled-enqueue-time"
	enqueuedAnnotation    = "x-opt-enqueued-time"
	lockedUntilAnnotation = "x-opt-locked-until"
	sequenceAnnotation    = "x-opt-sequence-number"
	stateAnnotation       = "x-opt-message-state"
	lockTokenAnnotation   = "x-opt-lock-token"
	reasonProperty        = "DeadLetterReason"
	descriptionProperty   = "DeadLetterErrorDescription"
	batchFormat           = 0x80013700 // every data section of the message is an encoded message
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
	sent     *amqp.Message // as it was sent; its maps are never written to
	extra    map[string]any
	id       string
	seq      int64
	state    state
	dead     bool // in the dead-letter sub-queue
	gone     bool // completed, cancelled or expired: events that still name it mean nothing
	failures uint32
	ttl      time.Duration // 0: never expires

	enqueuedAt time.Time
	visibleAt  time.Time // of a scheduled message
	token      amqp.UUID // of the lock, zero when there is none
	until      time.Time
	record     *Record
}

func (m *message) locked() bool { return m.token != amqp.UUID{} }

// expiresAt is zero for a message that never expires. Time in the dead-letter sub-queue is not limited.
func (m *message) expiresAt() time.Time {
	if m.ttl == 0 || m.dead || m.state == scheduled {
		return time.Time{}
	}
	return m.enqueuedAt.Add(m.ttl)
}

// encode is the message as it goes over the wire. Only who holds the lock is shown it.
func (m *message) encode(holder bool) ([]byte, error) {
	out := *m.sent
	out.Header = &amqp.MessageHeader{Priority: 4}
	if m.sent.Header != nil {
		*out.Header = *m.sent.Header
	}
	out.Header.TTL, out.Header.DeliveryCount = m.ttl, m.failures
	out.Annotations = amqp.Annotations{}
	maps.Copy(out.Annotations, m.sent.Annotations)
	out.Annotations[sequenceAnnotation] = m.seq
	out.Annotations[enqueuedAnnotation] = m.enqueuedAt
	out.Annotations[stateAnnotation] = int32(m.state)
	out.DeliveryAnnotations = nil
	if holder && m.locked() {
		out.Annotations[lockedUntilAnnotation] = m.until
		out.DeliveryAnnotations = amqp.Annotations{lockTokenAnnotation: m.token}
	}
	if out.Properties == nil { // clients show the delivery count only with them
		out.Properties = &amqp.MessageProperties{}
	}
	out.ApplicationProperties = m.properties()
	return out.MarshalBinary()
}

// properties are the application properties, with what was set at settlement.
func (m *message) properties() map[string]any {
	if len(m.extra) == 0 {
		return m.sent.ApplicationProperties
	}
	out := maps.Clone(m.sent.ApplicationProperties)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, m.extra)
	return out
}

// set changes application properties, for the next receiver to see.
func (m *message) set(properties map[string]any) {
	if len(properties) == 0 {
		return
	}
	if m.extra == nil {
		m.extra = map[string]any{}
	}
	maps.Copy(m.extra, properties)
}

// body is what a client shows as the body: the data sections, or a value of bytes or text.
func body(m *amqp.Message) []byte {
	var out []byte
	for _, data := range m.Data {
		out = append(out, data...)
	}
	switch v := m.Value.(type) {
	case []byte:
		out = v
	case string:
		out = []byte(v)
	}
	return out
}

func messageID(m *amqp.Message) string {
	if m.Properties == nil || m.Properties.MessageID == nil {
		return ""
	}
	return fmt.Sprint(m.Properties.MessageID)
}

func scheduledFor(m *amqp.Message) time.Time {
	at, _ := m.Annotations[scheduledAnnotation].(time.Time)
	return at
}

// decodeMessage reads foreign bytes and makes sure that they can be written again.
func decodeMessage(data []byte) (m *amqp.Message, err error) {
	// The library panics on a map whose key is a described value, which cannot be the key of a Go map.
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("the message cannot be read: %v", p)
		}
	}()
	m = &amqp.Message{}
	if err := m.UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("the message cannot be read: %w", err)
	}
	if _, err := m.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("the message has values that cannot be written again: %w", err)
	}
	return m, nil
}

// decodeTransfer reads what one delivery carries: a message, or the messages of a batch.
func decodeTransfer(format uint32, data []byte) ([]*amqp.Message, error) {
	outer, err := decodeMessage(data)
	if err != nil {
		return nil, err
	}
	if format != batchFormat {
		return []*amqp.Message{outer}, nil
	}
	if len(outer.Data) == 0 {
		return nil, errors.New("the batch is empty")
	}
	var out []*amqp.Message
	for _, data := range outer.Data {
		m, err := decodeMessage(data)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// properties turns a map of the wire into application properties.
func properties(m wire.Map) map[string]any {
	out := m.Text()
	for key, value := range out {
		switch v := value.(type) {
		case wire.Symbol:
			out[key] = string(v)
		case wire.UUID:
			out[key] = amqp.UUID(v)
		}
	}
	return out
}

// checkProperties refuses what could not be written to the next receiver.
func checkProperties(p map[string]any) error {
	if _, err := (&amqp.Message{ApplicationProperties: p}).MarshalBinary(); err != nil {
		return fmt.Errorf("properties to modify: %w", err)
	}
	return nil
}

// tag is a lock token as a delivery tag: the bytes of a .NET GUID.
func tag(token amqp.UUID) []byte {
	return []byte{token[3], token[2], token[1], token[0], token[5], token[4], token[7], token[6],
		token[8], token[9], token[10], token[11], token[12], token[13], token[14], token[15]}
}
