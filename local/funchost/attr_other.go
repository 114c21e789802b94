//go:build !linux

package funchost

import (
	"fmt"
	"net"
	"syscall"
)

// processAttributes is the default elsewhere: a crashed host leaves its children behind.
func processAttributes() *syscall.SysProcAttr { return nil }

// reservePort finds a free loopback port. Elsewhere it cannot be held for the handler, so something may take it first;
// the handler then fails to start and the host says so.
func reservePort() (port int, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, nil, fmt.Errorf("the listener has an address of type %T", l.Addr())
	}
	return addr.Port, func() {}, l.Close()
}
