package servicebus

import (
	"container/heap"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/local/internal/wire"
)

// consumer is somebody who takes messages. The broker calls it with its lock held, so it must neither wait nor call
// back.
type consumer interface {
	// ready says whether deliver would take a message.
	ready() bool
	// deliver hands over a message that the consumer holds the lock of, or that is its own. false means that it did not
	// take it and will take no more.
	deliver(m *message) bool
	// deletes says whether a message is gone once it was delivered.
	deletes() bool
}

// broker holds the queues. It never waits for anything while it holds its lock: consumers only note what they are
// given.
type broker struct {
	clock Clock

	mu      sync.Mutex
	queues  map[string]*queue
	locks   map[wire.UUID]*message
	events  events
	stop    func() bool // of the timer for the first event
	armed   time.Time   // when that timer fires, zero for none
	refusal map[string]Refusal
	closed  bool
}

// queue is a queue with its dead-letter sub-queue.
type queue struct {
	config  QueueConfig
	lastSeq int64
	held    []*message // everything that is not gone, by sequence number
	main    line
	dead    line
	seen    map[string]time.Time // message id to when it was accepted, for duplicate detection
	order   []string             // the ids of seen, oldest first
	records []*Record
}

// line is the messages that wait for a consumer and the consumers that wait for a message.
type line struct {
	ready     []*message // by sequence number
	consumers []consumer // who was served last is last
}

// event says that something may be due for a message. What it is, is looked up then: an event that no longer applies
// does nothing.
type event struct {
	at time.Time
	m  *message
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}

func newBroker(clock Clock, configs []QueueConfig) *broker {
	b := &broker{
		clock:   clock,
		queues:  map[string]*queue{},
		locks:   map[wire.UUID]*message{},
		refusal: map[string]Refusal{},
	}
	for _, c := range configs {
		b.queues[strings.ToLower(c.Name)] = &queue{config: c, seen: map[string]time.Time{}}
	}
	return b
}

const deadSuffix = "/$deadletterqueue"

// find resolves an entity path, in any case.
func (b *broker) find(path string) (q *queue, dead bool) {
	name, dead := strings.CutSuffix(strings.ToLower(path), deadSuffix)
	return b.queues[name], dead
}

func (q *queue) line(dead bool) *line {
	if dead {
		return &q.dead
	}
	return &q.main
}

// enter takes the lock, does what is due and returns the time that the operation happens at.
func (b *broker) enter() time.Time {
	b.mu.Lock()
	now := b.clock.Now()
	b.advance(now)
	return now
}

// leave gives the lock back and sees to it that the next event is not missed.
func (b *broker) leave() {
	b.arm()
	b.mu.Unlock()
}

func (b *broker) arm() {
	var next time.Time
	if len(b.events) > 0 && !b.closed {
		next = b.events[0].at
	}
	if next.Equal(b.armed) {
		return
	}
	if b.stop != nil {
		b.stop()
	}
	b.armed, b.stop = next, nil
	if !next.IsZero() {
		b.stop = b.clock.AfterFunc(next.Sub(b.clock.Now()), b.tick)
	}
}

// tick is called by the clock. It may come too early or for nothing.
func (b *broker) tick() {
	b.mu.Lock()
	b.armed = time.Time{} // it fired, so arm must set another
	b.advance(b.clock.Now())
	b.leave()
}

func (b *broker) at(t time.Time, m *message) {
	if !t.IsZero() {
		heap.Push(&b.events, event{t, m})
	}
}

// advance does everything that is due: it ends locks, shows scheduled messages and expires old ones.
func (b *broker) advance(now time.Time) {
	for len(b.events) > 0 && !b.events[0].at.After(now) {
		e := heap.Pop(&b.events).(event)
		b.due(e.m, e.at, now)
	}
}

func (b *broker) due(m *message, at, now time.Time) {
	switch {
	case m.gone:
	case m.state == scheduled && !m.visibleAt.After(now):
		b.enqueue(m, at)
	case m.locked() && !m.until.After(now):
		b.unlock(m)
		b.failed(m, now)
	case b.expired(m, now):
		b.expire(m, now)
	}
}

func (b *broker) expired(m *message, now time.Time) bool {
	end := m.expiresAt()
	return !end.IsZero() && !end.After(now) && !m.locked()
}

func (b *broker) expire(m *message, now time.Time) {
	b.withdraw(m)
	b.bury(m, "TTLExpiredException", "The message expired and was dead lettered.", nil, now)
}

// enqueue makes m visible as the queue's newest message.
func (b *broker) enqueue(m *message, at time.Time) {
	q := m.queue
	q.drop(m)
	q.lastSeq++
	m.seq, m.state, m.enqueuedAt = q.lastSeq, active, at
	q.hold(m)
	b.at(m.expiresAt(), m)
	m.record.become(Active, at)
	m.record.SequenceNumber = m.seq
	b.show(m)
}

