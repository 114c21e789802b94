package chaos

import (
	"context"
	"sync"
	"time"
)

// pace watches how late this machine is with what it has to do. The waits of a run are seconds where Azure has minutes,
// so a machine that stands still for some of them breaks promises that no strike breaks.
type pace struct {
	mu    sync.Mutex
	waits []wait // of the last moment
}

// wait is one short sleep and by how much it was too long.
type wait struct {
	at   time.Time
	late time.Duration
}

// Bounds of what a run may begin under.
const (
	beat      = 20 * time.Millisecond
	moment    = time.Second
	tooLate   = 200 * time.Millisecond
	atTheMost = 10 * time.Second // a machine that never keeps up gets its run all the same
)

// watch measures until ctx ends.
func (p *pace) watch(ctx context.Context) {
	last := time.Now()
	for tick := time.NewTicker(beat); ; {
		select {
		case <-tick.C:
			now := time.Now()
			p.note(now, now.Sub(last)-beat)
			last = now
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}

func (p *pace) note(now time.Time, late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.waits) > 0 && now.Sub(p.waits[0].at) > moment {
		p.waits = p.waits[1:]
	}
	p.waits = append(p.waits, wait{now, late})
}

// late is the longest delay of the last moment.
func (p *pace) late() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var longest time.Duration
	for _, w := range p.waits {
		longest = max(longest, w.late)
	}
	return longest
}

// settle waits until the machine keeps up.
func (p *pace) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, atTheMost)
	defer cancel()
	for tick := time.NewTicker(moment / 4); p.late() > tooLate; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}
