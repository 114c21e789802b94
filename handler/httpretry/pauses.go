package httpretry

import (
	"context"
	"time"
)

// Pauses lets processes that share a quota tell each other that an endpoint wants no requests. Keys are those of
// Options.Budget. An error costs nothing but the news: each process still knows the pauses that it was asked for
// itself. Both calls are given little time.
type Pauses interface {
	// PausedUntil says until when an endpoint is paused; zero, or a time that is past, if it is not.
	PausedUntil(ctx context.Context, key string) (time.Time, error)
	// Pause lets the others know of a pause. A time that is not later than what they know changes nothing.
	Pause(ctx context.Context, key string, until time.Time) error
}

const (
	pausesKnownFor = 5 * time.Second        // how long an answer of Pauses is good for
	pausesSilent   = 30 * time.Second       // how long it is not asked again after an error
	pausesTime     = 2 * time.Second        // how long one call may take
	leastShared    = time.Second            // shorter pauses are over before the others hear of them
	sameUntil      = 500 * time.Millisecond // times that are closer together are the same news
)

// learn asks for the pauses of others if what is known of the endpoint is old. Whoever comes meanwhile waits for the
// answer, so that a process that has just started does not begin with a burst of requests that are refused.
func (t *Transport) learn(ctx context.Context, key string) {
	if t.opts.Pauses == nil || key == "" {
		return
	}
	asking, mine := t.gates.ask(key)
	if mine {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pausesTime)
		defer cancel()
		until, err := t.opts.Pauses.PausedUntil(ctx, key)
		t.gates.told(key, until, err)
		return
	}
	if asking != nil {
		select {
		case <-asking:
		case <-ctx.Done():
		}
	}
}

// share tells the others of a pause that this process was asked for.
func (t *Transport) share(ctx context.Context, key string, until time.Time) {
	if t.opts.Pauses == nil || key == "" || !t.gates.news(key, until) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pausesTime)
	defer cancel()
	// An error is for Pauses to report; the pause holds here all the same.
	_ = t.opts.Pauses.Pause(ctx, key, until)
}

// ask says whether the caller is to ask for the pauses of others, or else what to wait for before it goes on; nil for
// nothing.
func (g *gates) ask(key string) (asking <-chan struct{}, mine bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.at(key)
	if e.asking != nil {
		return e.asking, false
	}
	now := time.Now()
	if now.Sub(e.askedAt) < pausesKnownFor {
		return nil, false
	}
	e.asking = make(chan struct{})
	return nil, true
}

// told keeps the answer. A time further ahead than anything that the API may ask for comes from a wrong clock and is
// not believed.
func (g *gates) told(key string, until time.Time, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, now := g.at(key), time.Now()
	close(e.asking)
	e.asking, e.askedAt = nil, now
	if err != nil {
		e.askedAt = now.Add(pausesSilent - pausesKnownFor)
		return
	}
	if until.After(now) && !until.After(now.Add(maxRetryAfter)) {
		e.shared = until
		e.pause(until)
	}
}

// news says whether a pause is worth telling, and counts it as told.
func (g *gates) news(key string, until time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.at(key)
	if time.Until(until) < leastShared || until.Before(e.shared.Add(sameUntil)) {
		return false
	}
	e.shared = until
	return true
}
