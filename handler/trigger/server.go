package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// headerTime is for the header of a request to arrive.
	headerTime = 10 * time.Second
	// idleTime is longer than the host keeps an idle connection, so that it is the host who closes it: a connection
	// that ends just when an invocation is sent fails that invocation.
	idleTime = 5 * time.Minute
	// maxHeader bounds a request's header in bytes; what sign-in adds to forwarded requests can be long.
	maxHeader = 64 << 10
	// shutdownGrace is how long invocations may go on after a signal. Correctness never needs it: the host kills.
	shutdownGrace = 5 * time.Second
)

// Listen binds the port that the host named, on 127.0.0.1 only: the host does not authenticate itself, so nobody else
// may reach it. Port 0 takes any free one.
func Listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen on 127.0.0.1:%d (FUNCTIONS_CUSTOMHANDLER_PORT): %w", port, err)
	}
	return listener, nil
}

// Serve answers on the listener until the context ends, and builds the services meanwhile. Invocations may go on for a
// moment after that; then their contexts end. It returns nil after the context ended, an error if it could not go on.
// The listener is closed in any case.
func Serve(ctx context.Context, listener net.Listener, h *Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := newServer(h)
	served, warmed := make(chan error, 1), make(chan struct{})
	go func() { served <- server.Serve(listener) }()
	go func() { defer close(warmed); h.Warm(ctx) }()
	defer func() { cancel(); <-warmed }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer stop()
	if server.Shutdown(grace) != nil {
		_ = server.Close() // ends the contexts of what is still going on
	}
	err := <-served
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// newServer has no time limit for answers: the invocation's deadline is that limit. ReadTimeout is for the body of a
// request; it is over when the body has been read and does not end a longer invocation.
func newServer(h *Handler) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            headerTime,
		ReadTimeout:                  h.options.BodyTime,
		IdleTimeout:                  idleTime,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
		// Standard error would make every one of these an error in the host's log.
		ErrorLog: slog.NewLogLogger(h.options.Log.Handler(), slog.LevelWarn),
	}
}
