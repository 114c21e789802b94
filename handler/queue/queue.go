// Package queue sends to Service Bus and looks at its queues. It is the product's only use of the broker: messages are
// received by the Functions host. It knows nothing of what a message means.
package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// Options says where the broker is: a connection string, else a namespace with a credential.
type Options struct {
	ConnectionString string
	Namespace        string // host name, such as example.servicebus.windows.net
	Credential       azcore.TokenCredential
	RetryDelay       time.Duration // first pause before a send is repeated; 0 means 500 ms
	// NewConn replaces the connection, for tests over a pipe; nil means the network.
	NewConn func(ctx context.Context) (net.Conn, error)
}

// Client is one connection with one sender per queue, made when they are first needed. It is safe for concurrent use.
type Client struct {
	client *azservicebus.Client

	mu      sync.Mutex
	senders map[string]*azservicebus.Sender
}

// Message is one message to send.
type Message struct {
	ID          string // required and the same for the same thing: the broker drops a second one within its window
	Body        []byte
	ContentType string
	Subject     string
	At          time.Time // when it becomes visible; zero: now
}

// Error is a send or a look that failed. Text and codes hold no secret.
type Error struct {
	Op    string
	Queue string
	Code  azservicebus.Code // empty if the broker gave none
	cause error
}

func (e *Error) Error() string { return fmt.Sprintf("queue %s: %s: %v", e.Queue, e.Op, e.cause) }
func (e *Error) Unwrap() error { return e.cause }

// Transient reports whether a later try may work without anybody changing anything.
func (e *Error) Transient() bool {
	return e.Code != azservicebus.CodeUnauthorizedAccess && e.Code != azservicebus.CodeNotFound
}

// TooLargeError is a message that the broker can not take.
type TooLargeError struct {
	Queue string
	ID    string
	Bytes int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("queue %s: message %s of %d bytes is larger than the broker takes; leave its snapshots out", e.Queue, e.ID, e.Bytes)
}

// New makes a client without any network traffic. An error means that the options are wrong; it never quotes the
// connection string.
func New(o Options) (*Client, error) {
	delay := o.RetryDelay
	if delay == 0 {
		delay = 500 * time.Millisecond
	}
	options := &azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{MaxRetries: 3, RetryDelay: delay, MaxRetryDelay: 10 * delay}}
	if o.NewConn != nil {
		options.NewWebSocketConn = func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) { return o.NewConn(ctx) }
	}
	var client *azservicebus.Client
	var err error
	if o.ConnectionString != "" {
		client, err = azservicebus.NewClientFromConnectionString(o.ConnectionString, options)
	} else {
		client, err = azservicebus.NewClient(o.Namespace, o.Credential, options)
	}
	if err != nil {
		return nil, errors.New("queue: the Service Bus connection is not usable; check ServiceBus or ServiceBus__fullyQualifiedNamespace")
	}
	return &Client{client: client, senders: map[string]*azservicebus.Sender{}}, nil
}

// Close ends the connection.
func (c *Client) Close(ctx context.Context) error { return c.client.Close(ctx) }

func (c *Client) sender(queue string) (*azservicebus.Sender, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, exists := c.senders[queue]; exists {
		return s, nil
	}
	s, err := c.client.NewSender(queue, nil)
	if err != nil {
		return nil, failed("open a sender", queue, err)
	}
	c.senders[queue] = s
	return s, nil
}

// Send sends messages, in batches as large as the broker takes. An error means that some may not have been sent; sending
// all of them again is safe within the broker's duplicate window, because their ids stay the same.
func (c *Client) Send(ctx context.Context, queue string, messages ...Message) error {
	for _, m := range messages {
		if m.ID == "" {
			return &Error{Op: "send", Queue: queue, cause: errors.New("a message has no id, and without one a repeat would be a second message")}
		}
	}
	s, err := c.sender(queue)
	if err != nil {
		return err
	}
	for len(messages) > 0 {
		rest, err := sendBatch(ctx, s, queue, messages)
		if err != nil {
			return err
		}
		messages = rest
	}
	return nil
}

// sendBatch sends as many messages as fit and returns the others.
func sendBatch(ctx context.Context, s *azservicebus.Sender, queue string, messages []Message) ([]Message, error) {
	batch, err := s.NewMessageBatch(ctx, nil)
	if err != nil {
		return nil, failed("begin a batch", queue, err)
	}
	for len(messages) > 0 {
		m := messages[0]
		out := &azservicebus.Message{MessageID: &m.ID, Body: m.Body}
		if m.ContentType != "" {
			out.ContentType = &m.ContentType
		}
		if m.Subject != "" {
			out.Subject = &m.Subject
		}
		if !m.At.IsZero() {
			out.ScheduledEnqueueTime = &m.At
		}
		err := batch.AddMessage(out, nil)
		if errors.Is(err, azservicebus.ErrMessageTooLarge) {
			if batch.NumMessages() == 0 {
				return nil, &TooLargeError{Queue: queue, ID: m.ID, Bytes: len(m.Body)}
			}
			break
		}
		if err != nil {
			return nil, failed("add to a batch", queue, err)
		}
		messages = messages[1:]
	}
	if err := s.SendMessageBatch(ctx, batch, nil); err != nil {
		return nil, failed("send", queue, err)
	}
	return messages, nil
}

// Depth looks at the messages and the dead letters of a queue, up to limit of each, without taking them.
func (c *Client) Depth(ctx context.Context, queue string, limit int) (active, dead int, err error) {
	if active, err = c.peek(ctx, queue, limit, nil); err != nil {
		return 0, 0, err
	}
	dead, err = c.peek(ctx, queue, limit, &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
	return active, dead, err
}

func (c *Client) peek(ctx context.Context, queue string, limit int, options *azservicebus.ReceiverOptions) (int, error) {
	receiver, err := c.client.NewReceiverForQueue(queue, options)
	if err != nil {
		return 0, failed("open a receiver", queue, err)
	}
	defer func() { _ = receiver.Close(context.WithoutCancel(ctx)) }()
	seen := 0
	for seen < limit {
		messages, err := receiver.PeekMessages(ctx, limit-seen, nil)
		if err != nil {
			return 0, failed("peek", queue, err)
		}
		if len(messages) == 0 {
			break
		}
		seen += len(messages)
	}
	return seen, nil
}

func failed(op, queue string, err error) error {
	e := &Error{Op: op, Queue: queue, cause: err}
	var answer *azservicebus.Error
	if errors.As(err, &answer) {
		e.Code = answer.Code
	}
	return e
}
