package servicebus

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/local/internal/wire"

	"github.com/Azure/go-amqp"
)

// Errors that callers in the same process tell apart with errors.Is.
var (
	// ErrNoQueue means that the queue was not in Options.
	ErrNoQueue = errors.New("there is no such queue")
	// ErrLockLost means that the lock of a message ran out or was given back: the message will come, or has come,
	// again.
	ErrLockLost = errors.New("the lock is gone")
	// ErrNotHeld means that no message of that number is in that state.
	ErrNotHeld = errors.New("there is no such message")
	// ErrClosed means that the server was closed.
	ErrClosed = errors.New("the server is closed")
)

// maxIDLength is the limit of a message id in the service's clients ("ServiceBusMessage.MessageId" on
// learn.microsoft.com).
const maxIDLength = 128

// accept takes the messages of one delivery, all or none, and returns their sequence numbers, 0 for a duplicate.
func (b *broker) accept(path string, messages []*wire.Message) ([]int64, *wire.Error) {
	now := b.enter()
	defer b.leave()
	q, dead := b.find(path)
	switch {
	case q == nil:
		return nil, noEntity(path)
	case dead:
		return nil,
			&wire.Error{
				Condition:   wire.Symbol(amqp.ErrCondNotAllowed),
				Description: "messages cannot be sent to a dead-letter queue",
			}
	}
	if err := b.refused(q); err != nil {
		return nil, err
	}
	for _, m := range messages {
		if id := messageID(m); len(id) > maxIDLength {
			return nil,
				&wire.Error{
					Condition: wire.Symbol(amqp.ErrCondNotAllowed),
					Description: fmt.Sprintf("The message id has %d characters, at most %d are allowed.", len(id),
						maxIDLength),
				}
		}
	}
	var numbers []int64
	for _, m := range messages {
		numbers = append(numbers, b.add(q, m, now))
	}
	return numbers, nil
}

func noEntity(path string) *wire.Error {
	return &wire.Error{
		Condition:   wire.Symbol(amqp.ErrCondNotFound),
		Description: fmt.Sprintf("The messaging entity '%s' could not be found.", path),
	}
}

func (b *broker) add(q *queue, sent *wire.Message, now time.Time) int64 {
	m := &message{queue: q, sent: sent, id: messageID(sent), ttl: q.config.TTL}
	m.record = &Record{
		MessageID:  m.id,
		Body:       body(sent),
		Subject:    sent.Properties.Text(wire.PropertySubject),
		AcceptedAt: now,
		Fate:       Duplicate,
		FateAt:     now,
	}
	q.records = append(q.records, m.record)
	if q.duplicate(m.id, now) {
		return 0
	}
	if h := sent.Header; h != nil && h.TTL > 0 && (m.ttl == 0 || h.TTL < m.ttl) {
		m.ttl = h.TTL
	}
	at := scheduledFor(sent)
	if !at.After(now) {
		b.enqueue(m, now)
		return m.seq
	}
	q.lastSeq++
	m.seq, m.state, m.enqueuedAt, m.visibleAt = q.lastSeq, scheduled, now, at
	m.record.SequenceNumber, m.record.ScheduledFor = m.seq, at
	m.record.become(Scheduled, now)
	q.hold(m)
	b.at(at, m)
	return m.seq
}

// duplicate says whether id was accepted within the window, and notes it if not.
func (q *queue) duplicate(id string, now time.Time) bool {
	if q.config.DuplicateWindow <= 0 || id == "" {
		return false
	}
	for len(q.order) > 0 && !q.seen[q.order[0]].Add(q.config.DuplicateWindow).After(now) {
		delete(q.seen, q.order[0])
		q.order = q.order[1:]
	}
	if _, seen := q.seen[id]; seen {
		return true
	}
	q.seen[id] = now
	q.order = append(q.order, id)
	return false
}

// outcome is what a receiver says about a message that it holds the lock of.
type outcome struct {
	kind                outcomeKind
	reason, description string
	properties          wire.Map
}

type outcomeKind int

const (
	complete outcomeKind = iota
	abandon
	release // an abandon that is not counted
	postpone
	deadLetter
)

// settle ends a lock. An error means that nothing was changed.
func (b *broker) settle(token wire.UUID, o outcome) error {
	now := b.enter()
	defer b.leave()
	m, held := b.locks[token]
	if !held {
		return ErrLockLost
	}
	if o.kind == complete {
		b.consume(m, now)
		return nil
	}
	b.unlock(m)
	if o.kind == deadLetter {
		b.bury(m, o.reason, o.description, o.properties, now)
		return nil
	}
	m.set(o.properties)
	switch o.kind {
	case postpone: // Azure is said to count it; nothing that was found confirms it
		m.count()
		m.state = deferred
		m.record.become(Deferred, now)
	case release:
		b.giveBack(m, now)
	default:
		b.failed(m, now)
	}
	return nil
}

