package httpretry

import (
	"context"
	"sync"
	"time"
)

// window is the minute of a budget, with a second to spare: two requests that leave a minute apart may arrive closer
// together.
const window = 61 * time.Second

// After a pause one request goes ahead, and the others follow when it was answered: those who waited would else use up
// at once what little quota there is, and be counted against it.
const (
	probeTime = 5 * time.Second        // after which the next one goes ahead, if the first got no answer
	probeStep = 100 * time.Millisecond // how often the others look whether it did
)

// gates holds one gate per endpoint.
type gates struct {
	mu    sync.Mutex
	byKey map[string]*gate
}

// gate is what is known of one endpoint: when requests were sent in the last window, and until when it wants none.
//
// It is a log of times and no token bucket: a bucket that may be emptied at once lets through twice its budget in the
// first minute, and one that may not takes far longer than the quota would.
type gate struct {
	sent        []time.Time
	pausedUntil time.Time
	untried     bool      // nothing was answered since the pause
	probedAt    time.Time // when a request last went ahead since the pause; zero: none did

	shared  time.Time     // the longest pause that the other processes are known to know
	askedAt time.Time     // when it was last asked for
	asking  chan struct{} // closed when the question under way is answered; nil: there is none
}

// pass waits for the endpoint's turn and takes it. A turn that would come after limit is not waited for: *PausedError.
func (g *gates) pass(ctx context.Context, key string, perMinute int, limit time.Time) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		now := time.Now()
		at := g.take(key, perMinute, now)
		if !at.After(now) {
			return nil
		}
		if at.After(limit) {
			return &PausedError{Key: key, Until: at}
		}
		if err := sleep(ctx, at.Sub(now)); err != nil {
			return err
		}
	}
}

// take takes a turn if there is one now and returns now; otherwise it returns the time at which to ask again.
func (g *gates) take(key string, perMinute int, now time.Time) time.Time {
	if key == "" {
		return now
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.at(key)
	if e.pausedUntil.After(now) {
		return e.pausedUntil
	}
	if e.untried && now.Sub(e.probedAt) < probeTime {
		return now.Add(probeStep)
	}
	if perMinute > 0 {
		for len(e.sent) > 0 && !e.sent[0].Add(window).After(now) {
			e.sent = e.sent[1:]
		}
		if len(e.sent) >= perMinute {
			return e.sent[len(e.sent)-perMinute].Add(window)
		}
		e.sent = append(e.sent, now)
	}
	e.probedAt = now
	return now
}

// pause keeps everyone off the endpoint until t; a longer pause stays.
func (g *gates) pause(key string, t time.Time) {
	if key == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at(key).pause(t)
}

func (e *gate) pause(t time.Time) {
	if t.After(e.pausedUntil) {
		e.pausedUntil = t
		e.untried = true
		e.probedAt = time.Time{}
	}
}

// answered says that the endpoint took a request, or that there was no answer and the next one may go ahead.
func (g *gates) answered(key string, took bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.byKey[key]; e != nil {
		e.untried = e.untried && !took
		e.probedAt = time.Time{}
	}
}

// at returns the gate of key. The caller holds the lock.
func (g *gates) at(key string) *gate {
	e := g.byKey[key]
	if e == nil {
		e = &gate{}
		g.byKey[key] = e
	}
	return e
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
