package servicebus

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The suite also runs against a real namespace when CORDON_TEST_SERVICEBUS holds a connection string. The queue, whose
// name is in CORDON_TEST_SERVICEBUS_QUEUE (default cordon-conformance), must be empty, used by nobody else, and have a
// lock duration of 5 s, a maximum delivery count of 3, duplicate detection over 20 s and dead-lettering on expiration.
const (
	liveConnection = "CORDON_TEST_SERVICEBUS"
	liveQueue      = "CORDON_TEST_SERVICEBUS_QUEUE"
)

// world is one broker with a queue, and what the cases need to know of it.
type world struct {
	queue   string
	lock    time.Duration // of the queue
	window  time.Duration // of duplicate detection
	ttl     time.Duration // that messages which shall expire ask for
	patient time.Duration // how long a case may take
	pass    func(time.Duration)
	dial    func(testing.TB) *azservicebus.Client
	client  *azservicebus.Client
	ctx     context.Context
}

var fast = azservicebus.RetryOptions{RetryDelay: 5 * time.Millisecond, MaxRetryDelay: 50 * time.Millisecond}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// transport is a way to reach the stand-in.
type transport struct {
	name string
	dial func(testing.TB, *Server) *azservicebus.Client
}

func transports() []transport {
	return []transport{{"tcp", dialTCP}, {"pipe", dialPipe}}
}

func dialTCP(t testing.TB, s *Server) *azservicebus.Client {
	t.Helper()
	client, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(),
		&azservicebus.ClientOptions{RetryOptions: fast})
	return opened(t, client, err)
}

func dialPipe(t testing.TB, s *Server) *azservicebus.Client {
	t.Helper()
	client, err := azservicebus.NewClient("local.example", staticToken("eyJ.token"), &azservicebus.ClientOptions{
		RetryOptions: fast,
		NewWebSocketConn: func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			return s.Pipe(ctx)
		},
	})
	return opened(t, client, err)
}

func opened(t testing.TB, client *azservicebus.Client, err error) *azservicebus.Client {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// local is a world on a stand-in of its own, with a clock that stands still.
func local(t *testing.T, tr transport) *world {
	clock := NewManualClock(start)
	s := newServer(t, Options{
		Clock: clock,
		Queues: []QueueConfig{{
			Name:             "Orders",
			LockDuration:     30 * time.Second,
			DuplicateWindow:  10 * time.Minute,
			MaxDeliveryCount: 3,
		}},
	})
	return &world{
		queue:   "orders",
		lock:    30 * time.Second,
		window:  10 * time.Minute,
		ttl:     time.Hour,
		patient: time.Minute,
		pass:    clock.Advance,
		dial:    func(t testing.TB) *azservicebus.Client { return tr.dial(t, s) },
	}
}

func newServer(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// live is a world on a real namespace, where time takes its time.
func live(t *testing.T) *world {
	w := &world{
		queue:   cmp.Or(os.Getenv(liveQueue), "cordon-conformance"),
		lock:    5 * time.Second,
		window:  20 * time.Second,
		ttl:     2 * time.Second,
		patient: 5 * time.Minute,
		pass:    func(d time.Duration) { <-time.After(d + 2*time.Second) },
		dial: func(t testing.TB) *azservicebus.Client {
			client, err := azservicebus.NewClientFromConnectionString(os.Getenv(liveConnection), nil)
			return opened(t, client, err)
		},
	}
	t.Cleanup(func() { w.empty(t) })
	return w
}

// empty removes what a case left behind in a real queue.
func (w *world) empty(t *testing.T) {
	client := w.dial(t)
	for _, sub := range []azservicebus.SubQueue{0, azservicebus.SubQueueDeadLetter} {
		r, err := client.NewReceiverForQueue(w.queue, &azservicebus.ReceiverOptions{
			SubQueue:    sub,
			ReceiveMode: azservicebus.ReceiveModeReceiveAndDelete,
		})
		if err != nil {
			t.Fatal(err)
		}
		for more := true; more; {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			messages, err := r.ReceiveMessages(ctx, 100, nil)
			cancel()
			more = err == nil && len(messages) > 0
		}
	}
}

type conformanceCase struct {
	promise string
	run     func(*testing.T, *world)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	cases := slices.Concat(settleCases(), deadCases(), timeCases())
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				t.Run(c.promise, func(t *testing.T) {
					t.Parallel()
					w := local(t, tr)
					w.begin(t)
					c.run(t, w)
				})
			}
		})
	}
	if os.Getenv(liveConnection) == "" {
		return
	}
	for _, c := range cases {
		t.Run("live/"+c.promise, func(t *testing.T) {
			w := live(t)
			w.begin(t)
			c.run(t, w)
		})
	}
}

func (w *world) begin(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), w.patient)
	t.Cleanup(cancel)
	w.ctx, w.client = ctx, w.dial(t)
}

func (w *world) sender(t *testing.T) *azservicebus.Sender {
	t.Helper()
	s, err := w.client.NewSender(w.queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) receiver(t *testing.T, o azservicebus.ReceiverOptions) *azservicebus.Receiver {
	t.Helper()
	r, err := w.client.NewReceiverForQueue(w.queue, &o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) dead(t *testing.T) *azservicebus.Receiver {
	return w.receiver(t, azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
}

func text(id, body string) *azservicebus.Message {
	return &azservicebus.Message{MessageID: &id, Body: []byte(body)}
}

func (w *world) send(t *testing.T, messages ...*azservicebus.Message) {
	t.Helper()
	s := w.sender(t)
	for _, m := range messages {
		if err := s.SendMessage(w.ctx, m, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// receive waits until it has n messages. It is patient after the first: what comes late the client would give back in
// the background, and the order would be lost.
func (w *world) receive(t *testing.T, r *azservicebus.Receiver, n int) []*azservicebus.ReceivedMessage {
	t.Helper()
	var all []*azservicebus.ReceivedMessage
	for len(all) < n {
		messages, err := r.ReceiveMessages(w.ctx, n-len(all),
			&azservicebus.ReceiveMessagesOptions{TimeAfterFirstMessage: w.patient})
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(all), n, err)
		}
		all = append(all, messages...)
	}
	return all
}

func (w *world) complete(t *testing.T, r *azservicebus.Receiver, messages ...*azservicebus.ReceivedMessage) {
	t.Helper()
	for _, m := range messages {
		if err := r.CompleteMessage(w.ctx, m, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// expectHeld looks at what the queue, or its dead letters, hold, without taking anything.
func (w *world) expectHeld(t *testing.T, r *azservicebus.Receiver, ids ...string) []*azservicebus.ReceivedMessage {
	t.Helper()
	messages, err := r.PeekMessages(w.ctx, 100, &azservicebus.PeekMessagesOptions{FromSequenceNumber: new(int64)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range messages {
		got = append(got, m.MessageID)
	}
	if strings.Join(got, " ") != strings.Join(ids, " ") {
		t.Fatalf("the queue holds %q, want %q", got, ids)
	}
	return messages
}

func expectCode(t *testing.T, err error, want azservicebus.Code) {
	t.Helper()
	var known *azservicebus.Error
	if !errors.As(err, &known) || known.Code != want {
		t.Errorf("error %v, want the code %s", err, want)
	}
}

func expectCount(t *testing.T, m *azservicebus.ReceivedMessage, want uint32) {
	t.Helper()
	if m.DeliveryCount != want {
		t.Errorf("delivery count %d, want %d", m.DeliveryCount, want)
	}
}

func ptr[T any](v T) *T { return &v }
