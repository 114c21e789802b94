package servicebus

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

// FuzzMessage feeds foreign bytes to what reads messages. What is accepted can be delivered.
func FuzzMessage(f *testing.F) {
	f.Add(uint32(0), describedKey)
	f.Add(uint32(0),
		mustMarshal(f, &amqp.Message{
			Properties:            &amqp.MessageProperties{MessageID: "1"},
			Annotations:           amqp.Annotations{string(scheduledAnnotation): start},
			Header:                &amqp.MessageHeader{TTL: time.Hour},
			ApplicationProperties: map[string]any{"k": int32(1)},
			Data:                  [][]byte{[]byte("x")},
		}))
	for _, c := range dotNetProperties {
		f.Add(uint32(0), fromHex(f, c.sent))
	}
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
			_ = m.delivery()
			if _, err := decodeMessage(m.encode(true)); err != nil {
				t.Errorf("what is delivered of %q cannot be read: %v", data, err)
			}
		}
	})
}

// FuzzSignature feeds foreign text to what reads tokens. Only the key makes a good one for this server.
func FuzzSignature(f *testing.F) {
	s, err := New(Options{Queues: one("q")})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	good := signed("amqp://127.0.0.1/q", firstKey, farOff)
	for _, token := range []string{
		good, strings.Replace(good, "127.0.0.1", "%zz", 1), "SharedAccessSignature sr=ns&sig=%21&se=4102444800&skn=a",
		"SharedAccessSignature ", "",
	} {
		f.Add(token, "q")
	}
	f.Fuzz(func(t *testing.T, token, path string) {
		if s.checkSignature(token, path) != nil {
			return
		}
		if g, err := parseSignature(token); err != nil || s.isAt(g.host) && !g.signedBy(firstKey) || !g.covers(path) ||
			!g.expires.After(time.Now()) {
			t.Errorf("%q is good for %q", token, path)
		}
	})
}

// FuzzConnection lets a peer that has logged in, and has a token, send anything at all.
func FuzzConnection(f *testing.F) {
	for _, p := range []wire.Performative{
		&wire.Attach{
			Name:     "r",
			Handle:   1,
			Receiver: true,
			Source:   &wire.Terminus{Address: "q"},
			Target:   &wire.Terminus{},
		},
		&wire.Attach{
			Name:     "r",
			Handle:   1,
			Receiver: true,
			Source:   &wire.Terminus{Address: "/q/", Filter: wire.Map{{Key: wire.Symbol(sessionFilter)}}},
		},
		&wire.Attach{Name: "t", Handle: 1, Target: &wire.Terminus{Coordinator: true}},
		&wire.Flow{Handle: ptr(uint32(11)), LinkCredit: ptr(uint32(5)), Drain: true, Echo: true},
		&wire.Transfer{Handle: 10, DeliveryID: ptr(uint32(3)), Tag: []byte("x"), Payload: describedKey},
		&wire.Disposition{
			Receiver: true,
			State:    &wire.State{Kind: wire.Modified, Annotations: wire.Map{{Key: "k", Value: []any{wire.UUID{}}}}},
		},
		&wire.Detach{Handle: 10, Closed: true}, &wire.End{}, &wire.Close{},
	} {
		f.Add(wire.AppendFrame(nil, wire.TypeAMQP, 1, p))
	}
	request := mustMarshal(f, &amqp.Message{
		Properties:            &amqp.MessageProperties{ReplyTo: ptr("back")},
		ApplicationProperties: map[string]any{"operation": "put-token"},
	})
	f.Add(wire.AppendFrame(nil, wire.TypeAMQP, 1, &wire.Transfer{
		Handle:     10,
		DeliveryID: ptr(uint32(4)),
		Tag:        []byte("x"),
		Payload:    request,
	}))
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
