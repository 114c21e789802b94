package httpretry

import (
	"context"
	"io"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// evidence is what was seen of an attempt's connection. A Base that does not report to httptrace leaves it empty, which
// proves nothing.
type evidence struct {
	asked atomic.Bool // a connection was asked for
	got   atomic.Bool // and given: from here on bytes may be on their way
}

// noConnection proves that nothing was sent. The later marks of httptrace (headers written, request written) would
// prove more often that nothing was sent, but an HTTP/2 request that is given up may still be written after its
// RoundTrip has returned.
func (e *evidence) noConnection() bool {
	return e.asked.Load() && !e.got.Load()
}

// attemptContext is the context of one attempt. It gathers evidence and, under SendBy, ends when the time comes and
// there is no connection yet. stop frees it and must be called when the answer has been read.
func (c *call) attemptContext(ev *evidence) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(c.req.Context())
	stop = func() { cancel(nil) }
	if !c.sendBy.IsZero() {
		timer := time.AfterFunc(time.Until(c.sendBy), func() {
			if !ev.got.Load() {
				cancel(ErrTooLate)
			}
		})
		stop = func() { timer.Stop(); cancel(nil) }
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { ev.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { ev.got.Store(true) },
	}), stop
}

// stoppingBody frees the context of its attempt when it is closed.
type stoppingBody struct {
	io.ReadCloser
	stop func()
}

func (b *stoppingBody) Close() error {
	err := b.ReadCloser.Close()
	b.stop()
	return err
}
