package servicebus

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"cordon/local/internal/wire"
)

// Delivery is a message under peek lock. Empty text means that the sender did not set the property.
type Delivery struct {
	Body                  []byte // shared with the broker: for reading only
	Undecodable           bool   // the body is neither bytes nor text, and Body empty
	MessageID             string
	ContentType           string
	Subject               string
	CorrelationID         string
	ReplyTo               string
	SessionID             string
	ApplicationProperties map[string]any
	DeliveryCount         int // 1 on the first delivery
	SequenceNumber        int64
	EnqueuedAt            time.Time
	ExpiresAt             time.Time // zero: never
	LockedUntil           time.Time
	LockToken             string
}

// Message is a message to send in the same process.
type Message struct {
	ID                    string // empty: no duplicate detection
	Body                  []byte
	ContentType           string
	Subject               string
	At                    time.Time // when it becomes visible; a time that is past, or zero: now
	ApplicationProperties map[string]any
}

// waiter is a Receive that waits. The broker fills it once.
type waiter struct {
	mu    sync.Mutex
	taken bool // got a message, or gave up
	got   chan Delivery
}

func (w *waiter) deletes() bool { return false }

func (w *waiter) ready() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.taken
}

func (w *waiter) deliver(m *message) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken {
		return false
	}
	w.taken = true
	w.got <- m.delivery()
	return true
}

func (m *message) delivery() Delivery {
	p := m.sent.Properties
	return Delivery{
		Body:                  m.record.Body,
		Undecodable:           !decodable(m.sent),
		MessageID:             m.id,
		ApplicationProperties: goValues(m.properties()),
		ContentType:           p.Text(wire.PropertyContentType),
		Subject:               p.Text(wire.PropertySubject),
		ReplyTo:               p.Text(wire.PropertyReplyTo),
		SessionID:             p.Text(wire.PropertyGroupID),
		CorrelationID:         idText(p.At(wire.PropertyCorrelationID)),
		DeliveryCount:         int(m.failures) + 1,
		SequenceNumber:        m.seq,
		EnqueuedAt:            m.enqueuedAt,
		ExpiresAt:             m.expiresAt(),
		LockToken:             m.token.String(),
		LockedUntil:           m.until,
	}
}

// Receive waits for the next message of a queue, or of its dead letters (name + "/$DeadLetterQueue"), and locks it.
// When ctx ends first no message stays locked for this call. It fails with ErrNoQueue, with ErrClosed, or as ctx ended.
func (s *Server) Receive(ctx context.Context, queue string) (*Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{got: make(chan Delivery, 1)}
	if err := s.broker.subscribe(queue, w); err != nil {
		return nil, err
	}
	defer s.broker.unsubscribe(queue, w)
	select {
	case d := <-w.got:
		return &d, nil
	case <-s.done:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, s.giveUp(ctx, w)
	}
}

// giveUp sees to it that w gets no message, and gives back one that it got in this moment.
func (s *Server) giveUp(ctx context.Context, w *waiter) error {
	w.mu.Lock()
	w.taken = true
	w.mu.Unlock()
	select {
	case d := <-w.got:
		token, _ := wire.ParseUUID(d.LockToken) // it is our own
		_ = s.broker.settle(token, outcome{kind: release})
	default:
	}
	return ctx.Err()
}

// Complete removes a message from the queue. ErrLockLost means that its lock is gone and that it comes again.
func (s *Server) Complete(_ context.Context, queue, lockToken string) error {
	return s.settle(queue, lockToken, outcome{kind: complete})
}

// Abandon gives a message back at once, with its delivery count raised. ErrLockLost means that it was back already.
func (s *Server) Abandon(_ context.Context, queue, lockToken string) error {
	return s.settle(queue, lockToken, outcome{kind: abandon})
}

// DeadLetter sets a message aside. ErrLockLost means that its lock is gone and that it comes again.
func (s *Server) DeadLetter(_ context.Context, queue, lockToken, reason, description string) error {
	return s.settle(queue, lockToken, outcome{kind: deadLetter, reason: reason, description: description})
}

// Renew locks a message for another lock duration from now. ErrLockLost means that it is too late.
func (s *Server) Renew(_ context.Context, queue, lockToken string) (lockedUntil time.Time, err error) {
	token, err := wire.ParseUUID(lockToken)
	if err != nil {
		return time.Time{}, fmt.Errorf("lock token %q: %w", lockToken, err)
	}
	until, err := s.broker.renew(token)
	if err != nil {
		return time.Time{}, fmt.Errorf("queue %s: %w", queue, err)
	}
	return until, nil
}

func (s *Server) settle(queue, lockToken string, o outcome) error {
	token, err := wire.ParseUUID(lockToken)
	if err != nil {
		return fmt.Errorf("lock token %q: %w", lockToken, err)
	}
	if err := s.broker.settle(token, o); err != nil {
		return fmt.Errorf("queue %s: %w", queue, err)
	}
	return nil
}

// Send puts a message into a queue as a client would, size limit aside. It fails with ErrNoQueue or as RefuseSends
// says.
func (s *Server) Send(queue string, m Message) error {
	sent, err := m.onWire()
	if err != nil {
		return err
	}
	if !s.broker.exists(queue) {
		return fmt.Errorf("%q: %w", queue, ErrNoQueue)
	}
	if _, refusal := s.broker.accept(queue, []*wire.Message{sent}); refusal != nil {
		return refusal
	}
	return nil
}

// onWire is the message as a client would send it.
func (m Message) onWire() (*wire.Message, error) {
	properties := make(wire.Properties, wire.PropertyContentType+1)
	if m.ID != "" {
		properties[wire.PropertyMessageID] = m.ID
	}
	if m.ContentType != "" {
		properties[wire.PropertyContentType] = wire.Symbol(m.ContentType)
	}
	if m.Subject != "" {
		properties[wire.PropertySubject] = m.Subject
	}
	sent := &wire.Message{Properties: &properties, Body: wire.DataBody(m.Body)}
	if !m.At.IsZero() {
		sent.Annotations = wire.Map{{Key: scheduledAnnotation, Value: m.At}}
	}
	for _, name := range slices.Sorted(maps.Keys(m.ApplicationProperties)) {
		value := m.ApplicationProperties[name]
		switch v := value.(type) {
		case int:
			value = int64(v)
		case nil, bool, string, []byte, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64,
			time.Time:
		default:
			return nil, fmt.Errorf("the application property %q cannot be a %T", name, value)
		}
		sent.ApplicationProperties = append(sent.ApplicationProperties, wire.Pair{Key: name, Value: value})
	}
	return sent, nil
}

// Counts says what a queue holds now; it is zero for a queue that does not exist.
func (s *Server) Counts(queue string) Counts {
	b := s.broker
	b.enter()
	defer b.leave()
	var c Counts
	q, _ := b.find(queue)
	if q == nil {
		return c
	}
	for _, m := range q.held {
		switch {
		case m.dead:
			c.DeadLettered++
		case m.state == scheduled:
			c.Scheduled++
		case m.state == deferred:
			c.Deferred++
		default:
			c.Active++
		}
	}
	return c
}

// Records returns everything that a queue ever accepted, in that order, with its fate; nil for a queue that does not
// exist.
func (s *Server) Records(queue string) []Record {
	b := s.broker
	b.enter()
	defer b.leave()
	q, _ := b.find(queue)
	if q == nil {
		return nil
	}
	var out []Record
	for _, r := range q.records {
		out = append(out, *r)
	}
	return out
}

func (b *broker) close() {
	b.enter()
	defer b.leave()
	b.closed = true
}
