package chaos

import (
	"net"
	"sync"
)

// acceptor serves connections of one listener, each in its own goroutine, until it is closed.
type acceptor struct {
	listener net.Listener
	serve    func(net.Conn)

	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	closed  bool
	running sync.WaitGroup
}

func accept(listener net.Listener, serve func(net.Conn)) *acceptor {
	a := &acceptor{listener: listener, serve: serve, conns: map[net.Conn]struct{}{}}
	a.running.Go(a.run)
	return a
}

func (a *acceptor) run() {
	for {
		conn, err := a.listener.Accept()
		if err != nil {
			return // closed, or of no use any more
		}
		if !a.enter(conn) {
			_ = conn.Close()
			return
		}
		a.running.Go(func() {
			defer a.leave(conn)
			a.serve(conn)
		})
	}
}

func (a *acceptor) enter(conn net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.conns[conn] = struct{}{}
	}
	return !a.closed
}

func (a *acceptor) leave(conn net.Conn) {
	_ = conn.Close() // again for most
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, conn)
}

// close ends the listener and every connection, and returns when none is served any more.
func (a *acceptor) close() {
	a.mu.Lock()
	a.closed = true
	_ = a.listener.Close()
	for conn := range a.conns {
		_ = conn.Close()
	}
	a.mu.Unlock()
	a.running.Wait()
}
