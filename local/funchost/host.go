package funchost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// httpGroup is the name of the scale group of all HTTP functions.
const httpGroup = "http"

// Host is a running Functions host. Its methods may be called from any goroutine.
type Host struct {
	o       Options
	id      string
	started time.Time
	config  hostConfig
	fns     []*function
	off     map[string]error // functions that could not be indexed, and why
	groups  []*group
	spawner *spawner
	release []func() // gives the reserved ports back

	orphanMu sync.Mutex // guards orphans, and release once the host runs
	orphans  []*process // handlers that a stop left running

	ctx      context.Context
	stop     context.CancelCauseFunc
	listener net.Listener
	server   *http.Server
	work     sync.WaitGroup // invocations that no instance owns: HTTP and by hand
	workMu   sync.Mutex     // guards refused, and so orders the last Add of work before its Wait
	refused  bool
	done     chan struct{}
}

// group is one scale group: the functions that share a process, and its instances.
type group struct {
	instances []*instance
	turn      atomic.Uint64
}

// pick takes the instances in turn, and passes by those that stop as long as there are others.
func (g *group) pick() *instance {
	var in *instance
	for range g.instances {
		if in = g.instances[int(g.turn.Add(1)-1)%len(g.instances)]; in.takes() {
			break
		}
	}
	return in
}

// Start reads the app, starts its processes and listens. It returns as soon as the front listens; invocations wait
// until their handler is ready. An error names the file or setting that is wrong, and then nothing was left running.
// The host runs until ctx ends, Close is called or it shuts itself down, which Wait tells.
func Start(ctx context.Context, o Options) (*Host, error) {
	h := &Host{o: o.withDefaults(), id: newGUID(), done: make(chan struct{})}
	if err := h.read(); err != nil {
		return nil, fmt.Errorf("functions host: %w", err)
	}
	if err := h.assemble(); err != nil {
		h.releasePorts()
		return nil, fmt.Errorf("functions host: %w", err)
	}
	if h.listener = o.Listener; h.listener == nil {
		listener, err := net.Listen("tcp", loopback(o.Addr))
		if err != nil {
			h.releasePorts()
			return nil, fmt.Errorf("functions host: HTTP front: %w", err)
		}
		h.listener = listener
	}
	h.started = h.o.Clock.Now()
	for _, name := range slices.Sorted(maps.Keys(h.off)) {
		h.o.Logf("Error indexing method 'Functions.%s': the function is off, all else runs: %v", name, h.off[name])
	}
	h.o.Logf("timers tick early and late, and what else the host leaves to chance comes about, by seed %d", h.o.Seed)
	h.ctx, h.stop = context.WithCancelCause(ctx)
	h.spawner = newSpawner()
	h.server = &http.Server{Handler: http.HandlerFunc(h.front), ReadHeaderTimeout: 30 * time.Second}
	for _, in := range h.instances() {
		in.begin()
	}
	go h.run()
	return h, nil
}

func loopback(addr string) string {
	if addr == "" {
		addr = ":0"
	}
	if strings.HasPrefix(addr, ":") {
		return "127.0.0.1" + addr
	}
	return addr
}

func (h *Host) read() error {
	root, err := filepath.Abs(h.o.AppRoot)
	if err != nil || h.o.AppRoot == "" {
		return fmt.Errorf("AppRoot %q is not a folder", h.o.AppRoot)
	}
	h.o.AppRoot = root
	if err := checkSettings(h.o.Settings); err != nil {
		return err
	}
	if h.config, err = readHostConfig(root, h.o.Settings); err != nil {
		return err
	}
	h.fns, h.off, err = readFunctions(root, h.o.Settings, h.config)
	return err
}

// assemble sorts the functions into scale groups and reserves a port for each instance.
func (h *Host) assemble() error {
	names := []string{}
	members := make(map[string][]*function)
	for _, fn := range h.fns {
		name := fn.name
		if fn.http != nil {
			name = httpGroup
		}
		if fn.queue != nil && !fn.disabled && h.o.Broker == nil {
			return fmt.Errorf("function %s reads queue %s, but Options.Broker is nil", fn.name, fn.queue.queue)
		}
		if members[name] == nil {
			names = append(names, name)
		}
		members[name] = append(members[name], fn)
	}
	for name := range h.o.Instances {
		if members[name] == nil && h.off[name] == nil {
			return fmt.Errorf("Options.Instances names %q; the scale groups are %s", name, strings.Join(names, ", "))
		}
	}
	for _, name := range names {
		count := 1
		if n, said := h.o.Instances[name]; said {
			count = n
		}
		if count < 1 {
			return fmt.Errorf("Options.Instances asks for %d instances of %s; it must be at least 1", count, name)
		}
		g := &group{}
		for i := range count {
			port, release, err := reservePort()
			if err != nil {
				return fmt.Errorf("a port for %s: %w", name, err)
			}
			h.release = append(h.release, release)
			own := h.o.InstanceSettings(name, i)
			if err := checkSettings(own); err != nil {
				return fmt.Errorf("Options.InstanceSettings of %s/%d: %w", name, i, err)
			}
			g.instances = append(g.instances, &instance{
				h:     h,
				group: name,
				index: i,
				port:  port,
				fns:   members[name],
				own:   own,
			})
		}
		h.groups = append(h.groups, g)
	}
	return nil
}

