package servicebus

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/Azure/go-amqp"
)

// Delivery is a message under peek lock. Empty text means that the sender did not set the property.
type Delivery struct {
	Body                  []byte // shared with the broker: for reading only
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
	d := Delivery{Body: m.record.Body, MessageID: m.id, ApplicationProperties: maps.Clone(m.properties()), DeliveryCount: int(m.failures) + 1,
		SequenceNumber: m.seq, EnqueuedAt: m.enqueuedAt, ExpiresAt: m.expiresAt(), LockToken: formatToken(m.token), LockedUntil: m.until}
	p := m.sent.Properties
	if p == nil {
		return d
	}
	for to, from := range map[*string]*string{&d.ContentType: p.ContentType, &d.Subject: p.Subject, &d.ReplyTo: p.ReplyTo, &d.SessionID: p.GroupID} {
		if from != nil {
			*to = *from
		}
	}
	if p.CorrelationID != nil {
		d.CorrelationID = fmt.Sprint(p.CorrelationID)
	}
	return d
}

// Receive waits for the next message of a queue, or of its dead letters (name + "/$DeadLetterQueue"), and locks it. When
// ctx ends first no message stays locked for this call. It fails with ErrNoQueue, with ErrClosed, or as ctx ended.
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
		token, _ := parseToken(d.LockToken) // it is our own
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
	token, err := parseToken(lockToken)
	if err != nil {
		return time.Time{}, err
	}
	until, err := s.broker.renew(token)
	if err != nil {
		return time.Time{}, fmt.Errorf("queue %s: %w", queue, err)
	}
	return until, nil
}

func (s *Server) settle(queue, lockToken string, o outcome) error {
	token, err := parseToken(lockToken)
	if err != nil {
		return err
	}
	if err := s.broker.settle(token, o); err != nil {
		return fmt.Errorf("queue %s: %w", queue, err)
	}
	return nil
}

// Send puts a message into a queue as a client would, size limit aside. It fails with ErrNoQueue or as RefuseSends says.
func (s *Server) Send(queue string, m Message) error {
	sent := amqp.NewMessage(m.Body)
	sent.Properties = &amqp.MessageProperties{}
	if m.ID != "" {
		sent.Properties.MessageID = m.ID
	}
	if m.ContentType != "" {
		sent.Properties.ContentType = &m.ContentType
	}
	if m.Subject != "" {
		sent.Properties.Subject = &m.Subject
	}
	if !m.At.IsZero() {
		sent.Annotations = amqp.Annotations{scheduledAnnotation: m.At}
	}
	sent.ApplicationProperties = maps.Clone(m.ApplicationProperties)
	if err := checkProperties(sent.ApplicationProperties); err != nil {
		return err
	}
	if !s.broker.exists(queue) {
		return fmt.Errorf("%q: %w", queue, ErrNoQueue)
	}
	if _, refusal := s.broker.accept(queue, []*amqp.Message{sent}); refusal != nil {
		return refusal
	}
	return nil
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

// Records returns everything that a queue ever accepted, in that order, with its fate; nil for a queue that does not exist.
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

func formatToken(t amqp.UUID) string { return t.String() }

func parseToken(text string) (amqp.UUID, error) {
	var t amqp.UUID
	plain := make([]byte, 0, 2*len(t))
	for _, c := range []byte(text) {
		if c != '-' {
			plain = append(plain, c)
		}
	}
	if len(plain) != 2*len(t) {
		return t, errors.New("a lock token is a UUID")
	}
	if _, err := hex.Decode(t[:], plain); err != nil {
		return t, errors.New("a lock token is a UUID")
	}
	return t, nil
}
