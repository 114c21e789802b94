package funchost

import (
	"context"
	"fmt"
	"sync"
)

// frost says whether an instance stands still.
type frost struct {
	mu     sync.Mutex
	thawed chan struct{} // nil while the instance moves
}

func (f *frost) set(still bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case still && f.thawed == nil:
		f.thawed = make(chan struct{})
	case !still && f.thawed != nil:
		close(f.thawed)
		f.thawed = nil
	}
}

func (f *frost) still() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.thawed != nil
}

// wait returns as soon as the instance moves, and reports false if ctx ended before.
func (f *frost) wait(ctx context.Context) bool {
	f.mu.Lock()
	thawed := f.thawed
	f.mu.Unlock()
	if thawed == nil {
		return ctx.Err() == nil
	}
	select {
	case <-thawed:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// Freeze stops an instance of a function as a virtual machine is frozen: its handler process gets no processor time,
// and the host renews none of the locks and leases that the instance holds, so that they lapse and other instances go
// on. Nothing is counted as an error. For an HTTP function it is the instance that all of them share. It fails where
// the operating system cannot stop a process, and before the handler is ready. A repeat is safe.
func (h *Host) Freeze(function string, instance int) error {
	in, err := h.instance(function, instance)
	if err != nil {
		return err
	}
	s, p, _ := in.current()
	if s != ready {
		return fmt.Errorf("functions host: %s cannot be frozen: its handler is not ready", in)
	}
	in.frost.set(true)
	if err := stopProcess(p.cmd.Process); err != nil {
		in.frost.set(false)
		return fmt.Errorf("functions host: freeze %s: %w", in, err)
	}
	return nil
}

// Thaw lets a frozen instance go on where it was, as if no time had passed for it. A repeat is safe.
func (h *Host) Thaw(function string, instance int) error {
	in, err := h.instance(function, instance)
	if err != nil {
		return err
	}
	in.frost.set(false)
	_, p, _ := in.current()
	if p == nil {
		return nil
	}
	if err := continueProcess(p.cmd.Process); err != nil {
		return fmt.Errorf("functions host: thaw %s: %w", in, err)
	}
	return nil
}

// instance finds an instance of the scale group that a function belongs to.
func (h *Host) instance(function string, n int) (*instance, error) {
	fn, err := h.find(function)
	if err != nil {
		return nil, err
	}
	g := h.groupOf(fn)
	if n < 0 || n >= len(g.instances) {
		return nil, fmt.Errorf("functions host: %s has instances 0 to %d, not %d", function, len(g.instances)-1, n)
	}
	return g.instances[n], nil
}
