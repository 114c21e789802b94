// Package servicebus stands in for Azure Service Bus on one machine: queues over AMQP 1.0, as the vendor's clients for
// Go and .NET speak it, and the same queues as plain calls for a Functions host in the same process.
//
// It does what "AMQP 1.0 in Azure Service Bus" and "Message transfers, locks, and settlement" on learn.microsoft.com
// say of queues: peek-lock and receive-and-delete, delivery counts, dead letters, deferral, schedules, duplicate
// detection, expiry, tokens over $cbs and the operations of $management. It has no topics, sessions, partitions,
// transactions, forwarding or Atom interface, and forgets everything at Close. Locks outlive links and connections, as
// in Azure. What a token opened stays open until its connection ends, where Azure ends the links of a token that
// expires.
//
// One conformance suite drives it with the client for Go, and drives a real namespace too when one is named. What the
// client for .NET says was recorded, and is said again in the tests.
package servicebus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// QueueConfig is one queue. Names are matched in any case.
type QueueConfig struct {
	Name string
	// LockDuration is how long a message is locked for a receiver; 0 means a minute, the service's default.
	LockDuration time.Duration
	// DuplicateWindow is how long the id of an accepted message is remembered, and a second one dropped; 0 means no
	// duplicate detection.
	DuplicateWindow time.Duration
	// TTL is how long a message waits before it becomes a dead letter; 0 means forever. A message may ask for less.
	TTL time.Duration
	// MaxDeliveryCount is after how many deliveries without success a message becomes a dead letter; 0 means 10.
	MaxDeliveryCount int
}

// Options configures a Server.
type Options struct {
	Queues []QueueConfig
	// Clock is the time of locks, schedules, windows and expiry; nil means the real one.
	Clock Clock
	// CheckToken is asked about every jwt that a client presents; nil means that any text will do. Its error is told to
	// the client. SAS tokens are checked here: they must be signed with the key of ConnectionString and not be expired.
	CheckToken func(token string) error
}

// Server is the broker with its connections. It is safe for concurrent use.
type Server struct {
	broker *broker
	check  func(string) error
	faults faults

	mu        sync.Mutex
	address   string // of the first listener
	key       string // of the shared access policy
	listeners []net.Listener
	conns     map[*conn]struct{}
	done      chan struct{}
	closed    bool
	running   sync.WaitGroup
}

// New makes a server without any listener. An error means that a queue has no usable name, or is named twice, or has a
// setting below zero.
func New(o Options) (*Server, error) {
	configs := make([]QueueConfig, 0, len(o.Queues))
	seen := map[string]bool{}
	for _, q := range o.Queues {
		name := strings.ToLower(q.Name)
		switch {
		case name == "" || strings.Contains(name, "$") || strings.Trim(name, "/") != name:
			return nil, fmt.Errorf("servicebus: %q is no queue name", q.Name)
		case seen[name]:
			return nil, fmt.Errorf("servicebus: queue %q is there twice", q.Name)
		case q.LockDuration < 0 || q.DuplicateWindow < 0 || q.TTL < 0 || q.MaxDeliveryCount < 0:
			return nil, fmt.Errorf("servicebus: queue %q has a setting below zero", q.Name)
		}
		seen[name] = true
		configs = append(configs, q.withDefaults())
	}
	clock := o.Clock
	if clock == nil {
		clock = wallClock{}
	}
	return &Server{broker: newBroker(clock, configs), key: firstKey, check: o.CheckToken, conns: map[*conn]struct{}{},
		done: make(chan struct{})}, nil
}

func (q QueueConfig) withDefaults() QueueConfig {
	if q.LockDuration == 0 {
		q.LockDuration = time.Minute
	}
	if q.MaxDeliveryCount == 0 {
		q.MaxDeliveryCount = 10
	}
	return q
}

// Listen serves on a TCP address, such as 127.0.0.1:0, until Close.
func (s *Server) Listen(address string) (net.Addr, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("servicebus: %w", err)
	}
	if err := s.adopt(l); err != nil {
		_ = l.Close()
		return nil, err
	}
	go func() { _ = s.accept(l) }() // an error other than Close's leaves those who connect without an answer
	return l.Addr(), nil
}

// Serve serves connections of l until Close, and then returns nil. Any other error is l's.
func (s *Server) Serve(l net.Listener) error {
	if err := s.adopt(l); err != nil {
		return err
	}
	return s.accept(l)
}

// adopt makes l one of those that Close ends. What adopted it must call accept.
func (s *Server) adopt(l net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.listeners = append(s.listeners, l)
	s.running.Add(1) // for accept, and here because Close may be waiting by the time that it runs
	if s.address == "" {
		s.address = l.Addr().String()
	}
	return nil
}

func (s *Server) accept(l net.Listener) error {
	defer s.running.Done()
	for {
		c, err := l.Accept()
		if err != nil {
			if s.isClosed() {
				return nil
			}
			return fmt.Errorf("servicebus: %w", err)
		}
		if err := s.start(c); err != nil {
			_ = c.Close()
		}
	}
}

// start serves one connection in the background.
func (s *Server) start(c net.Conn) error {
	if s.faults.refusesConnections() {
		return errors.New("servicebus: connections are refused")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	served := newConn(s, c)
	s.conns[served] = struct{}{}
	s.running.Go(func() {
		served.serve()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, served)
	})
	return nil
}

// Pipe returns a connection that stays in the process. It is what azservicebus wants from
// ClientOptions.NewWebSocketConn.
func (s *Server) Pipe(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := newPipe()
	if err := s.start(server); err != nil {
		return nil, err
	}
	return client, nil
}

// ConnectionString is for a client on this machine. Without a listener it is good only for one that connects by Pipe.
func (s *Server) ConnectionString() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ConnectionStringAt(cmp.Or(s.address, "127.0.0.1"))
}

// ConnectionStringAt is the same for who reaches the server at another address, such as a proxy's.
func (s *Server) ConnectionStringAt(address string) string {
	return "Endpoint=sb://" + address + ";SharedAccessKeyName=" + policyName + ";SharedAccessKey=" + s.key +
		";UseDevelopmentEmulator=true"
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close ends every connection and every waiting Receive, and returns when nothing of the server runs any more. Records
// and Counts can still be read. A second Close does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
		for _, l := range s.listeners {
			_ = l.Close() // there is nothing to do about it, and nothing is lost
		}
	}
	s.mu.Unlock()
	s.DropConnections()
	s.broker.close()
	s.running.Wait()
	return nil
}
