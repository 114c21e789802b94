package chaos

import (
	"errors"
	"maps"
	"sync"
	"time"
)

// killer ends processes; a Functions host is one.
type killer interface {
	Kill(function string, instance int) error
	KillAll()
	// StopAll ends every process in order, and returns when new ones have started.
	StopAll()
	// DrainAll has the triggers take nothing more, and returns at once.
	DrainAll()
}

// drained is how long a host stands drained before it is stopped: calls from outside are answered meanwhile.
const drained = 2 * time.Second

// gate counts what passes all boundaries of one run and says when to strike. It strikes once.
type gate struct {
	point Point
	// noted is called when the strike has fallen: whoever it kills is dead, and nobody knows of it yet.
	noted func(function string)

	mu     sync.Mutex
	counts map[Site]int
	count  int // of what the point counts
	fired  bool
	shut   bool
	kills  sync.WaitGroup
	struck time.Time
	errs   []error

	owned chan struct{} // closed once host is set
	host  killer
}

func newGate(p Point, noted func(function string)) *gate {
	return &gate{point: p, noted: noted, counts: map[Site]int{}, owned: make(chan struct{})}
}

// own tells the gate whose processes they are; a strike waits for it. It is called once.
func (g *gate) own(host killer) {
	g.host = host
	close(g.owned)
}

// pass counts one thing and says what is to become of it; empty for nothing special, or when the gate itself sees to
// it. Whoever gets a kind must carry it out, and call strike at its moment.
func (g *gate) pass(s Site) Kind {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return ""
	}
	g.counts[s]++
	if g.fired || g.point.Boundary != s.Boundary || (g.point.By != "" && g.point.By != s.By) {
		return ""
	}
	if g.count++; g.count != g.point.K {
		return ""
	}
	g.fired = true
	if g.point.Kind.orderly() {
		// The host waits for the work that the thing belongs to, so the thing must not wait for the host.
		g.kills.Go(func() { g.strike(s.By, 0) })
		return ""
	}
	return g.point.Kind
}

// strike does to the sender what the point says: it returns when the process is dead, or at once if nobody is to die.
func (g *gate) strike(function string, instance int) {
	<-g.owned
	var err error
	switch {
	case g.point.Kind == Lost:
	case g.point.Kind == Stopped:
		g.host.StopAll()
	case g.point.Kind == Drained:
		g.host.DrainAll()
		time.Sleep(drained)
		g.host.StopAll()
	case g.point.WithHost:
		g.host.KillAll()
	default:
		err = g.host.Kill(function, instance)
	}
	g.noted(function)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.struck = time.Now()
	if err != nil {
		g.errs = append(g.errs, err)
	}
}

// strikeApart is strike for a caller who is a part of what dies.
func (g *gate) strikeApart(function string, instance int) {
	g.kills.Go(func() { g.strike(function, instance) })
}

// shutDown ends counting and striking, waits for a strike under way, and returns what went wrong with it.
func (g *gate) shutDown() error {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
	g.kills.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.errs...)
}

// struckAt is when the strike happened; zero: not yet.
func (g *gate) struckAt() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.struck
}

// counted is how much passed so far, by site.
func (g *gate) counted() map[Site]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.counts)
}
