package funchost

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// The host's times at a stop: how long it waits for work in flight, and how long after that it is gone.
const (
	stopWait  = 10 * time.Second
	stopLeave = 300 * time.Millisecond
)

var (
	errStopping = errors.New("the instance was stopped")
	errDrained  = errors.New("the instance drains")
	errStands   = errors.New("it is frozen and cannot stop; thaw it first")
)

// Stop ends an instance of a function in good order, as a deployment or a scale-in does, and begins its next life. The
// triggers take nothing more, and work in flight is waited for up to ten seconds; a message whose function succeeds in
// that time is given back all the same. Then the handler gets SIGKILL, and never anything else. Work that takes longer
// is left: after 10.3 s the host is gone, so that nothing settles the message or renews its lock, and the handler runs
// on beside its successor, which gets another port, until Close. For an HTTP function it is the instance that all of
// them share; calls from outside wait for the next life, where Azure would have another instance for them. Stop returns
// when the old life is over and the next one has begun. It fails if the instance is frozen.
func (h *Host) Stop(function string, instance int) error {
	in, err := h.instance(function, instance)
	if err != nil {
		return err
	}
	if in.frost.still() {
		return fmt.Errorf("functions host: %s: %w", in, errStands)
	}
	in.stop()
	return nil
}

// StopAll stops every instance at once, as a deployment does, but for those that are frozen. See Stop.
func (h *Host) StopAll() {
	var all sync.WaitGroup
	for _, in := range h.instances() {
		if !in.frost.still() {
			all.Go(in.stop)
		}
	}
	all.Wait()
}

// Drain has the triggers of an instance take nothing more, as the platform does before it takes an instance away. Work
// in flight goes on for as long as it takes, a message whose function succeeds is given back all the same, and HTTP
// goes on. It returns at once; only the end of the instance's life, by Stop for one, ends the drain. A repeat is safe.
func (h *Host) Drain(function string, instance int) error {
	in, err := h.instance(function, instance)
	if err != nil {
		return err
	}
	in.drain()
	return nil
}

// DrainAll drains every instance, as POST /admin/host/drain does.
func (h *Host) DrainAll() {
	for _, in := range h.instances() {
		in.drain()
	}
}

// drainStatus tells of the drain of all instances together.
func (h *Host) drainStatus(w http.ResponseWriter) {
	state, outstanding := "Completed", int32(0)
	for _, in := range h.instances() {
		l := in.currentLife()
		outstanding += l.running.Load()
		if l.listening.Err() == nil {
			state = "Disabled"
		}
	}
	if state == "Completed" && outstanding > 0 {
		state = "InProgress"
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"state":                  state,
		"outstandingInvocations": outstanding,
		"outstandingRetries":     0,
	})
}

// Orphans is how many handlers still run that stops left behind.
func (h *Host) Orphans() int {
	h.orphanMu.Lock()
	defer h.orphanMu.Unlock()
	n := 0
	for _, p := range h.orphans {
		if !p.ended() {
			n++
		}
	}
	return n
}

// endOrphans kills the handlers that stops left behind.
func (h *Host) endOrphans() {
	h.orphanMu.Lock()
	defer h.orphanMu.Unlock()
	for _, p := range h.orphans {
		p.kill()
	}
}

func (in *instance) drain() {
	in.h.o.Logf("%s drains", in)
	in.currentLife().quiet(errDrained)
}

// stop ends the current life in good order and returns when the next one has begun.
func (in *instance) stop() {
	l := in.currentLife()
	in.retire(l)
	in.awaitNext(l)
}

// retire ends a life in good order, unless that has begun already, and returns when it is done.
func (in *instance) retire(l *life) {
	in.mu.Lock()
	begun := l.stopping
	l.stopping = true
	in.mu.Unlock()
	if !begun {
		in.shut(l)
	}
}

// awaitNext returns when the life is over and the next one has begun, or the host has ended.
func (in *instance) awaitNext(l *life) {
	<-l.over
	for {
		in.mu.Lock()
		now, changed := in.life, in.changed
		in.mu.Unlock()
		if now != l {
			return
		}
		select {
		case <-changed:
		case <-in.h.ctx.Done():
			return
		}
	}
}

// shut is the stop itself.
func (in *instance) shut(l *life) {
	clock := in.h.o.Clock
	in.h.o.Logf("%s stops", in)
	l.quiet(errStopping)
	idle, late := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(idle)
		in.awaitIdle(l)
	}()
	cancel := clock.AfterFunc(stopWait, func() { close(late) })
	defer cancel()
	select {
	case <-idle:
	case <-l.ctx.Done():
	case <-late:
		// The handler is killed only by a host whose work is done.
		l.left.Store(true)
		sleep(l.ctx, clock, stopLeave)
		l.lost.Store(true)
	}
	l.cut(errStopping)
	<-idle
}

// awaitIdle waits until no trigger has work and no call from outside is aboard. They end with the life at the latest.
func (in *instance) awaitIdle(l *life) {
	<-l.silent
	for {
		in.mu.Lock()
		calls, changed := l.calls, in.changed
		in.mu.Unlock()
		if calls == 0 {
			return
		}
		<-changed
	}
}

// abandon leaves the process to itself: it runs on, on the port that it has, until Close. That its output is still
// taken is an assumption: the pipes of a host that is gone are closed, and a handler in Go that writes to one ends. One
// that runs on does the most harm.
func (in *instance) abandon(p *process) {
	in.h.orphanMu.Lock()
	defer in.h.orphanMu.Unlock()
	in.h.orphans = append(in.h.orphans, p)
	p.left.Store(true)
	p.client.CloseIdleConnections()
	port, release, err := reservePort()
	if err != nil {
		in.h.fail(fmt.Errorf("a port for %s: %w", in, err))
		return
	}
	in.h.release = append(in.h.release, release)
	in.h.o.Logf("%s: work was in flight for longer than %s: the handler is left running on port %d, the next one "+
		"gets port %d",
		in, stopWait, in.port, port)
	in.port = port
}

// call runs an invocation that comes from outside of the instance: HTTP or by hand. While the instance stops it waits
// for the next life.
func (in *instance) call(fn *function, send sender) (Event, *answer) {
	l := in.board()
	defer in.alight(l)
	return in.invoke(l, fn, send)
}

func (in *instance) board() *life {
	for {
		in.mu.Lock()
		l, changed := in.life, in.changed
		if !l.stopping || in.h.ctx.Err() != nil {
			l.calls++
			in.mu.Unlock()
			return l
		}
		in.mu.Unlock()
		select {
		case <-changed:
		case <-in.h.ctx.Done():
		}
	}
}

func (in *instance) alight(l *life) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if l.calls--; l.calls == 0 {
		in.wake()
	}
}

// takes says whether a call from outside need not wait for the next life.
func (in *instance) takes() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return !in.life.stopping
}
