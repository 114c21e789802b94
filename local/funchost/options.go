// Package funchost is the Azure Functions host's side of the custom-handler protocol, for one machine: it reads a
// staged app folder, starts the real handler binary once per scale-group instance, probes it, fires its timers, feeds
// it queue messages under peek lock and fronts its HTTP functions.
//
// It follows the behaviour of runtime v4 (Azure/azure-functions-host 4.1037, "Azure Functions custom handlers" on
// learn.microsoft.com) where that is known, also where it hurts: an empty 2xx answer hangs until functionTimeout, a
// time-out kills every other invocation of the process, exit code 0 is not restarted, a binary that cannot be run
// leaves calls hanging, and a stop gives back messages whose work succeeded and ends the handler with SIGKILL or not at
// all. Timers tick some milliseconds early or late, in the one instance that has their lease, and a host without its
// storage is deaf or ends. What it does not know (output bindings other than http, batches, sessions, other triggers)
// it refuses at start.
//
// It differs from Azure in this: a host that shuts itself down because of its handler stays down, Close does not wait
// for work in flight, and a child's environment is Options.Settings and InstanceSettings alone. It heeds no signal, as
// the host does not heed SIGTERM.
package funchost

import (
	"context"
	"maps"
	"math/rand/v2"
	"net"
	"time"
)

// Broker is the queue that Service Bus triggers read, under peek lock. Implementations must be safe for concurrent use.
// queue is the queue's name with settings resolved.
type Broker interface {
	// Receive waits for a message and locks it for the caller. It returns an error when ctx ends, and then must not
	// keep a message locked for this call. After any other error the host logs it, pauses and calls again.
	Receive(ctx context.Context, queue string) (Delivery, error)
	// Complete removes the message. An error means that its lock is gone; the message will come again.
	Complete(ctx context.Context, queue, lockToken string) error
	// Abandon gives the message back at once, with its delivery count raised.
	Abandon(ctx context.Context, queue, lockToken string) error
	// Renew extends the lock and returns its new end. After an error the host tries again until the lock has run out.
	Renew(ctx context.Context, queue, lockToken string) (lockedUntil time.Time, err error)
}

// Delivery is one locked message. Empty strings mean that the sender did not set the property.
type Delivery struct {
	Body []byte
	// Undecodable says that the body has a form that the host's client cannot read. Its function is never asked.
	Undecodable   bool
	MessageID     string
	ContentType   string
	Subject       string
	CorrelationID string
	ReplyTo       string
	SessionID     string
	// ApplicationProperties are passed to the handler with their JSON types; what JSON cannot express fails the
	// invocation.
	ApplicationProperties map[string]any
	// DeliveryCount is 1 on the first delivery.
	DeliveryCount  int
	SequenceNumber int64
	EnqueuedAt     time.Time
	ExpiresAt      time.Time
	LockedUntil    time.Time
	LockToken      string
}

// Clock is the host's time: schedules, lock renewal, time-outs and the error window. AfterFunc calls f in its own
// goroutine once d has passed, unless stop is called first.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// Keys are the app's access keys. Function holds each function's own key by function name and may be empty.
type Keys struct {
	Master   string
	Host     string
	Function map[string]string
}

// Line is one line that a child wrote to stdout or stderr, without its line end. Group is "http" or a function's name.
type Line struct {
	Group    string
	Instance int
	Text     string
}

// Event is one finished invocation. For a queue message it is reported after the message was settled.
type Event struct {
	Function     string
	Instance     int
	InvocationID string
	Start        time.Time
	// Duration includes the wait for a handler that was not ready.
	Duration time.Duration
	// Status is the handler's HTTP status, 0 when it gave no answer.
	Status int
	// Logs are the lines of the answer's Logs; the host takes them from successful answers only.
	Logs []string
	// Err is nil for a successful invocation. A forwarded HTTP request succeeds with any status.
	Err error
	// DeliveryCount and MessageID are those of the queue message; 0 and "" for other triggers.
	DeliveryCount int
	MessageID     string
	// GivenBack says that the queue message was abandoned although its function succeeded: a stop or drain had begun.
	GivenBack bool
}

