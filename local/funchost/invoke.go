package funchost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// errTimeout is the cause with which functionTimeout ends an invocation.
var errTimeout = errors.New("functionTimeout")

// sender performs one invocation against a ready process.
type sender func(ctx context.Context, p *process, id string) (*answer, error)

// invoke runs one invocation to its end: it waits for the handler, sends, and on time-out fails on time and has the
// whole process killed. The answer is nil if there was none. The event is not reported yet.
func (in *instance) invoke(l *life, fn *function, send sender) (Event, *answer) {
	clock := in.h.o.Clock
	l.running.Add(1)
	defer l.running.Add(-1)
	ctx, cancel := context.WithCancelCause(l.ctx)
	defer cancel(nil)
	if limit := in.h.config.functionTimeout; limit > 0 {
		stop := clock.AfterFunc(limit, func() { cancel(errTimeout) })
		defer stop()
	}
	event := Event{Function: fn.name, Instance: in.index, InvocationID: newGUID(), Start: clock.Now()}
	var ans *answer
	p, err := in.await(ctx)
	if err == nil {
		if ans, err = send(ctx, p, event.InvocationID); err != nil && ans == nil {
			p.awaitEnd(ctx)
		}
	}
	if err != nil {
		switch cause := context.Cause(ctx); {
		case cause == errTimeout:
			in.recycle(p)
			err = fmt.Errorf("functionTimeout of %s passed; the handler process is killed and starts again",
				in.h.config.functionTimeout)
		case cause != nil:
			err = cause
		}
		err = fmt.Errorf("%s: %w", fn.name, err)
	}
	event.Duration, event.Err = clock.Now().Sub(event.Start), err
	if ans != nil {
		event.Status, event.Logs = ans.status, ans.logs
	}
	return event, ans
}

// posting sends an envelope to POST /<Function>. An answer that the host cannot tell from none keeps it waiting until
// its context ends.
func (h *Host) posting(fn *function, env envelope) sender {
	return func(ctx context.Context, p *process, id string) (*answer, error) {
		req, err := envelopeRequest(ctx, p.base, fn, env, h.stamp(id))
		if err != nil {
			return nil, err
		}
		ans, err := p.send(req)
		if err != nil {
			return ans, err
		}
		err = ans.interpret()
		if errors.Is(err, errSilent) {
			<-ctx.Done()
			return ans, context.Cause(ctx)
		}
		return ans, err
	}
}

// envelopeRequest posts an envelope in chunks, because the host does not know its length.
func envelopeRequest(ctx context.Context, base string, fn *function, env envelope, own stamp) (*http.Request, error) {
	body, err := env.encode()
	if err != nil {
		return nil, fmt.Errorf("the trigger's data has no JSON form: %w", err)
	}
	whole := func() (io.ReadCloser, error) { return io.NopCloser(&pieces{bytes.NewReader(body)}), nil }
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/"+fn.name, nil)
	if err != nil {
		return nil, err
	}
	req.Body, _ = whole() // it cannot fail
	req.GetBody, req.ContentLength = whole, -1
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	own.add(req.Header)
	return req, nil
}

// pieces gives a text out in the pieces that .NET's client makes chunks of.
type pieces struct{ left *bytes.Reader }

func (p *pieces) Read(b []byte) (int, error) { return p.left.Read(b[:min(len(b), 1024)]) }

// trigger runs a function that is not an HTTP one by hand, as the admin API does: the text becomes a queue message's
// body, a timer ignores it. Metadata has it too, under the binding's name: seen for a timer, and the same code for
// every trigger (NewBindingContext in FunctionBinding.cs).
func (h *Host) trigger(fn *function, input string) error {
	in := h.groupOf(fn).pick()
	now := h.o.Clock.Now()
	var env envelope
	if fn.queue != nil {
		// The SDK's model factory leaves all but the body at its default, so a message by hand has no id and was never
		// delivered.
		d := Delivery{Body: []byte(input), SequenceNumber: -1, LockToken: "00000000-0000-0000-0000-000000000000"}
		env = queueEnvelope(fn, d, h.id, now)
	} else {
		status, err := h.o.Storage.load(fn.name)
		if err != nil {
			return err
		}
		if !h.monitored(fn) {
			status = nil
		}
		env = timerEnvelope(fn, status, false, now)
	}
	env.Metadata.setText(fn.binding, input)
	event, _ := in.call(fn, h.posting(fn, env))
	h.o.OnInvocation(event)
	return event.Err
}
