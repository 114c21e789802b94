package trigger

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// buildTime bounds one attempt to build the services.
const buildTime = time.Minute

// lazy builds the services once, and again after a pause if it failed.
type lazy struct {
	build func(ctx context.Context) (Services, error)
	pause time.Duration

	mu   sync.Mutex
	last *attempt
}

// attempt is one try to build. Its other fields are written before done is closed and not after.
type attempt struct {
	done   chan struct{}
	all    Services
	err    error
	failed time.Time
}

// notReady says that the services could not be built. Nothing was done; the host repeats what it has to.
type notReady struct{ error }

func (n *notReady) Error() string {
	return "the services are not ready: " + n.error.Error()
}
func (n *notReady) Unwrap() error { return n.error }

// get waits until the services are built, could not be, or the context ends; the error is always a *notReady. The
// attempt itself goes on without whoever began it.
func (l *lazy) get(ctx context.Context) (Services, error) {
	a := l.current(ctx)
	select {
	case <-a.done:
	case <-ctx.Done():
		return Services{}, &notReady{fmt.Errorf("they are still being built: %w", ctx.Err())}
	}
	if a.err != nil {
		return Services{}, &notReady{a.err}
	}
	return a.all, nil
}

// current is the attempt to wait for; it begins one if there is none or the last one failed long enough ago.
func (l *lazy) current(ctx context.Context) *attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil || l.last.over(l.pause) {
		l.last = &attempt{done: make(chan struct{})}
		go l.last.run(context.WithoutCancel(ctx), l.build)
	}
	return l.last
}

func (a *attempt) over(pause time.Duration) bool {
	select {
	case <-a.done:
		return a.err != nil && time.Since(a.failed) >= pause
	default:
		return false
	}
}

func (a *attempt) run(ctx context.Context, build func(ctx context.Context) (Services, error)) {
	defer close(a.done)
	ctx, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	a.err = guard(func() (err error) {
		a.all, err = build(ctx)
		return err
	})
	a.failed = time.Now()
}
