package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/queue"
	"cordon/local/servicebus"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a broker with two queues, a clock that stands still, and a client.
type bench struct {
	*servicebus.Server
	clock  *servicebus.ManualClock
	client *queue.Client
	dials  atomic.Int32
}

// newBench connects by the pipe; change may alter the options.
func newBench(t *testing.T, change func(*queue.Options)) *bench {
	t.Helper()
	b := &bench{clock: servicebus.NewManualClock(start)}
	var err error
	b.Server, err = servicebus.New(servicebus.Options{
		Clock:  b.clock,
		Queues: []servicebus.QueueConfig{{Name: "alerts", DuplicateWindow: 24 * time.Hour}, {Name: "notices"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Server.Close() })
	o := queue.Options{
		ConnectionString: b.ConnectionString(),
		RetryDelay:       time.Millisecond,
		NewConn: func(ctx context.Context) (net.Conn, error) {
			b.dials.Add(1)
			return b.Pipe(ctx)
		},
	}
	if change != nil {
		change(&o)
	}
	if b.client, err = queue.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.client.Close(context.Background()) })
	return b
}

func (b *bench) send(t *testing.T, messages ...queue.Message) {
	t.Helper()
	if err := b.client.Send(t.Context(), "alerts", messages...); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) receive(t *testing.T) *servicebus.Delivery {
	t.Helper()
	d, err := b.Receive(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ids are those of everything that the queue accepted.
func (b *bench) ids(name string) []string {
	var out []string
	for _, r := range b.Records(name) {
		out = append(out, r.MessageID)
	}
	return out
}

func TestConstructingTouchesNoNetwork(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	if n := b.dials.Load(); n != 0 {
		t.Fatalf("%d connections after New", n)
	}
	b.send(t, queue.Message{ID: "1"})
	b.send(t, queue.Message{ID: "2"})
	if err := b.client.Send(t.Context(), "notices", queue.Message{ID: "3"}); err != nil {
		t.Fatal(err)
	}
	if n := b.dials.Load(); n != 1 {
		t.Errorf("%d connections for two queues", n)
	}
}

func TestAMessageArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.send(t, queue.Message{ID: "1", Body: []byte(`{"a":1}`), ContentType: "application/json", Subject: "s"})
	d := b.receive(t)
	got := queue.Message{ID: d.MessageID, Body: d.Body, ContentType: d.ContentType, Subject: d.Subject}
	if diff := cmp.Diff(queue.Message{ID: "1", Body: []byte(`{"a":1}`), ContentType: "application/json", Subject: "s"},
		got); diff != "" {
		t.Error(diff)
	}
}

func TestManyMessagesAreSplitAndKeepTheirOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var all []queue.Message
	var want []string
	for i := range 60 {
		id := fmt.Sprintf("%03d", i)
		all, want = append(all, queue.Message{ID: id, Body: bytes.Repeat([]byte("x"), 10_000)}), append(want, id)
	}
	b.send(t, all...)
	if diff := cmp.Diff(want, b.ids("alerts")); diff != "" {
		t.Error(diff)
	}
}

func TestSendingNothingDoesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.send(t)
	if n := b.dials.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestAMessageThatIsWrongStopsAllBeforeAnyIsSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for name, wrong := range map[string]queue.Message{
		"no id":     {Body: []byte("x")},
		"long id":   {ID: strings.Repeat("x", 129)},
		"too large": {ID: "large", Body: make([]byte, 300<<10)},
	} {
		err := b.client.Send(t.Context(), "alerts", queue.Message{ID: "1"}, wrong, queue.Message{ID: "2"})
		var kind interface{ Transient() bool }
		if !errors.As(err, &kind) || kind.Transient() {
			t.Errorf("%s: %v", name, err)
		}
		var large *queue.TooLargeError
		if errors.As(err, &large) != (name == "too large") {
			t.Errorf("%s: %v", name, err)
		}
		if large != nil && (large.ID != "large" || large.Queue != "alerts" || large.Bytes != 300<<10) {
			t.Errorf("%+v", large)
		}
	}
	if got := b.ids("alerts"); got != nil {
		t.Errorf("%v were sent", got)
	}
	b.send(t, queue.Message{ID: strings.Repeat("x", 128)})
}

func TestARepeatedSendLeavesOneOfEach(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	messages := []queue.Message{{ID: "1"}, {ID: "2"}}
	b.send(t, messages...)
	b.send(t, messages...)
	if got := b.Counts("alerts").Active; got != 2 {
		t.Errorf("%d messages", got)
	}
}

