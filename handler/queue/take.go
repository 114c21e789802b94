package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"golang.org/x/sync/errgroup"
)

// Fate is what became of a dead letter that was to be taken.
type Fate string

// The fates. After all but Replayed and Dropped the dead letter is still there, or was not.
const (
	Replayed Fate = "replayed" // a copy was sent and the dead letter is gone
	Dropped  Fate = "dropped"  // it is gone
	Refused  Fate = "refused"  // the caller would not have it sent again
	Doubled  Fate = "doubled"  // a copy was sent, and the dead letter could not be removed
	Gone     Fate = "gone"     // there is no such dead letter, or somebody else took it meanwhile
	Held     Fate = "held"     // somebody else has it locked, or it stands behind too many others
	Kept     Fate = "kept"     // something failed; it is there as before
)

// Taken is what became of one dead letter.
type Taken struct {
	Number int64
	Fate   Fate
	CopyID string // message id of the copy, if one was sent
	Reason string // for every fate but Replayed and Dropped: why, and what to do
	Unsure bool   // the broker was asked and did not say so: it may have been done all the same
}

// Bounds of taking. The broker hands dead letters out in their order and none by its number, so that those in front of
// a chosen one have to be locked too.
const (
	takeAtOnce   = 32                     // few enough to be dealt with well within a lock
	takeReach    = 1000                   // others that are locked on the way
	takeBeyond   = 100                    // deliveries behind the last chosen one until it is taken for locked
	emptyRounds  = 5                      // parts of the patience for what somebody else has locked
	gatherFor    = 100 * time.Millisecond // how long the rest of a delivery is waited for
	freshFor     = 2 * time.Second        // how old a lock may be to be relied on without renewing it
	settleWithin = time.Second            // for a first try; the library waits longer than that before it tries again
	finishWithin = 15 * time.Second       // for what is done after the caller has gone
)

// ReplayDeadLetters takes dead letters by their numbers and sends each of them again: again says as what, under an id
// of its own, or why not. The copy is sent first and the dead letter removed after it. A crash in between leaves both,
// and so does a lock that ran out. Replaying the dead letter another time then sends another copy: the broker drops it
// if it has the id of the first one, within its duplicate window; later it is delivered, which is harmless because the
// ledger joins it to the run, or the notice, that exists.
//
// Dead letters that were not chosen are given back as they were, but for their count of deliveries, on which nothing
// depends there. Of two callers at once one gets a dead letter, and the other is told Held or Gone.
//
// The result has one entry for each number, in their order, and is valid beside an error, which says what ended the
// work early or that others stay locked for a while. Taking needs the right to listen, and this the right to send.
func (c *Client) ReplayDeadLetters(ctx context.Context, queue string, numbers []int64,
	again func(DeadLetter) (Message, error)) ([]Taken, error) {
	return c.take(ctx, queue, numbers, func(t *taking, m *azservicebus.ReceivedMessage) (Taken, error) {
		return t.replay(ctx, m, again)
	})
}

// DropDeadLetters removes dead letters by their numbers, for good. What is said of others, of the result and of the
// error is as with ReplayDeadLetters.
func (c *Client) DropDeadLetters(
	ctx context.Context,
	queue string,
	numbers []int64,
) ([]Taken, error) {
	return c.take(ctx, queue, numbers, func(t *taking, m *azservicebus.ReceivedMessage) (Taken, error) {
		if sure, err := t.remove(ctx, m); err != nil {
			return Taken{Fate: Kept, Reason: err.Error(), Unsure: !sure}, nil
		}
		return Taken{Fate: Dropped}, nil
	})
}

// taking is one call that takes dead letters.
type taking struct {
	client *Client
	queue  string
	// Two receivers: one takes, the other looks, renews and settles. What is given back while the first one still waits
	// for messages would come to it again, so it is closed before.
	taker, keeper *azservicebus.Receiver
	act           func(*taking, *azservicebus.ReceivedMessage) (Taken, error)

	open      map[int64]struct{}                      // chosen, there, and not dealt with yet
	held      map[int64]*azservicebus.ReceivedMessage // locked, to be given back
	done      map[int64]Taken
	exhausted bool // takeReach was reached
}

