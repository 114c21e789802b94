package funchost

import (
	"fmt"
	"os"
	"syscall"
)

// processAttributes ties the child's life to the host's, and keeps a terminal's Ctrl-C from it: in Azure a handler is
// never asked to stop.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// reservePort takes a free loopback port for a handler and keeps everybody else from it until release: the socket is
// bound but never listens, and shares its port only with a listener that allows address reuse, as Go's do. Other hosts
// and outgoing connections pass it by, also between two starts of the handler.
func reservePort() (port int, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	release = func() { _ = syscall.Close(fd) } // nothing was written, so nothing can be lost
	if err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		release()
		return 0, nil, os.NewSyscallError("bind", err)
	}
	// Only after the bind: before it, the port of another reservation would be good enough.
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		release()
		return 0, nil, os.NewSyscallError("setsockopt", err)
	}
	addr, err := syscall.Getsockname(fd)
	if err != nil {
		release()
		return 0, nil, os.NewSyscallError("getsockname", err)
	}
	own, ok := addr.(*syscall.SockaddrInet4)
	if !ok {
		release()
		return 0, nil, fmt.Errorf("the reserved port has an address of type %T", addr)
	}
	return own.Port, release, nil
}