// renew extends a lock by the queue's lock duration from now.
func (b *broker) renew(token wire.UUID) (time.Time, error) {
	now := b.enter()
	defer b.leave()
	m, held := b.locks[token]
	if !held {
		return time.Time{}, ErrLockLost
	}
	b.extend(m, now)
	return m.until, nil
}

// subscribe lets c take messages. It is told at once of those that wait.
func (b *broker) subscribe(path string, c consumer) error {
	b.enter()
	defer b.leave()
	q, dead := b.find(path)
	switch {
	case b.closed:
		return ErrClosed
	case q == nil:
		return fmt.Errorf("%q: %w", path, ErrNoQueue)
	}
	l := q.line(dead)
	l.consumers = append(l.consumers, c)
	b.dispatch(l)
	return nil
}

// wake looks again whether consumers of path take messages.
func (b *broker) wake(path string) {
	b.enter()
	defer b.leave()
	if q, dead := b.find(path); q != nil {
		b.dispatch(q.line(dead))
	}
}

// unsubscribe ends a subscription. Locks of messages that c was given go on.
func (b *broker) unsubscribe(path string, c consumer) {
	b.enter()
	defer b.leave()
	if q, dead := b.find(path); q != nil {
		q.line(dead).leave(c)
	}
}

// exists says whether path names a queue or its dead letters.
func (b *broker) exists(path string) bool {
	b.enter()
	defer b.leave()
	q, _ := b.find(path)
	return q != nil
}

// heldAt finds the message of a number in the queue or its dead letters.
func (b *broker) heldAt(path string, seq int64) *message {
	q, dead := b.find(path)
	if q == nil {
		return nil
	}
	i, found := place(q.held, &message{seq: seq})
	if !found || q.held[i].dead != dead {
		return nil
	}
	return q.held[i]
}

// cancel removes scheduled messages, all or none.
func (b *broker) cancel(path string, numbers []int64) error {
	now := b.enter()
	defer b.leave()
	var all []*message
	for _, seq := range numbers {
		m := b.heldAt(path, seq)
		if m == nil || m.state != scheduled || slices.Contains(all, m) {
			return fmt.Errorf("scheduled message %d: %w", seq, ErrNotHeld)
		}
		all = append(all, m)
	}
	for _, m := range all {
		b.finish(m, Cancelled, now)
	}
	return nil
}

// peek returns up to count messages from a number on, whatever their state, without a lock, encoded.
func (b *broker) peek(path string, from int64, count, limit int) ([][]byte, error) {
	b.enter()
	defer b.leave()
	q, dead := b.find(path)
	if q == nil {
		return nil, ErrNoQueue
	}
	var out [][]byte
	size := 0
	for i, _ := place(q.held, &message{seq: from}); i < len(q.held) && len(out) < count && size < limit; i++ {
		if q.held[i].dead != dead {
			continue
		}
		data := q.held[i].encode(false)
		out = append(out, data)
		size += len(data)
	}
	return out, nil
}

// deferredMessage is a message that was asked for by its number.
type deferredMessage struct {
	token wire.UUID
	data  []byte
}

// takeDeferred locks deferred messages, or removes them, all or none. One that has expired becomes a dead letter now
// that somebody asks for it ("Message deferral" on learn.microsoft.com); that the answer is then that there is none is
// assumed.
func (b *broker) takeDeferred(path string, numbers []int64, deletes bool) ([]deferredMessage, error) {
	now := b.enter()
	defer b.leave()
	var all []*message
	for _, seq := range numbers {
		m := b.heldAt(path, seq)
		if m == nil || m.state != deferred || m.locked() || slices.Contains(all, m) {
			return nil, fmt.Errorf("deferred message %d: %w", seq, ErrNotHeld)
		}
		if m.outlived(now) {
			b.expire(m, now)
			return nil, fmt.Errorf("deferred message %d, which has expired: %w", seq, ErrNotHeld)
		}
		all = append(all, m)
	}
	var out []deferredMessage
	for _, m := range all {
		if !deletes {
			b.lock(m, now)
		}
		out = append(out, deferredMessage{m.token, m.encode(true)})
		m.record.Deliveries++
		if deletes {
			b.consume(m, now)
		}
	}
	return out, nil
}
