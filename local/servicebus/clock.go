package servicebus

import (
	"slices"
	"sync"
	"time"
)

// Clock is the broker's time: locks, schedules, duplicate windows and expiry. AfterFunc calls f once d has passed,
// unless stop is called first; it never calls f before it returns.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

// ManualClock is a Clock that moves only when it is told to, for tests. It is safe for concurrent use.
type ManualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*manualTimer
}

type manualTimer struct {
	at time.Time
	f  func()
}

// NewManualClock returns a clock that stands at start.
func NewManualClock(start time.Time) *ManualClock { return &ManualClock{now: start} }

// Now is the time that the clock was moved to.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc calls f in Advance, when the clock passes d from now.
func (c *ManualClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &manualTimer{c.now.Add(d), f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		before := len(c.timers)
		c.timers = slices.DeleteFunc(c.timers, func(other *manualTimer) bool { return other == t })
		return len(c.timers) < before
	}
}

// Advance moves the clock and calls what became due, in order of time and each at its own time, before it returns.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		next := c.next(end)
		if next == nil {
			break
		}
		c.mu.Unlock()
		next.f()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}

// next takes the earliest timer up to end and moves the clock to it; nil if there is none.
func (c *ManualClock) next(end time.Time) *manualTimer {
	var first *manualTimer
	for _, t := range c.timers {
		if !t.at.After(end) && (first == nil || t.at.Before(first.at)) {
			first = t
		}
	}
	if first == nil {
		return nil
	}
	c.timers = slices.DeleteFunc(c.timers, func(other *manualTimer) bool { return other == first })
	if first.at.After(c.now) {
		c.now = first.at
	}
	return first
}