func (c *Client) take(ctx context.Context, queue string, numbers []int64,
	act func(*taking, *azservicebus.ReceivedMessage) (Taken, error)) ([]Taken, error) {
	const op = "take dead letters"
	if len(numbers) > MaxDeadLetters {
		return nil, failed(op, queue, fmt.Errorf("%d are too many at once: at most %d", len(numbers), MaxDeadLetters))
	}
	taker, err := c.deadLetterReceiver(op, queue)
	if err != nil {
		return nil, err
	}
	defer leave(ctx, taker) // a second time does nothing
	keeper, err := c.deadLetterReceiver(op, queue)
	if err != nil {
		return nil, err
	}
	defer leave(ctx, keeper)
	t := &taking{
		client: c,
		queue:  queue,
		taker:  taker,
		keeper: keeper,
		act:    act,
		open:   map[int64]struct{}{},
		held:   map[int64]*azservicebus.ReceivedMessage{},
		done:   map[int64]Taken{},
	}
	err = t.choose(ctx, numbers)
	if err == nil {
		err = t.walk(ctx)
	}
	leave(ctx, taker)
	stuck := t.giveBack(ctx)
	if err == nil {
		err = t.explain(ctx)
	}
	var known *Error
	if err != nil && !errors.As(err, &known) {
		err = failed(op, queue, err)
	}
	return t.results(numbers), errors.Join(err, stuck)
}

func (t *taking) results(numbers []int64) []Taken {
	results := make([]Taken, 0, len(numbers))
	for _, n := range numbers {
		taken, known := t.done[n]
		if !known {
			taken = Taken{Fate: Kept, Reason: "the work ended before its turn"}
		}
		taken.Number = n
		results = append(results, taken)
	}
	return results
}