// show lets m wait for a consumer, at its place by sequence number.
func (b *broker) show(m *message) {
	l := m.queue.line(m.dead)
	l.ready = insert(l.ready, m)
	b.dispatch(l)
}

// withdraw takes m from those that wait for a consumer.
func (b *broker) withdraw(m *message) {
	l := m.queue.line(m.dead)
	l.ready = remove(l.ready, m)
}

func place(list []*message, m *message) (int, bool) {
	return slices.BinarySearchFunc(list, m, func(a, b *message) int { return int(a.seq - b.seq) })
}

func insert(list []*message, m *message) []*message {
	i, _ := place(list, m)
	return slices.Insert(list, i, m)
}

func remove(list []*message, m *message) []*message {
	i, found := place(list, m)
	if !found {
		return list
	}
	if i == 0 { // the usual case, and deleting would move all others
		list[0] = nil
		return list[1:]
	}
	return slices.Delete(list, i, i+1)
}

func (q *queue) hold(m *message) { q.held = insert(q.held, m) }
func (q *queue) drop(m *message) { q.held = remove(q.held, m) }

// dispatch hands out messages as long as somebody takes them.
func (b *broker) dispatch(l *line) {
	now := b.clock.Now()
	for len(l.ready) > 0 {
		i := slices.IndexFunc(l.consumers, consumer.ready)
		if i < 0 {
			return
		}
		c, m := l.consumers[i], l.ready[0]
		l.consumers = append(slices.Delete(l.consumers, i, i+1), c)
		l.ready = remove(l.ready, m)
		b.hand(l, c, m, now)
	}
}

// hand delivers m to c. If c does not take it, c is gone and m goes back to its place.
func (b *broker) hand(l *line, c consumer, m *message, now time.Time) {
	if !c.deletes() {
		b.lock(m, now)
	}
	if !c.deliver(m) {
		b.unlock(m)
		l.ready = insert(l.ready, m)
		l.leave(c)
		return
	}
	m.record.Deliveries++
	if c.deletes() {
		b.consume(m, now)
	}
}

func (l *line) leave(c consumer) {
	l.consumers = slices.DeleteFunc(l.consumers, func(other consumer) bool { return other == c })
}

func (b *broker) lock(m *message, now time.Time) {
	_, _ = rand.Read(m.token[:]) // never fails: crypto/rand ends the process instead
	m.token[6], m.token[8] = m.token[6]&0x0f|0x40, m.token[8]&0x3f|0x80
	b.locks[m.token] = m
	b.extend(m, now)
}

func (b *broker) extend(m *message, now time.Time) {
	m.until = now.Add(m.queue.config.LockDuration)
	b.at(m.until, m)
}

func (b *broker) unlock(m *message) {
	delete(b.locks, m.token)
	m.token, m.until = wire.UUID{}, time.Time{}
}

// finish ends a message's life.
func (b *broker) finish(m *message, fate Fate, now time.Time) {
	b.unlock(m)
	m.gone = true
	m.queue.drop(m)
	m.record.become(fate, now)
}

// consume ends the life of a message that a receiver is done with.
func (b *broker) consume(m *message, now time.Time) {
	if m.dead {
		b.finish(m, Removed, now)
		return
	}
	b.finish(m, Completed, now)
}

// failed counts a delivery that came to nothing and gives the message back, or sets it aside after the last one.
func (b *broker) failed(m *message, now time.Time) {
	m.count()
	if !m.dead && m.failures >= uint32(m.queue.config.MaxDeliveryCount) {
		b.bury(m, "MaxDeliveryCountExceeded",
			"Message could not be consumed after "+plural(m.failures, "delivery attempt")+".", nil, now)
		return
	}
	b.giveBack(m, now)
}

// giveBack lets a message that was just unlocked wait again.
func (b *broker) giveBack(m *message, now time.Time) {
	switch {
	case b.expired(m, now):
		b.bury(m, "TTLExpiredException", "The message expired and was dead lettered.", nil, now)
	case m.state == active: // a deferred one waits for somebody who asks for it by its number
		b.show(m)
	}
}

// bury moves a message that is neither locked nor waiting to the dead letters. It keeps its sequence number.
func (b *broker) bury(m *message, reason, description string, extra wire.Map, now time.Time) {
	m.set(extra)
	m.set(wire.Map{{Key: reasonProperty, Value: reason}, {Key: descriptionProperty, Value: description}})
	m.dead, m.state = true, active
	m.record.become(DeadLettered, now)
	m.record.Reason = reason
	b.show(m)
}