func TestAMessageForLaterComesThen(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	at := start.Add(time.Hour)
	b.send(t, queue.Message{ID: "later", At: at}, queue.Message{ID: "past", At: start.Add(-time.Hour)},
		queue.Message{ID: "now"})
	if diff := cmp.Diff(servicebus.Counts{Active: 2, Scheduled: 1}, b.Counts("alerts")); diff != "" {
		t.Fatal(diff)
	}
	for _, want := range []string{"past", "now"} {
		if d := b.receive(t); d.MessageID != want {
			t.Errorf("%s came, want %s", d.MessageID, want)
		}
	}
	b.clock.Advance(time.Hour)
	for d := b.receive(t); d.MessageID != "later"; d = b.receive(t) { // the locks of the others have run out too
		if d.DeliveryCount != 2 {
			t.Fatalf("%s came for the first time", d.MessageID)
		}
	}
}

func TestACopyForLaterNeedsAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.send(t, queue.Message{ID: "1"}, queue.Message{ID: "1", At: start.Add(time.Hour)}, queue.Message{
		ID: "1:r1",
		At: start.Add(time.Hour),
	})
	if diff := cmp.Diff(servicebus.Counts{Active: 1, Scheduled: 1}, b.Counts("alerts")); diff != "" {
		t.Error(diff)
	}
}

func TestConcurrentSendsShareOneConnection(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for _, name := range []string{"alerts", "notices"} {
				if err := b.client.Send(t.Context(), name, queue.Message{ID: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if a, n, dials := len(b.ids("alerts")), len(b.ids("notices")), b.dials.Load(); a != 20 || n != 20 || dials != 1 {
		t.Errorf("%d and %d messages over %d connections", a, n, dials)
	}
}

func TestAfterAnOutageConcurrentSendsAllArriveOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *queue.Options) { o.Retries = 1000 })
	b.send(t, queue.Message{ID: "0"})
	b.RefuseConnections(true)
	b.DropConnections()
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if err := b.client.Send(t.Context(), "alerts", queue.Message{ID: fmt.Sprint(i + 1)}); err != nil {
				t.Error(err)
			}
		})
	}
	for b.dials.Load() < 3 {
		runtime.Gosched()
	}
	b.RefuseConnections(false)
	all.Wait()
	if got := b.Counts("alerts").Active; got != 11 {
		t.Errorf("%d messages", got)
	}
}

func TestASendWaitsForItsTurnNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	dialled, end := make(chan struct{}), make(chan struct{})
	b := newBench(t, func(o *queue.Options) {
		o.NewConn = func(ctx context.Context) (net.Conn, error) {
			close(dialled)
			<-end
			return nil, context.Canceled
		}
	})
	first := make(chan error)
	go func() { first <- b.client.Send(t.Context(), "alerts", queue.Message{ID: "1"}) }()
	<-dialled
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error)
	go func() { second <- b.client.Send(ctx, "alerts", queue.Message{ID: "2"}) }()
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("the second: %v", err)
	}
	close(end)
	if err := <-first; err == nil {
		t.Error("sent without a connection")
	}
}

func TestALostConnectionIsRepaired(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for i := range 3 {
		b.send(t, queue.Message{ID: fmt.Sprint(i)})
		if n := b.DropConnections(); n != 1 {
			t.Errorf("%d connections", n)
		}
	}
	if got := b.Counts("alerts").Active; got != 3 {
		t.Errorf("%d messages", got)
	}
}

func TestDepthCountsUpToItsLimitAndTakesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, want := range [][2]int{{0, 0}, {5, 2}} {
		active, dead, err := b.client.Depth(t.Context(), "alerts", 5)
		if err != nil || active != want[0] || dead != want[1] {
			t.Errorf("%d waiting and %d dead, want %v; error %v", active, dead, want, err)
		}
		for i := range 9 {
			// more than one answer holds
			b.send(t, queue.Message{ID: fmt.Sprint(i), Body: bytes.Repeat([]byte("x"), 100_000)})
		}
		for b.Counts("alerts").DeadLettered < 2 {
			if err := b.DeadLetter(t.Context(), "alerts", b.receive(t).LockToken, "r", ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d := b.receive(t); d.DeliveryCount != 1 {
		t.Errorf("the message was delivered %d times", d.DeliveryCount)
	}
}

func TestAClosedClientSaysSo(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*bench) error{
		"send": func(b *bench) error {
			return b.client.Send(t.Context(), "alerts", queue.Message{ID: "1"})
		},
		"send for another": func(b *bench) error {
			return b.client.Send(t.Context(), "notices", queue.Message{ID: "1"})
		},
		"depth": func(b *bench) error { _, _, err := b.client.Depth(t.Context(), "alerts", 1); return err },
	} {
		b := newBench(t, nil)
		b.send(t, queue.Message{ID: "0"})
		if err := errors.Join(b.client.Close(t.Context()), b.client.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		var known *queue.Error
		if err := use(b); !errors.As(err, &known) || known.Code != azservicebus.CodeClosed || known.Transient() {
			t.Errorf("%s: %v", name, err)
		}
	}
}
