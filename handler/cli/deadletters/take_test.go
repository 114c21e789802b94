package deadletters

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"cordon/handler/queue"
	"cordon/local/servicebus"
)

const ours = "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4"

// yard is a namespace with dead letters, of which the second cannot be read.
type yard struct {
	*servicebus.Server
	bus *queue.Client
}

func newYard(t *testing.T) *yard {
	t.Helper()
	server, err := servicebus.New(servicebus.Options{Queues: []servicebus.QueueConfig{{Name: "alerts"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	for _, body := range []string{`{"alertId":"da1"}`, `{"alertId":"../../machines/1"}`, `{"alertId":"da2"}`} {
		if err := server.Send("alerts", servicebus.Message{ID: body, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		d, err := server.Receive(t.Context(), "alerts")
		if err == nil {
			err = server.DeadLetter(t.Context(), "alerts", d.LockToken, "Test", "")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	bus, err := queue.New(queue.Options{ConnectionString: server.ConnectionString(), NewConn: server.Pipe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close(context.Background()) })
	return &yard{server, bus}
}

// typing is a person at a terminal who answers.
func (y *yard) typing(ctx context.Context, answer string) (x *box, out, asks *bytes.Buffer) {
	out, asks = &bytes.Buffer{}, &bytes.Buffer{}
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	cmd.SetIn(strings.NewReader(answer))
	cmd.SetOut(out)
	cmd.SetErr(asks)
	flags := &flags{queue: "alerts", limit: 100}
	return &box{flags: flags, cmd: cmd, bus: y.bus, name: "alerts", tenant: ours}, out, asks
}

func TestATerminalIsAsked(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	x, out, asks := y.typing(t.Context(), "n\n")
	if err := x.take(dropping(), []int64{1, 2}); err == nil || err.Error() != "nothing was done" || out.Len() > 0 {
		t.Errorf("after a no: %v, %s", err, out)
	}
	if got := asks.String(); got != "Drop 2 dead letter(s) of queue alerts for good: 1 2? [y/N] " {
		t.Errorf("asked %q", got)
	}
	x, _, asks = y.typing(t.Context(), "y\n")
	if err := x.take(replaying(), []int64{2}); err == nil ||
		asks.Len() > 0 { // it cannot be read, so there is nothing to ask
		t.Errorf("asked %q, error %v", asks, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x, _, _ = y.typing(ctx, "")
	if err := x.Confirm(x.cmd, x.question(dropping(), []int64{1})); err == nil {
		t.Error("a signal was taken for a yes")
	}
	if c := y.Counts("alerts"); c != (servicebus.Counts{DeadLettered: 3}) {
		t.Errorf("%+v", c)
	}
	x, out, _ = y.typing(t.Context(), "yes\n")
	x.all = true
	if err := x.take(dropping(), nil); err != nil || strings.Count(out.String(), "dropped") != 3 {
		t.Errorf("error %v, %s", err, out)
	}
	if c := y.Counts("alerts"); c != (servicebus.Counts{}) {
		t.Errorf("%+v", c)
	}
}
