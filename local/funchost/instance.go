package funchost

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// instance is one host instance of a scale group: one handler process at a time, restarted by the host's rules, and the
// triggers that feed it.
type instance struct {
	h     *Host
	group string
	index int
	port  int
	fns   []*function
	frost frost
	own   map[string]string // settings on top of the app's

	mu      sync.Mutex
	life    *life
	state   state
	proc    *process
	changed chan struct{}
	// failures are the error events whose distance to the next one is within the window.
	failures []time.Time
}

// life is the time from one (re)start of the whole instance to its loss or the host's stop. Restarts of the handler
// process alone belong to the same life.
type life struct {
	ctx context.Context
	cut context.CancelCauseFunc
	// listening ends when the triggers are to take nothing more: at a stop or drain while ctx goes on, else with it.
	// Its cause says why.
	listening context.Context
	quiet     context.CancelCauseFunc
	// silent is closed when no trigger runs any more, its work included.
	silent chan struct{}
	// lost is set before the process of a lost instance is killed, and cut follows: from then on nothing is settled or
	// recorded.
	lost atomic.Bool
	// left says that the host goes without its handler, which runs on.
	left atomic.Bool
	// running counts the invocations under way.
	running atomic.Int32
	// over is closed when no trigger runs any more and the process is dead, or left alone.
	over chan struct{}

	// The instance's mu guards both: a stop has begun, and how many calls from outside are aboard.
	stopping bool
	calls    int
}

// state is where the current handler process stands.
type state int

const (
	starting state = iota
	ready
	// ended: exit code 0 after it was ready, never restarted.
	ended
	// unstarted: the binary cannot be run, so there is no process and there will be none.
	unstarted
)

var (
	errExited  = errors.New("the handler process ended before it was ready")
	errLost    = errors.New("the instance was lost")
	errStopped = errors.New("the host has stopped")
	errEnded   = errors.New("connection refused: the handler ended with exit code 0 and is not restarted")
	errNoStart = errors.New("the handler could not be started")
)

// The host's limits: three error events, each at most thirty minutes after the one before, shut it down.
const (
	errorEvents = 3
	errorWindow = 30 * time.Minute
	// restartPause is from the end of a process to the start of the next, of which 70 to 100 ms were seen.
	restartPause = 70 * time.Millisecond
	// timeoutGrace is from the failure of an invocation by functionTimeout to the end of its process.
	timeoutGrace = 2500 * time.Millisecond
)

func (in *instance) String() string { return fmt.Sprintf("%s/%d", in.group, in.index) }

// begin opens a new life.
func (in *instance) begin() *life {
	ctx, cut := context.WithCancelCause(in.h.ctx)
	l := &life{ctx: ctx, cut: cut, silent: make(chan struct{}), over: make(chan struct{})}
	l.listening, l.quiet = context.WithCancelCause(ctx)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.life, in.failures = l, nil
	in.turn(starting, nil)
	return l
}

// turn sets state and process and wakes who waits. The caller holds mu.
func (in *instance) turn(s state, p *process) {
	in.state, in.proc = s, p
	in.wake()
}

// wake wakes who waits for a change. The caller holds mu.
func (in *instance) wake() {
	if in.changed != nil {
		close(in.changed)
	}
	in.changed = make(chan struct{})
}

func (in *instance) set(s state, p *process) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.turn(s, p)
}

func (in *instance) current() (state, *process, <-chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.state, in.proc, in.changed
}

func (in *instance) currentLife() *life {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.life
}

// supervise lives one life after the other until the host stops.
func (in *instance) supervise() {
	for l := in.currentLife(); ; l = in.begin() {
		in.awaken(l)
		go func() {
			defer close(l.silent)
			in.listen(l)
		}()
		in.keepRunning(l)
		<-l.ctx.Done()
		<-l.silent
		close(l.over)
		if in.h.ctx.Err() != nil {
			return
		}
	}
}

// keepRunning starts the handler and starts it again as its exit codes ask, until the life ends, the handler ends for
// good, or the host gives up.
func (in *instance) keepRunning(l *life) {
	for !l.ending() {
		p, err := startProcess(in)
		if err != nil {
			// Nothing is restarted and nobody is told but the log: calls hang until functionTimeout.
			in.h.o.Logf("%s: Failed to start Worker Channel. Process fail to start: %v", in, err)
			in.set(unstarted, nil)
			return
		}
		in.frost.set(false)
		in.set(starting, p)
		err = in.attend(l, p)
		if l.ending() {
			return
		}
		switch code := p.cmd.ProcessState.ExitCode(); {
		case err != nil:
			if !in.errorEvent(err) {
				return
			}
		case p.recycled.Load() || code == 200:
			in.h.o.Logf("%s: the handler is started again", in)
		case code == 0:
			in.h.o.Logf("%s: the handler ended with exit code 0 and is not restarted; every later invocation fails", in)
			in.set(ended, nil)
			return
		default:
			if !in.errorEvent(p.failure()) {
				return
			}
		}
		in.set(starting, nil)
		sleep(l.ctx, in.h.o.Clock, restartPause)
	}
}

