package queue

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// farewell bounds how long the end of a link that was only looked through is waited for.
const farewell = 2 * time.Second

// Depth looks at a queue without taking anything from it: how many messages it holds, waiting, locked or scheduled, and
// how many dead letters, each counted up to limit. Messages are read over the wire to be counted, so limit bounds the
// traffic; the exact figures are with Azure Monitor.
func (c *Client) Depth(ctx context.Context, queue string, limit int) (active, dead int, err error) {
	active, err = c.peek(ctx, queue, limit, 0)
	if err != nil {
		return 0, 0, err
	}
	dead, err = c.peek(ctx, queue, limit, azservicebus.SubQueueDeadLetter)
	if err != nil {
		return 0, 0, err
	}
	return active, dead, nil
}

func (c *Client) peek(
	ctx context.Context,
	queue string,
	limit int,
	sub azservicebus.SubQueue,
) (int, error) {
	if c.isClosed() {
		return 0, errClosed("peek", queue)
	}
	receiver, err := c.client.NewReceiverForQueue(queue, &azservicebus.ReceiverOptions{SubQueue: sub})
	if err != nil {
		return 0, failed("peek", queue, err)
	}
	defer leave(ctx, receiver)
	seen := 0
	for seen < limit { // an answer may hold fewer than asked for
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

func leave(ctx context.Context, receiver *azservicebus.Receiver) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	_ = receiver.Close(ctx) // nothing was taken, so nothing can be lost
}
