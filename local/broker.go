package main

import (
	"context"
	"time"

	"cordon/local/funchost"
	"cordon/local/servicebus"
)

// brokerSide is the broker as the Functions host's queue trigger sees it.
type brokerSide struct{ bus *servicebus.Server }

func (b *brokerSide) Receive(ctx context.Context, queue string) (funchost.Delivery, error) {
	d, err := b.bus.Receive(ctx, queue)
	if err != nil {
		return funchost.Delivery{}, err
	}
	return funchost.Delivery(*d), nil
}

func (b *brokerSide) Complete(ctx context.Context, queue, lockToken string) error {
	return b.bus.Complete(ctx, queue, lockToken)
}

func (b *brokerSide) Abandon(ctx context.Context, queue, lockToken string) error {
	return b.bus.Abandon(ctx, queue, lockToken)
}

func (b *brokerSide) Renew(ctx context.Context, queue, lockToken string) (time.Time, error) {
	return b.bus.Renew(ctx, queue, lockToken)
}
