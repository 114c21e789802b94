package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// maxIDLength is the broker's limit for a message id ("ServiceBusMessage.MessageId" on learn.microsoft.com).
const maxIDLength = 128

// Message is one message to send.
type Message struct {
	// ID is required, and the same for the same thing: the broker accepts a second one within its duplicate window and
	// drops it without a word. That goes for scheduled messages too, so a copy for later needs an id of its own.
	ID          string
	Body        []byte
	ContentType string    // empty: not set
	Subject     string    // empty: not set
	At          time.Time // when it becomes visible; zero, or past: now
}

func (m Message) check() error {
	switch {
	case m.ID == "":
		return fmt.Errorf("%w: it has no id, and without one a repeat would be a second message", errMessage)
	case len(m.ID) > maxIDLength:
		return fmt.Errorf("%w: its id has %d bytes, at most %d are allowed", errMessage, len(m.ID), maxIDLength)
	default:
		return nil
	}
}

func (m Message) outgoing() *azservicebus.Message {
	out := &azservicebus.Message{MessageID: &m.ID, Body: m.Body}
	if m.ContentType != "" {
		out.ContentType = &m.ContentType
	}
	if m.Subject != "" {
		out.Subject = &m.Subject
	}
	if !m.At.IsZero() {
		at := m.At.UTC()
		out.ScheduledEnqueueTime = &at
	}
	return out
}

// Send sends messages in their order, in as few batches as the broker takes. Nothing is sent if one of them is wrong in
// itself: *TooLargeError for one that is too large, *Error for one without a usable id. After any other *Error some,
// all or none may have been sent; sending all of them again is safe within the broker's duplicate window.
func (c *Client) Send(ctx context.Context, queue string, messages ...Message) error {
	for _, m := range messages {
		if err := m.check(); err != nil {
			return failed("send", queue, err)
		}
	}
	if len(messages) == 0 {
		return nil
	}
	sender, err := c.sender(queue)
	if err != nil {
		return err
	}
	if err := sender.enter(ctx); err != nil {
		return failed("send", queue, err)
	}
	defer sender.leave()
	if c.isClosed() {
		return errClosed("send", queue)
	}
	batches, err := c.pack(ctx, sender, queue, messages)
	if err != nil {
		return err
	}
	for _, batch := range batches {
		if err := sender.SendMessageBatch(ctx, batch, nil); err != nil {
			return c.failedSend(queue, err)
		}
	}
	return nil
}

// pack puts all messages into batches before any is sent.
func (c *Client) pack(
	ctx context.Context,
	sender *sender,
	queue string,
	messages []Message,
) ([]*azservicebus.MessageBatch, error) {
	var batches []*azservicebus.MessageBatch
	for len(messages) > 0 {
		batch, err := sender.NewMessageBatch(ctx, nil)
		if err != nil {
			return nil, c.failedSend(queue, err)
		}
		n, err := fill(batch, messages)
		if err != nil {
			return nil, failed("send", queue, err)
		}
		if n == 0 {
			return nil, &TooLargeError{
				Queue: queue,
				ID:    messages[0].ID,
				Bytes: len(messages[0].Body),
			}
		}
		batches = append(batches, batch)
		messages = messages[n:]
	}
	return batches, nil
}

// fill puts as many messages into batch as it takes and returns how many these are.
func fill(batch *azservicebus.MessageBatch, messages []Message) (int, error) {
	for i, m := range messages {
		err := batch.AddMessage(m.outgoing(), nil)
		if errors.Is(err, azservicebus.ErrMessageTooLarge) {
			return i, nil
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %s: %w", errMessage, m.ID, err)
		}
	}
	return len(messages), nil
}

// failedSend knows that a client which was closed in the meantime fails in many ways.
func (c *Client) failedSend(queue string, err error) *Error {
	if c.isClosed() {
		return errClosed("send", queue)
	}
	return failed("send", queue, err)
}
