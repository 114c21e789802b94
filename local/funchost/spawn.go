package funchost

import (
	"errors"
	"runtime"
)

// spawner starts processes on one operating-system thread that lives as long as the host: the kernel ties a child's
// death signal to the thread that started it, not to the process.
type spawner struct {
	work chan func()
	stop chan struct{}
	gone chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func()), stop: make(chan struct{}), gone: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.gone)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case f := <-s.work:
			f()
		case <-s.stop:
			return
		}
	}
}

// do runs f on the thread and returns its error.
func (s *spawner) do(f func() error) error {
	result := make(chan error, 1)
	select {
	case s.work <- func() { result <- f() }:
		return <-result
	case <-s.gone:
		return errors.New("the host has stopped")
	}
}

// close ends the thread's loop. No call of do may come later.
func (s *spawner) close() {
	close(s.stop)
	<-s.gone
}