// attend sees one process from its start to its end. It returns an error if the process was not ready in time. The host
// takes no notice of exit code 0, so that one before readiness is found out by the time alone.
func (in *instance) attend(l *life, p *process) error {
	ctx, cancel := context.WithCancelCause(l.ctx)
	defer cancel(nil)
	limit := in.h.config.initTimeout
	late := fmt.Errorf("the handler did not answer GET / on its port within %s", limit)
	stop := in.h.o.Clock.AfterFunc(limit, func() { cancel(late) })
	err := p.probe(ctx, in.h.o.ProbeInterval)
	if errors.Is(err, errExited) && !p.recycled.Load() && p.cmd.ProcessState.ExitCode() == 0 {
		<-ctx.Done()
	}
	stop()
	if err == nil {
		in.set(ready, p)
	}
	if err != nil && context.Cause(ctx) == late {
		p.kill()
		return late
	}
	select {
	case <-p.done:
	case <-l.ctx.Done():
		if l.left.Load() {
			in.abandon(p)
		} else {
			p.kill()
		}
	}
	return nil
}

// errorEvent counts an unwanted end and reports whether the handler may start again.
func (in *instance) errorEvent(err error) bool {
	now := in.h.o.Clock.Now()
	in.mu.Lock()
	if n := len(in.failures); n > 0 && now.Sub(in.failures[n-1]) > errorWindow {
		in.failures = nil
	}
	in.failures = append(in.failures, now)
	count := len(in.failures)
	in.mu.Unlock()
	if count < errorEvents {
		in.h.o.Logf("%s: %v; restart %d", in, err, count)
		return true
	}
	in.h.fail(fmt.Errorf("%s: error event %d within %s of the one before, the host shuts down: %w", in, count,
		errorWindow, err))
	return false
}

// await returns the ready process. It gives up, and the host with it, after four times the initialization time-out,
// unless the binary cannot be run at all.
func (in *instance) await(ctx context.Context) (*process, error) {
	limit := 4 * in.h.config.initTimeout
	var late chan struct{}
	for {
		s, p, changed := in.current()
		switch {
		case s == ready && !p.ended():
			return p, nil
		case s == ended:
			return nil, errEnded
		case s == unstarted:
			<-ctx.Done()
			return nil, context.Cause(ctx)
		case late == nil:
			late = make(chan struct{})
			stop := in.h.o.Clock.AfterFunc(limit, func() { close(late) })
			defer stop()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-late:
			err := fmt.Errorf("%s: an invocation waited %s for the handler to become ready; the host shuts down", in,
				limit)
			in.h.fail(err)
			return nil, err
		}
	}
}

// lose kills the process without a word to anybody, the process itself included: what it held under lock stays locked,
// what ran is not recorded. A new life follows at once.
func (in *instance) lose() {
	l := in.currentLife()
	l.lost.Store(true)
	if _, p, _ := in.current(); p != nil {
		p.kill()
	}
	l.cut(errLost)
	in.awaitNext(l)
}

// ending reports whether the life is over or about to be.
func (l *life) ending() bool { return l.lost.Load() || l.ctx.Err() != nil }

// kill ends the current process with SIGKILL and waits until it is gone. Between two processes it waits for the next
// one.
func (in *instance) kill() error {
	for {
		s, p, changed := in.current()
		if p != nil && !p.ended() {
			p.kill()
			return nil
		}
		switch s {
		case ended:
			return fmt.Errorf("%s: %w", in, errEnded)
		case unstarted:
			return fmt.Errorf("%s: %w", in, errNoStart)
		}
		select {
		case <-changed:
		case <-in.h.ctx.Done():
			return fmt.Errorf("%s: %w", in, errStopped)
		}
	}
}

// recycle has the process that an invocation hung in restarted a little later, or the current one if it never got that
// far. It counts no error. What else runs in the process may end before.
func (in *instance) recycle(p *process) {
	if p == nil {
		_, p, _ = in.current()
	}
	if p != nil && p.doomed.CompareAndSwap(false, true) {
		in.h.o.Clock.AfterFunc(timeoutGrace, func() {
			if !p.left.Load() {
				p.recycle()
			}
		})
	}
}

// listen runs the group's own triggers for one life.
func (in *instance) listen(l *life) {
	var all sync.WaitGroup
	for _, fn := range in.fns {
		switch {
		case fn.disabled:
		case fn.queue != nil:
			all.Go(func() { in.consume(l, fn) })
		case fn.timer != nil:
			all.Go(func() { in.tend(l, fn) })
		}
	}
	all.Wait()
}