// choose finds out which of the numbers are there, and deals with those that a receiver put off: they are the only ones
// that the broker hands out by number.
func (t *taking) choose(ctx context.Context, numbers []int64) error {
	there, err := lookAt(ctx, t.keeper, numbers)
	if err != nil {
		return err
	}
	var deferred []int64
	for _, n := range numbers {
		d, exists := there[n]
		if !exists {
			t.done[n] = Taken{Fate: Gone, Reason: "there is no dead letter with this number"}
			continue
		}
		t.open[n] = struct{}{}
		if d.Deferred {
			deferred = append(deferred, n)
		}
	}
	for _, n := range slices.Compact(slices.Sorted(slices.Values(deferred))) {
		messages, err := t.keeper.ReceiveDeferredMessages(ctx, []int64{n}, nil)
		var known *azservicebus.Error
		if errors.As(err, &known) && known.Code == azservicebus.CodeNotFound {
			t.settled(n, Taken{Fate: Held, Reason: heldByOther})
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range messages {
			err := t.deal(ctx, m, time.Now())
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// walk takes messages off the dead letters until all chosen ones were dealt with, or cannot be had.
func (t *taking) walk(ctx context.Context) error {
	if len(t.open) == 0 {
		return nil
	}
	// A look opens the links. Waiting for messages is not to be cut short while that goes on.
	last := slices.Max(slices.Collect(maps.Keys(t.open)))
	if _, err := t.taker.PeekMessages(ctx, 1,
		&azservicebus.PeekMessagesOptions{FromSequenceNumber: &last}); err != nil {
		return err
	}
	for beyond, empty, ask := 0, 0, len(t.open); len(t.open) > 0 && beyond < takeBeyond &&
		empty < emptyRounds; ask *= 2 {
		t.exhausted = len(t.held) >= takeReach
		if t.exhausted {
			return nil
		}
		// Little is asked for at first: whatever comes stays locked until the end.
		ask = min(ask, takeAtOnce)
		messages, err := t.receive(ctx, ask)
		if err != nil {
			return err
		}
		if empty++; len(messages) > 0 {
			empty = 0
		} else if err := t.missing(ctx); err != nil {
			return err
		}
		got := time.Now()
		for i, m := range messages {
			number := deadLetter(m).Number
			if _, chosen := t.open[number]; !chosen {
				t.held[number] = m
				if number > last {
					beyond++
				}
				continue
			}
			if err := t.deal(ctx, m, got); err != nil {
				for _, rest := range messages[i+1:] {
					t.held[deadLetter(rest).Number] = rest
				}
				return err
			}
		}
	}
	return nil
}

// receive waits for messages, and returns none if there are none that nobody else has locked, or if the library
// repaired a link meanwhile.
func (t *taking) receive(ctx context.Context, n int) ([]*azservicebus.ReceivedMessage, error) {
	patient, cancel := context.WithTimeout(ctx, t.client.patience/emptyRounds)
	defer cancel()
	messages, err := t.taker.ReceiveMessages(patient, n,
		&azservicebus.ReceiveMessagesOptions{TimeAfterFirstMessage: gatherFor})
	if len(messages) == 0 && patient.Err() != nil && ctx.Err() == nil {
		return nil, nil
	}
	return messages, err
}

// missing finds out which of those that do not come are not there any more.
func (t *taking) missing(ctx context.Context) error {
	left := slices.Collect(maps.Keys(t.open))
	there, err := lookAt(ctx, t.keeper, left)
	if err != nil {
		return err
	}
	for _, n := range left {
		if _, exists := there[n]; !exists {
			t.settled(n, Taken{Fate: Gone, Reason: "somebody else took it meanwhile"})
		}
	}
	return nil
}

// deal does with a chosen message what is to be done. An error ends the work: it would meet the next one as well.
func (t *taking) deal(ctx context.Context, m *azservicebus.ReceivedMessage, got time.Time) error {
	number := deadLetter(m).Number
	if time.Since(got) > freshFor {
		err := t.keeper.RenewMessageLock(ctx, m, nil)
		if lockLost(err) {
			t.settled(number, Taken{Fate: Kept, Reason: "its lock ran out before its turn: try again"})
			return nil
		}
		if err != nil {
			t.held[number] = m
			return err
		}
	}
	taken, err := t.act(t, m)
	if taken.Fate != Replayed && taken.Fate != Dropped {
		t.held[number] = m
	}
	t.settled(number, taken)
	return err
}

func (t *taking) settled(number int64, taken Taken) {
	delete(t.open, number)
	t.done[number] = taken
}

func (t *taking) replay(ctx context.Context, m *azservicebus.ReceivedMessage,
	again func(DeadLetter) (Message, error)) (Taken, error) {
	d := deadLetter(m)
	out, err := again(d)
	if err == nil && out.ID == d.ID {
		err = fmt.Errorf("the broker would take a second message with the id %q for a repeat", d.ID)
	}
	if err != nil {
		return Taken{Fate: Refused, Reason: err.Error()}, nil
	}
	err = t.client.Send(ctx, t.queue, out)
	if err != nil {
		return Taken{Fate: Kept, Reason: err.Error(), Unsure: true}, err
	}
	if _, err := t.remove(ctx, m); err != nil {
		return Taken{Fate: Doubled, CopyID: out.ID, Reason: err.Error()}, nil
	}
	return Taken{Fate: Replayed, CopyID: out.ID}, nil
}

// remove completes a message, also after the end of ctx: a copy may be out. Where the broker's answer was lost, it
// counts whether the message is still there; sure is false if that could not be found out.
func (t *taking) remove(ctx context.Context, m *azservicebus.ReceivedMessage) (sure bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	err = t.settle(ctx, m, func(ctx context.Context, token *azservicebus.ReceivedMessage) error {
		return t.keeper.CompleteMessage(ctx, token, nil)
	})
	if err == nil {
		return true, nil
	}
	there, look := lookAt(ctx, t.keeper, []int64{deadLetter(m).Number})
	if look == nil && len(there) == 0 {
		return true, nil
	}
	if lockLost(err) {
		return true, errors.New("its lock ran out before it was removed: drop it, or replay it again")
	}
	return look == nil, fmt.Errorf("it could not be removed: %w", err)
}

// settle ends a lock by its token alone, which goes over the management link: a message that came over a link which is
// lost by now can be settled too. The library's own way for such a one resets the connection several times and takes
// most of a minute. The first try gets little time because the library's pause before a second one does not follow the
// options; renewing the lock does, and repairs the links. ctx must have an end.
func (t *taking) settle(ctx context.Context, m *azservicebus.ReceivedMessage,
	how func(ctx context.Context, token *azservicebus.ReceivedMessage) error) error {
	token := &azservicebus.ReceivedMessage{LockToken: m.LockToken}
	short, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	err := how(short, token)
	if err == nil || lockLost(err) || ctx.Err() != nil {
		return err
	}
	err = t.keeper.RenewMessageLock(ctx, m, nil)
	if err != nil {
		return err
	}
	return how(ctx, token)
}

// giveBack lets go of everything that is still locked, also after the end of ctx.
func (t *taking) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	var all errgroup.Group
	all.SetLimit(16)
	for _, m := range t.held {
		all.Go(func() error {
			err := t.settle(ctx, m, func(ctx context.Context, token *azservicebus.ReceivedMessage) error {
				return t.keeper.AbandonMessage(ctx, token, nil)
			})
			if err == nil || lockLost(err) { // a lock that ran out has given it back
				return nil
			}
			return failed("give dead letters back", t.queue,
				fmt.Errorf("some stay locked until their locks run out, and are not lost: %w", err))
		})
	}
	return all.Wait()
}

const heldByOther = "somebody else has it locked: try again in a minute"

// explain says why chosen ones could not be had.
func (t *taking) explain(ctx context.Context) error {
	if err := t.missing(ctx); err != nil {
		return err
	}
	for n := range t.open {
		reason := heldByOther
		if t.exhausted {
			reason = fmt.Sprintf("more than %d others stand before it: replay or drop older ones first", takeReach)
		}
		t.settled(n, Taken{Fate: Held, Reason: reason})
	}
	return nil
}

func lockLost(err error) bool {
	var known *azservicebus.Error
	return errors.As(err, &known) && known.Code == azservicebus.CodeLockLost
}
