// Package queue sends to Service Bus, looks at its queues and takes dead letters. It is the product's only use of the
// broker: messages are received by the Functions host. It knows nothing of what a message means.
package queue

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// Options says where the broker is: a connection string, or else a namespace with a credential.
type Options struct {
	ConnectionString string
	Namespace        string // host name, such as example.servicebus.windows.net
	Credential       azcore.TokenCredential
	// Retries is how often a failed operation is tried again on a broker that is busy or out of reach; 0 means 3, below
	// 0 never.
	Retries int
	// RetryDelay is the first pause before that, later ones are up to ten times as long; 0 means 500 ms. With the
	// library's own default of 4 s a send after a lost connection would take longer than that.
	RetryDelay time.Duration
	// Patience is how long a dead letter is waited for that somebody else has locked; 0 means 5 s.
	Patience time.Duration
	// RootCAs are the certificate authorities that a namespace is trusted by; nil means the system's.
	RootCAs *x509.CertPool
	// NewConn replaces the connection, for tests over a pipe; nil means the network.
	NewConn func(ctx context.Context) (net.Conn, error)
}

// Client is one connection with one sender per queue, made when they are first needed. It is safe for concurrent use;
// sends to the same queue take turns.
type Client struct {
	client   *azservicebus.Client
	patience time.Duration

	mu      sync.Mutex
	senders map[string]*sender
	closed  bool
}

// sender lets one send at a time through. The library makes the links of a sender anew for each of several calls that
// find them missing at once, at the start and after an outage, and keeps renewing the tokens of those that it forgot.
type sender struct {
	*azservicebus.Sender
	turn chan struct{} // holds a token while somebody sends
}

func (s *sender) enter(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sender) leave() { <-s.turn }

// New makes a client without any network traffic. An error means that the options are wrong; it never quotes the
// connection string.
func New(o Options) (*Client, error) {
	client, err := o.connect()
	if err != nil {
		// The library's text may hold a part of the connection string, and with it the key.
		return nil,
			errors.New("queue: the Service Bus connection is not usable; check ServiceBus (the whole connection " +
				"string of the namespace) or ServiceBus__fullyQualifiedNamespace (its host name)")
	}
	return &Client{
		client:   client,
		patience: cmp.Or(o.Patience, 5*time.Second),
		senders:  map[string]*sender{},
	}, nil
}

func (o Options) connect() (*azservicebus.Client, error) {
	if o.RetryDelay == 0 {
		o.RetryDelay = 500 * time.Millisecond
	}
	options := &azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{
		MaxRetries:    int32(o.Retries),
		RetryDelay:    o.RetryDelay,
		MaxRetryDelay: 10 * o.RetryDelay,
	}}
	host, _, err := net.SplitHostPort(o.Namespace)
	if withPort := err == nil; o.RootCAs != nil || withPort {
		// The library takes the namespace, port and all, for the name in the certificate.
		options.TLSConfig = &tls.Config{
			RootCAs:    o.RootCAs,
			ServerName: host,
			MinVersion: tls.VersionTLS12,
		}
	}
	if o.NewConn != nil {
		options.NewWebSocketConn = func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			return o.NewConn(ctx)
		}
	}
	if o.ConnectionString != "" {
		return azservicebus.NewClientFromConnectionString(o.ConnectionString, options)
	}
	if o.Credential == nil {
		return nil, errors.New("there is no credential")
	}
	return azservicebus.NewClient(o.Namespace, credential{o.Credential}, options)
}

// Close waits for the sends that are under way and ends the connection, in no more time than ctx has. Whatever is
// called later fails with the code CodeClosed. A second Close does nothing.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	for _, s := range c.senders { // closed, so nobody adds to it
		if s.enter(ctx) == nil {
			defer s.leave()
		}
	}
	if err := c.client.Close(ctx); err != nil {
		return failed("close the connection", "", err)
	}
	return nil
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// sender returns the sender of a queue and makes it if there is none.
func (c *Client) sender(queue string) (*sender, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed("send", queue)
	}
	if s, exists := c.senders[queue]; exists {
		return s, nil
	}
	made, err := c.client.NewSender(queue, nil)
	if err != nil {
		return nil, failed("send", queue, err)
	}
	s := &sender{Sender: made, turn: make(chan struct{}, 1)}
	c.senders[queue] = s
	return s, nil
}
