package queue

import (
	"context"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// Bounds of the traffic that looking at dead letters makes: bodies cross the wire to be looked at.
const (
	// MaxDeadLetters is the most dead letters that one call lists or takes.
	MaxDeadLetters = 1000
	// peekPage is how many are asked for at once; an answer may hold fewer.
	peekPage = 100
)

// DeadLetter is a message that was set aside. All text in it was written by whoever sent the message or set it aside.
type DeadLetter struct {
	// Number is the broker's sequence number, unique within the queue and never used again.
	Number      int64
	ID          string // empty if the sender gave none
	Body        []byte
	ContentType string
	Subject     string
	Reason      string // MaxDeliveryCountExceeded and TTLExpiredException are the broker's; others are a receiver's
	Description string
	EnqueuedAt  time.Time // when it was sent, UTC; the broker does not say when it was set aside
	// deliveries that came to nothing; those of people who looked for another dead letter count too
	Deliveries int
	Deferred   bool // a receiver put it off: it is not delivered any more, but can be listed and taken by its number
}

// DeadLetters lists the dead letters of a queue, oldest number first, without taking anything: at most limit of them,
// and never more than MaxDeadLetters. more says that there are others. It needs the right to listen.
func (c *Client) DeadLetters(
	ctx context.Context,
	queue string,
	limit int,
) (found []DeadLetter, more bool, err error) {
	receiver, err := c.deadLetterReceiver("list dead letters", queue)
	if err != nil {
		return nil, false, err
	}
	defer leave(ctx, receiver)
	limit = min(max(limit, 1), MaxDeadLetters)
	var next int64
	for len(found) <= limit { // one more than is shown tells whether there are others
		messages, err := receiver.PeekMessages(ctx, min(limit+1-len(found), peekPage),
			&azservicebus.PeekMessagesOptions{FromSequenceNumber: &next})
		if err != nil {
			return nil, false, failed("list dead letters", queue, err)
		}
		if len(messages) == 0 {
			return found, false, nil
		}
		for _, m := range messages {
			d := deadLetter(m)
			found = append(found, d)
			next = d.Number + 1
		}
	}
	return found[:limit], true, nil
}

// DeadLettersAt looks at the dead letters with the given numbers without taking anything. Those that are not there are
// not in the answer.
func (c *Client) DeadLettersAt(
	ctx context.Context,
	queue string,
	numbers ...int64,
) (map[int64]DeadLetter, error) {
	receiver, err := c.deadLetterReceiver("look at dead letters", queue)
	if err != nil {
		return nil, err
	}
	defer leave(ctx, receiver)
	found, err := lookAt(ctx, receiver, numbers)
	if err != nil {
		return nil, failed("look at dead letters", queue, err)
	}
	return found, nil
}

func lookAt(
	ctx context.Context,
	receiver *azservicebus.Receiver,
	numbers []int64,
) (map[int64]DeadLetter, error) {
	numbers = slices.Sorted(slices.Values(numbers))
	found := make(map[int64]DeadLetter, len(numbers))
	for len(numbers) > 0 {
		// As many as are still looked for: one number costs one message, a run of numbers one answer.
		messages, err := receiver.PeekMessages(ctx, min(len(numbers), peekPage),
			&azservicebus.PeekMessagesOptions{FromSequenceNumber: &numbers[0]})
		if err != nil {
			return nil, err
		}
		last := numbers[len(numbers)-1] // without an answer there is nothing from here on
		for _, m := range messages {
			d := deadLetter(m)
			_, wanted := slices.BinarySearch(numbers, d.Number)
			if wanted {
				found[d.Number] = d
			}
			last = max(d.Number, numbers[0])
		}
		for len(numbers) > 0 && numbers[0] <= last {
			numbers = numbers[1:]
		}
	}
	return found, nil
}

func (c *Client) deadLetterReceiver(op, queue string) (*azservicebus.Receiver, error) {
	if c.isClosed() {
		return nil, errClosed(op, queue)
	}
	receiver, err := c.client.NewReceiverForQueue(queue,
		&azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
	if err != nil {
		return nil, failed(op, queue, err)
	}
	return receiver, nil
}

// deadLetter reads a message of the library, which counts the delivery that is under way, or a look, as one more.
func deadLetter(m *azservicebus.ReceivedMessage) DeadLetter {
	d := DeadLetter{
		ID:         m.MessageID,
		Body:       body(m),
		Deliveries: max(int(m.DeliveryCount)-1, 0),
		Deferred:   m.State == azservicebus.MessageStateDeferred,
	}
	if m.SequenceNumber != nil {
		d.Number = *m.SequenceNumber
	}
	if m.EnqueuedTime != nil {
		d.EnqueuedAt = m.EnqueuedTime.UTC()
	}
	for to, from := range map[*string]*string{
		&d.ContentType: m.ContentType,
		&d.Subject:     m.Subject,
		&d.Reason:      m.DeadLetterReason,
		&d.Description: m.DeadLetterErrorDescription,
	} {
		if from != nil {
			*to = *from
		}
	}
	return d
}

// body is all that a message carries: the library shows a body only if it came as one piece of bytes.
func body(m *azservicebus.ReceivedMessage) []byte {
	if m.Body != nil || m.RawAMQPMessage == nil {
		return m.Body
	}
	switch v := m.RawAMQPMessage.Body.Value.(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	default:
		return slices.Concat(m.RawAMQPMessage.Body.Data...)
	}
}
