package trigger

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// shutdownGrace is how long invocations may go on after a signal. Correctness never needs it: the host kills.
const shutdownGrace = 5 * time.Second

// Listen binds the port that the host named, on 127.0.0.1 only: the host does not authenticate itself, so nobody else
// may reach it. Port 0 takes any free one.
func Listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen on 127.0.0.1:%d (FUNCTIONS_CUSTOMHANDLER_PORT): %w", port, err)
	}
	return listener, nil
}

// Serve answers on the listener until the context ends, and builds the services meanwhile. It returns nil after the
// context ended, an error if it could not go on.
func Serve(ctx context.Context, listener net.Listener, h *Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 256 << 10}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	warmed := make(chan struct{})
	go func() { defer close(warmed); h.Warm(ctx) }()
	select {
	case err := <-done:
		<-warmed
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
	}
	<-warmed
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
