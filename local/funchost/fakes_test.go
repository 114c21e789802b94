package funchost

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// fakeClock stands still until it is advanced.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*fakeTimer]bool
	// restarts says that the pause before a restart takes its time too; else it takes none.
	restarts bool
}

type fakeTimer struct {
	due time.Time
	f   func()
}

func newFakeClock(now time.Time) *fakeClock {
	return &fakeClock{now: now, timers: make(map[*fakeTimer]bool)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := &fakeTimer{due: c.now.Add(d), f: f}
	if d <= 0 || d == restartPause && !c.restarts {
		go f()
		return func() bool { return false }
	}
	c.timers[timer] = true
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		pending := c.timers[timer]
		delete(c.timers, timer)
		return pending
	}
}

// advance moves the time and fires what is due.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for timer := range c.timers {
		if !timer.due.After(c.now) {
			delete(c.timers, timer)
			go timer.f()
		}
	}
}

func (c *fakeClock) pending(in time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for timer := range c.timers {
		if timer.due.Equal(c.now.Add(in)) {
			n++
		}
	}
	return n
}

// waiting is how many timers there are.
func (c *fakeClock) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// pass waits until somebody waits for exactly d from now, and lets it pass.
func (c *fakeClock) pass(t *testing.T, d time.Duration) {
	t.Helper()
	eventually(t, "a timer due in "+d.String(), func() bool { return c.pending(d) > 0 })
	c.advance(d)
}

// planned waits until somebody waits for a time about mark, as a timer waits for its tick.
func (c *fakeClock) planned(t *testing.T, mark time.Time) {
	t.Helper()
	eventually(t, "a tick for "+mark.Format(time.TimeOnly), func() bool {
		off := mark.Sub(c.Now())
		return c.between(off-earliest, off+latest) > 0
	})
}

// reach moves to where the tick for mark has come, be it early or late.
func (c *fakeClock) reach(t *testing.T, mark time.Time) {
	t.Helper()
	c.planned(t, mark)
	c.advance(mark.Add(latest).Sub(c.Now()))
}

// settled waits until so many wait for a time.
func (c *fakeClock) settled(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d wait for a time", n), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.timers) == n
	})
}

// between counts who waits for a time between two from now.
func (c *fakeClock) between(from, to time.Duration) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for timer := range c.timers {
		if d := timer.due.Sub(c.now); d >= from && d <= to {
			n++
		}
	}
	return n
}

// walk moves to a time from one timer to the next. It goes on when so many wait again: then everybody has done what was
// due.
func (c *fakeClock) walk(t *testing.T, to time.Time, steady int) {
	t.Helper()
	for c.Now().Before(to) {
		c.settled(t, steady)
		next := to
		c.mu.Lock()
		for timer := range c.timers {
			if timer.due.Before(next) {
				next = timer.due
			}
		}
		c.mu.Unlock()
		c.advance(next.Sub(c.Now()))
	}
}

// broker is a queue per name under peek lock; what the host does to messages is told on channels.
type broker struct {
	clock   *fakeClock
	settled chan string // "complete <token>", "abandon <token>"
	renewed chan string
	lock    time.Duration

	mu       sync.Mutex
	queues   map[string]chan Delivery
	renewErr error
	recvErr  error
}

func newBroker(clock *fakeClock) *broker {
	return &broker{
		clock: clock, settled: make(chan string, 100), renewed: make(chan string, 100), lock: time.Minute,
		queues: make(map[string]chan Delivery),
	}
}

func (b *broker) queue(name string) chan Delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queues[name] == nil {
		b.queues[name] = make(chan Delivery, 100)
	}
	return b.queues[name]
}

// put enqueues messages by their ids, which are their lock tokens too.
func (b *broker) put(queue string, ids ...string) {
	for _, id := range ids {
		now := b.clock.Now()
		b.queue(queue) <- Delivery{
			Body: []byte(`{"alertId":"` + id + `"}`), MessageID: id, LockToken: id, DeliveryCount: 1, SequenceNumber: 1,
			EnqueuedAt: now, ExpiresAt: now.Add(time.Hour),
		}
	}
}

func (b *broker) Receive(ctx context.Context, queue string) (Delivery, error) {
	b.mu.Lock()
	err := b.recvErr
	b.recvErr = nil
	b.mu.Unlock()
	if err != nil {
		return Delivery{}, err
	}
	select {
	case d := <-b.queue(queue):
		if ctx.Err() != nil { // both came about
			b.queue(queue) <- d
			return Delivery{}, ctx.Err()
		}
		d.LockedUntil = b.clock.Now().Add(b.lock)
		return d, nil
	case <-ctx.Done():
		return Delivery{}, ctx.Err()
	}
}

func (b *broker) Complete(ctx context.Context, _, token string) error {
	return b.settle(ctx, "complete "+token)
}

func (b *broker) Abandon(ctx context.Context, _, token string) error {
	return b.settle(ctx, "abandon "+token)
}

// settle fails on a context that is over, as a real client would.
func (b *broker) settle(ctx context.Context, what string) error {
	if ctx.Err() == nil {
		b.settled <- what
	}
	return ctx.Err()
}

func (b *broker) Renew(_ context.Context, _, token string) (time.Time, error) {
	b.renewed <- token
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.renewErr != nil {
		return time.Time{}, b.renewErr
	}
	return b.clock.Now().Add(b.lock), nil
}

var errBroker = errors.New("link detached")
