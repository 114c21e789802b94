package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// Probed is what a queue showed of itself.
type Probed struct {
	Looked bool          // what was kept could be looked at, which needs the right to listen
	Kept   int           // of two messages with one id; 1: the queue detects duplicates
	TTL    time.Duration // that a message without one of its own is given; 0: the broker did not tell
	Left   []int64       // sequence numbers of messages that could not be taken back
}

// probeText is the body of a probe. Nobody receives it; if one is ever left behind, the handler cannot read it, does
// nothing, and whoever looks at the dead letters sees whose it is.
const probeText = `cordon doctor: a probe that was scheduled and should have been cancelled; it means nothing`

// takeBackWithin bounds the cancelling, which goes on after the caller has gone.
const takeBackWithin = 4 * time.Second

// Probe schedules two messages with the same fresh id for at, looks at what the broker kept, and cancels it. A
// scheduled message is received by nobody before its time, so that whoever listens to the queue never sees one,
// provided that at is far away. It needs the right to send; without the one to listen less is seen. Probed with Left is
// valid beside an error.
func (c *Client) Probe(ctx context.Context, queue string, at time.Time) (seen Probed, err error) {
	sender, err := c.sender(queue)
	if err != nil {
		return seen, err
	}
	if err := sender.enter(ctx); err != nil {
		return seen, failed("send", queue, err)
	}
	defer sender.leave()
	id := "cordon-doctor-" + rand.Text()
	var sure, perhaps []int64 // to cancel: what is there, and what a duplicate was called
	defer func() { seen.Left = takeBack(ctx, sender, sure, perhaps) }()
	for i := range 2 {
		numbers, err := sender.ScheduleMessages(ctx, []*azservicebus.Message{{
			MessageID: &id,
			Body:      []byte(probeText),
		}},
			at, nil)
		if err != nil {
			return seen, failed("send", queue, err)
		}
		if i == 0 {
			sure = numbers
		} else {
			perhaps = numbers
		}
	}
	found, err := c.probes(ctx, queue, id, sure)
	if err != nil || len(found) == 0 {
		return seen, nil // who may not listen has still sent
	}
	sure, perhaps = nil, nil
	for _, m := range found {
		sure = append(sure, *m.SequenceNumber)
		if m.TimeToLive != nil {
			seen.TTL = *m.TimeToLive
		}
	}
	seen.Looked, seen.Kept = true, len(found)
	return seen, nil
}

// probes looks at the messages that have the id, from a number on: others may have been scheduled at the same time.
func (c *Client) probes(
	ctx context.Context,
	queue, id string,
	from []int64,
) ([]*azservicebus.ReceivedMessage, error) {
	if len(from) == 0 {
		return nil, errors.New("the broker gave no number")
	}
	receiver, err := c.client.NewReceiverForQueue(queue, nil)
	if err != nil {
		return nil, err
	}
	defer leave(ctx, receiver)
	messages, err := receiver.PeekMessages(ctx, peekPage,
		&azservicebus.PeekMessagesOptions{FromSequenceNumber: &from[0]})
	if err != nil {
		return nil, err
	}
	var found []*azservicebus.ReceivedMessage
	for _, m := range messages {
		if m.MessageID == id && m.SequenceNumber != nil {
			found = append(found, m)
		}
	}
	return found, nil
}

// takeBack cancels messages, one by one so that one that is not there keeps no other, and returns those that are there
// still.
func takeBack(ctx context.Context, sender *sender, sure, perhaps []int64) (left []int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackWithin)
	defer cancel()
	for _, n := range sure {
		err := sender.CancelScheduledMessages(ctx, []int64{n}, nil)
		if err != nil {
			left = append(left, n)
		}
	}
	for _, n := range perhaps {
		if n != 0 {
			_ = sender.CancelScheduledMessages(ctx, []int64{n}, nil) // a duplicate has a number and is not there
		}
	}
	return left
}
