package funchost

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

var errUnread = errors.New("exception while binding the trigger: the body of the message cannot be read")

// settleTimeout bounds Complete and Abandon, which must also work while the host stops.
const settleTimeout = 10 * time.Second

// consume feeds one queue to one instance, as many messages at a time as host.json allows, until it is to take nothing
// more and every delivery is settled or left.
func (in *instance) consume(l *life, fn *function) {
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	slots := make(chan struct{}, in.h.config.maxConcurrentCalls)
	for {
		select {
		case slots <- struct{}{}:
		case <-l.listening.Done():
			return
		}
		d, err := in.h.o.Broker.Receive(l.listening, fn.queue.queue)
		if err == nil {
			deliveries.Go(func() {
				defer func() { <-slots }()
				in.deliver(l, fn, d)
			})
			continue
		}
		<-slots
		if l.listening.Err() != nil {
			return
		}
		in.h.o.Logf("%s: queue %s: receive: %v", in, fn.queue.queue, err)
		sleep(l.listening, in.h.o.Clock, in.h.o.ReceivePause)
	}
}

// deliver runs one message and settles it: complete on success, otherwise abandon at once. Once a stop or drain has
// begun a success is abandoned too, as the vendor's listener was seen to do.
func (in *instance) deliver(l *life, fn *function, d Delivery) {
	ctx, release := context.WithCancel(l.ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		in.keepLocked(ctx, fn.queue.queue, d)
	}()
	event := in.feed(l, fn, d)
	release()
	<-renewed
	event.DeliveryCount, event.MessageID = d.DeliveryCount, d.MessageID
	failed := event.Err != nil
	event.GivenBack = !failed && l.listening.Err() != nil
	in.settle(l, fn, d, failed || event.GivenBack)
	in.h.o.OnInvocation(event)
}

// feed runs the function with the message. One that cannot be read fails before that, and so at every delivery until it
// is a dead letter: it was seen to be delivered ten times in half a second.
func (in *instance) feed(l *life, fn *function, d Delivery) Event {
	now := in.h.o.Clock.Now()
	if d.Undecodable {
		return Event{
			Function:     fn.name,
			Instance:     in.index,
			InvocationID: newGUID(),
			Start:        now,
			Err:          fmt.Errorf("%s: %w", fn.name, errUnread),
		}
	}
	event, _ := in.invoke(l, fn, in.h.posting(fn, queueEnvelope(fn, d, in.h.id, now)))
	return event
}

func (in *instance) settle(l *life, fn *function, d Delivery, back bool) {
	if l.lost.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), settleTimeout)
	defer cancel()
	verb, call := "complete", in.h.o.Broker.Complete
	if back {
		verb, call = "abandon", in.h.o.Broker.Abandon
	}
	if err := call(ctx, fn.queue.queue, d.LockToken); err != nil {
		in.h.o.Logf("%s: message %s on %s: %s: %v", in, d.MessageID, fn.queue.queue, verb, err)
	}
}

// keepLocked renews a message's lock until ctx ends, maxAutoLockRenewalDuration has passed or the lock is lost.
func (in *instance) keepLocked(ctx context.Context, queue string, d Delivery) {
	clock := in.h.o.Clock
	end := clock.Now().Add(in.h.config.maxRenewal)
	until := d.LockedUntil
	for {
		now := clock.Now()
		delay := renewDelay(until.Sub(now))
		if delay <= 0 || now.Add(delay).After(end) || !sleep(ctx, clock, delay) {
			return
		}
		if in.frost.still() {
			continue
		}
		next, err := in.h.o.Broker.Renew(ctx, queue, d.LockToken)
		if err != nil {
			if ctx.Err() == nil {
				in.h.o.Logf("%s: message %s on %s: renew the lock: %v", in, d.MessageID, queue, err)
			}
			continue
		}
		until = next
	}
}

// renewDelay is the vendor SDK's: ten seconds before the end, half of what is left when that is less, 0 when it is too
// late.
func renewDelay(left time.Duration) time.Duration {
	if left < 400*time.Millisecond {
		return 0
	}
	return left - min(left/2, 10*time.Second)
}
