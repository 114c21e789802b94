// Package mortal ends a process of a test at any call that leaves it, as kill -9 ends the handler between any two.
package mortal

import (
	"net/http"
	"sync"

	"cordon/local/tables"
)

// Life is the life of one process. Each call that leaves the process costs one breath; when they are used up nothing
// leaves it or comes back to it any more.
type Life struct {
	Between func() // called before every call; nil: nothing

	tables *tables.Server

	mu      sync.Mutex
	breaths int  // calls that it may still make; negative: unlimited
	mute    bool // the last call is carried out but its answer is lost
}

// ErrDead is what a killed process gets from everything: it can do nothing any more.
var ErrDead error = &deadError{}

type deadError struct{}

func (*deadError) Error() string { return "the process was killed" }

// NonRetriable is how the ledger's client recognises an error that no other try helps against.
func (*deadError) NonRetriable() {}

// New begins a life over some tables. breaths are the calls that it makes until it is killed; with mute the last of
// them is carried out, but its answer is lost. With negative breaths it lives on.
func New(breaths int, mute bool, to *tables.Server) *Life {
	return &Life{breaths: breaths, mute: mute, tables: to}
}

// Leave is called around every call that leaves the process.
func (l *Life) Leave(call func()) error {
	if l.Between != nil {
		l.Between()
	}
	l.mu.Lock()
	if l.breaths == 0 {
		mute := l.mute
		l.mute = false
		l.mu.Unlock()
		if mute {
			call()
		}
		return ErrDead
	}
	l.breaths--
	l.mu.Unlock()
	call()
	return nil
}

// Do sends a request to the tables; it is the ledger's transport.
func (l *Life) Do(r *http.Request) (answer *http.Response, err error) {
	dead := l.Leave(func() {
		answer, err = l.tables.Do(r)
	})
	if dead != nil {
		return nil, dead
	}
	return answer, err
}

// Kill ends the process before its next call.
func (l *Life) Kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.breaths = 0
}

// Died reports whether the process was killed.
func (l *Life) Died() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.breaths == 0
}