func (h *Host) instances() []*instance {
	var all []*instance
	for _, g := range h.groups {
		all = append(all, g.instances...)
	}
	return all
}

// run serves until the host stops and takes everything down again.
func (h *Host) run() {
	defer close(h.done)
	var parts sync.WaitGroup
	for _, in := range h.instances() {
		parts.Go(in.supervise)
	}
	parts.Go(func() {
		if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
			h.fail(fmt.Errorf("HTTP front: %w", err))
		}
	})
	<-h.ctx.Done()
	_ = h.server.Close() // connections are dropped; an error is of no use to anybody
	parts.Wait()
	h.refuse()
	h.work.Wait()
	h.endOrphans()
	h.spawner.close()
	h.releasePorts()
}

func (h *Host) releasePorts() {
	for _, release := range h.release {
		release()
	}
}

// enter counts an invocation that no instance owns; it reports false once the host has stopped.
func (h *Host) enter() bool {
	h.workMu.Lock()
	defer h.workMu.Unlock()
	if h.refused {
		return false
	}
	h.work.Add(1)
	return true
}

// refuse turns away invocations from now on.
func (h *Host) refuse() {
	h.workMu.Lock()
	defer h.workMu.Unlock()
	h.refused = true
}

// fail shuts the host down because of err.
func (h *Host) fail(err error) {
	if h.ctx.Err() == nil {
		h.o.Logf("%v", err)
	}
	h.stop(err)
}

// Addr is where the HTTP front listens, as host:port.
func (h *Host) Addr() string { return h.listener.Addr().String() }

// Wait returns when the host has stopped and nothing of it runs any more. The error is nil after Close or the end of
// the context given to Start; otherwise it says why the host shut itself down.
func (h *Host) Wait() error {
	<-h.done
	switch cause := context.Cause(h.ctx); {
	case errors.Is(cause, errStopped), errors.Is(cause, context.Canceled), errors.Is(cause, context.DeadlineExceeded):
		return nil
	default:
		return cause
	}
}

// Close ends the host for good and takes everything down: no new triggers, SIGKILL to all handlers at once, also to
// those that a stop left running. Messages in flight are abandoned. It returns when everything is gone; a repeat is
// safe. StopAll is how a host stops in Azure.
func (h *Host) Close() {
	h.stop(errStopped)
	<-h.done
}

func (h *Host) find(name string) (*function, error) {
	for _, fn := range h.fns {
		if fn.name == name {
			return fn, nil
		}
	}
	if err := h.off[name]; err != nil {
		return nil, fmt.Errorf("functions host: %s is off: %w", name, err)
	}
	return nil, fmt.Errorf("functions host: there is no function %q", name)
}

func (h *Host) groupOf(fn *function) *group {
	name := fn.name
	if fn.http != nil {
		name = httpGroup
	}
	for _, g := range h.groups {
		if g.instances[0].group == name {
			return g
		}
	}
	return nil
}

// Kill ends the handler process of a function's instance with SIGKILL and returns when it is dead. For an HTTP function
// that is the process all of them share. The host counts it as an error event and starts the handler again: the third
// within thirty minutes shuts the host down.
func (h *Host) Kill(function string, instance int) error {
	in, err := h.instance(function, instance)
	if err != nil {
		return err
	}
	return in.kill()
}

// KillAll is a power cut: every instance is lost with all it held, and every handler that a stop left running. Nothing
// is settled, so the locks of messages in flight lapse by themselves, and a timer run in progress is not recorded. New
// instances start at once with a clean error count. It returns when the old ones are dead.
func (h *Host) KillAll() {
	var all sync.WaitGroup
	for _, in := range h.instances() {
		all.Go(in.lose)
	}
	h.endOrphans()
	all.Wait()
}

// Lose is KillAll for one instance of a function's scale group: as when its machine is gone. What it held, leases of
// timers too, stays its until it runs out.
func (h *Host) Lose(function string, instance int) error {
	in, err := h.instance(function, instance)
	if err == nil {
		in.lose()
	}
	return err
}

// Invoke runs a function that is not an HTTP one with input, as the admin API does, and waits for the result: nil if
// the invocation succeeded. When ctx ends it stops waiting; the invocation goes on.
func (h *Host) Invoke(ctx context.Context, function, input string) error {
	fn, err := h.find(function)
	if err != nil {
		return err
	}
	if fn.http != nil {
		return fmt.Errorf("functions host: %s is an HTTP function; call its route", function)
	}
	if !h.enter() {
		return errStopped
	}
	result := make(chan error, 1)
	go func() {
		defer h.work.Done()
		result <- h.trigger(fn, input)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
