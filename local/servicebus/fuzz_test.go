package servicebus

import (
	"bytes"
	"io"
	"testing"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

// FuzzMessage feeds foreign bytes to what reads messages. What is accepted can be delivered.
func FuzzMessage(f *testing.F) {
	f.Add(uint32(0), describedKey)
	f.Add(uint32(0), mustMarshal(f, &amqp.Message{Properties: &amqp.MessageProperties{MessageID: "1"}, Annotations: amqp.Annotations{scheduledAnnotation: start},
		Header: &amqp.MessageHeader{TTL: time.Hour}, ApplicationProperties: map[string]any{"k": int32(1)}, Data: [][]byte{[]byte("x")}}))
	f.Add(uint32(batchFormat), mustMarshal(f, amqp.NewMessage(mustMarshal(f, &amqp.Message{Value: "v"}))))
	f.Fuzz(func(t *testing.T, format uint32, data []byte) {
		messages, err := decodeTransfer(format, data)
		if err != nil {
			return
		}
		b := newBroker(NewManualClock(start), []QueueConfig{QueueConfig{Name: "q"}.withDefaults()})
		if _, err := b.accept("q", messages); err != nil {
			t.Fatal(err)
		}
		for _, m := range b.queues["q"].held {
			out, err := m.encode(true)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decodeMessage(out); err != nil {
				t.Errorf("what is delivered of %q cannot be read: %v", data, err)
			}
		}
	})
}

// FuzzConnection lets a peer that has logged in, and has a token, send anything at all.
func FuzzConnection(f *testing.F) {
	for _, p := range []wire.Performative{
		&wire.Attach{Name: "r", Handle: 1, Receiver: true, Source: &wire.Terminus{Address: "q"}, Target: &wire.Terminus{}},
		&wire.Flow{Handle: ptr(uint32(11)), LinkCredit: ptr(uint32(5)), Drain: true, Echo: true},
		&wire.Transfer{Handle: 10, DeliveryID: ptr(uint32(3)), Tag: []byte("x"), Payload: describedKey},
		&wire.Disposition{Receiver: true, State: &wire.State{Kind: wire.Modified, Annotations: wire.Map{{Key: "k", Value: []any{wire.UUID{}}}}}},
		&wire.Detach{Handle: 10, Closed: true}, &wire.End{}, &wire.Close{},
	} {
		f.Add(wire.AppendFrame(nil, wire.TypeAMQP, 1, p))
	}
	request := mustMarshal(f, &amqp.Message{Properties: &amqp.MessageProperties{ReplyTo: ptr("back")}, ApplicationProperties: map[string]any{"operation": "put-token"}})
	f.Add(wire.AppendFrame(nil, wire.TypeAMQP, 1, &wire.Transfer{Handle: 10, DeliveryID: ptr(uint32(4)), Tag: []byte("x"), Payload: request}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := New(Options{Queues: one("q"), Clock: NewManualClock(start)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		put(t, s, Message{ID: "1"})
		p := greeted(t, s, usual(), 100)
		p.grant()
		p.write(bytes.Repeat(data, 2))
		p.Conn.(*pipeConn).write.end() // or a frame that is not whole would be waited for
		if _, err := io.Copy(io.Discard, p); err != nil {
			t.Fatal(err)
		}
	})
}