// Options say what to host. AppRoot is required, Broker too if a function has a queue trigger; the rest has defaults.
// Callbacks are called from many goroutines at once.
type Options struct {
	// AppRoot is the staged folder: host.json, <Function>/function.json and the binary.
	AppRoot string
	// Settings are the app settings: the children's whole environment, and what %NAME% in the JSON files stands for.
	// Start copies them; a later change of the map reaches no process.
	Settings map[string]string
	// InstanceSettings are settings of one process on top of Settings, by its scale group and number, such as the
	// address of a proxy that only this process uses; nil means none. In Azure all processes have the same.
	InstanceSettings func(group string, instance int) map[string]string
	Broker           Broker
	// Addr is where the HTTP front listens. Without a host part it is 127.0.0.1, without a port a free one is taken.
	Addr string
	// Listener is what the HTTP front listens on, in place of Addr, where settings have to say the address before the host
	// starts; nil: Addr counts. The host closes it.
	Listener net.Listener
	// Keys turns access keys on. Nil lets every caller in, as Core Tools does on a developer's machine.
	Keys *Keys
	// ApplicationInsights says that the app reports there: requests to the handler carry a traceparent then.
	ApplicationInsights bool
	// Instances is the number of processes of a scale group, by function name, or "http" for all HTTP functions
	// together; 1 where nothing is said.
	Instances map[string]int
	// Storage keeps the leases and the status of timers. Hosts that share one are instances of one app: a timer ticks
	// in one of them. Nil is one of the host's own, in memory, and then a start never finds a timer past due.
	Storage *Storage
	// LeasePeriod is how long a timer's lease lasts and what goes with it, for who plays faster than life; 0 means 60
	// s.
	LeasePeriod time.Duration
	// Seed repeats what is left to chance, such as how early or late each tick of a timer comes; 0 takes one at random.
	Seed uint64
	// Clock is nil for the machine's own.
	Clock Clock
	// ProbeInterval is the pause between two start probes, in real time; 0 means the host's 25 ms.
	ProbeInterval time.Duration
	// ReceivePause is how long a queue is left alone after Receive failed; 0 means 1 s.
	ReceivePause time.Duration
	// Stdout and Stderr take what children write. Azure logs the first as Information, the second as Error.
	Stdout, Stderr func(Line)
	OnInvocation   func(Event)
	// Logf takes what the host itself has to say. No secret and no message body is ever in it.
	Logf func(format string, args ...any)
}

func (o Options) withDefaults() Options {
	o.Settings = maps.Clone(o.Settings)
	if o.Clock == nil {
		o.Clock = wallClock{}
	}
	if o.ProbeInterval <= 0 {
		o.ProbeInterval = 25 * time.Millisecond
	}
	if o.ReceivePause <= 0 {
		o.ReceivePause = time.Second
	}
	if o.Storage == nil {
		o.Storage, _ = NewStorage("") // only a folder can fail
	}
	if o.LeasePeriod <= 0 {
		o.LeasePeriod = leasePeriod
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if o.InstanceSettings == nil {
		o.InstanceSettings = func(string, int) map[string]string { return nil }
	}
	if o.Stdout == nil {
		o.Stdout = func(Line) {}
	}
	if o.Stderr == nil {
		o.Stderr = func(Line) {}
	}
	if o.OnInvocation == nil {
		o.OnInvocation = func(Event) {}
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return o
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

// sleep waits for d and reports whether it passed before ctx ended.
func sleep(ctx context.Context, clock Clock, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	passed := make(chan struct{})
	stop := clock.AfterFunc(d, func() { close(passed) })
	defer stop()
	select {
	case <-passed:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
