package world

import (
	"context"
	"time"

	"cordon/local/funchost"
	"cordon/local/servicebus"
)

// Broker is Service Bus as the Functions host's queue trigger sees it.
type Broker struct{ Bus *servicebus.Server }

// Receive waits for a message and locks it.
func (b *Broker) Receive(ctx context.Context, queue string) (funchost.Delivery, error) {
	d, err := b.Bus.Receive(ctx, queue)
	if err != nil {
		return funchost.Delivery{}, err
	}
	return funchost.Delivery(*d), nil
}

// Complete removes a message.
func (b *Broker) Complete(ctx context.Context, queue, lockToken string) error {
	return b.Bus.Complete(ctx, queue, lockToken)
}

// Abandon gives a message back.
func (b *Broker) Abandon(ctx context.Context, queue, lockToken string) error {
	return b.Bus.Abandon(ctx, queue, lockToken)
}

// Renew extends a lock.
func (b *Broker) Renew(ctx context.Context, queue, lockToken string) (time.Time, error) {
	return b.Bus.Renew(ctx, queue, lockToken)
}
