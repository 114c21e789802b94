package servicebus

import (
	"fmt"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

func deadCases() []conformanceCase {
	return []conformanceCase{
		{"dead letters are peeked in pages from a number on, across gaps", deadPeeked},
		{"dead letters come in the order of their numbers, and one that is given back keeps its place", deadOrder},
		{"a dead letter that somebody has locked is peeked and not delivered", deadLocked},
		{"a dead letter is settled from its token alone by another receiver", deadTokenAlone},
		{"a dead letter's lock is renewed by another receiver, and lapses when not", deadRenewal},
		{"a deferred dead letter is had by its number only, and stays deferred when given back", deadDeferred},
		{"a copy of a dead letter needs an id of its own within the duplicate window", deadCopy},
	}
}

// setAside sends n messages and makes dead letters of them, with the ids d1, d2, ...
func (w *world) setAside(t *testing.T, n int) []int64 {
	t.Helper()
	var all []*azservicebus.Message
	for i := range n {
		all = append(all, text(fmt.Sprint("d", i+1), fmt.Sprint("body ", i+1)))
	}
	w.send(t, all...)
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	numbers := make([]int64, 0, n)
	for _, m := range w.receive(t, r, n) {
		if err := r.DeadLetterMessage(w.ctx, m, &azservicebus.DeadLetterOptions{Reason: ptr("Test")}); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, *m.SequenceNumber)
	}
	return numbers
}

func deadPeeked(t *testing.T, w *world) {
	numbers := w.setAside(t, 5)
	dead := w.dead(t)
	all := w.receive(t, dead, 5)
	w.complete(t, dead, all[1], all[2]) // a gap
	for _, c := range []struct {
		from int64
		n    int
		want string
	}{
		{0, 2, "d1 d4"}, {numbers[1], 1, "d4"}, {numbers[2], 9, "d4 d5"}, {numbers[4], 9, "d5"},
		{numbers[4] + 1, 9, ""},
	} {
		got := ""
		for n, next := c.n, c.from; n > 0; { // an answer may hold fewer than asked for
			page, err := w.dead(t).PeekMessages(w.ctx, n, &azservicebus.PeekMessagesOptions{FromSequenceNumber: &next})
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				if got != "" {
					got += " "
				}
				got += m.MessageID
				n, next = n-1, *m.SequenceNumber+1
			}
		}
		if got != c.want {
			t.Errorf("%d from %d: %q, want %q", c.n, c.from, got, c.want)
		}
	}
	w.complete(t, dead, all[0], all[3], all[4])
}

func deadOrder(t *testing.T, w *world) {
	numbers := w.setAside(t, 3)
	dead := w.dead(t)
	for round := range 2 {
		for i, m := range w.receive(t, dead, 3) {
			if *m.SequenceNumber != numbers[i] || string(m.Body) != fmt.Sprint("body ", i+1) ||
				*m.DeadLetterReason != "Test" {
				t.Errorf("round %d: place %d has %d with %q", round, i, *m.SequenceNumber, m.Body)
			}
			if err := dead.AbandonMessage(w.ctx, m, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.complete(t, dead, w.receive(t, dead, 3)...)
}

func deadLocked(t *testing.T, w *world) {
	w.setAside(t, 2)
	mine, other := w.dead(t), w.dead(t)
	locked := w.receive(t, mine, 1)[0]
	held := w.expectHeld(t, other, "d1", "d2")
	if held[0].State != azservicebus.MessageStateActive {
		t.Errorf("a locked message is peeked in state %d", held[0].State)
	}
	got := w.receive(t, other, 1)[0]
	if got.MessageID != "d2" {
		t.Errorf("%s was delivered", got.MessageID)
	}
	w.complete(t, other, got)
	w.complete(t, mine, locked)
}

func deadTokenAlone(t *testing.T, w *world) {
	w.setAside(t, 2)
	taker, keeper := w.dead(t), w.dead(t)
	got := w.receive(t, taker, 2)
	if err := taker.Close(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.complete(t, keeper, &azservicebus.ReceivedMessage{LockToken: got[0].LockToken})
	if err := keeper.AbandonMessage(w.ctx, &azservicebus.ReceivedMessage{LockToken: got[1].LockToken},
		nil); err != nil {
		t.Fatal(err)
	}
	w.expectHeld(t, keeper, "d2")
	again := w.receive(t, keeper, 1)[0]
	if *again.DeadLetterReason != "Test" || string(again.Body) != "body 2" {
		t.Errorf("given back as %+v", again)
	}
	w.complete(t, keeper, again)
	expectCode(t, keeper.CompleteMessage(w.ctx, &azservicebus.ReceivedMessage{LockToken: got[1].LockToken}, nil),
		azservicebus.CodeLockLost)
}

func deadRenewal(t *testing.T, w *world) {
	w.setAside(t, 1)
	taker, keeper := w.dead(t), w.dead(t)
	m := w.receive(t, taker, 1)[0]
	for range 2 {
		w.pass(w.lock * 3 / 5)
		if err := keeper.RenewMessageLock(w.ctx, m, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(w.lock + time.Second)
	expectCode(t, keeper.RenewMessageLock(w.ctx, m, nil), azservicebus.CodeLockLost)
	w.complete(t, keeper, w.receive(t, keeper, 1)[0])
}

func deadDeferred(t *testing.T, w *world) {
	numbers := w.setAside(t, 2)
	dead := w.dead(t)
	for _, m := range w.receive(t, dead, 2) {
		if m.MessageID == "d1" {
			if err := dead.DeferMessage(w.ctx, m, nil); err != nil {
				t.Fatal(err)
			}
			continue
		}
		w.complete(t, dead, m)
	}
	for range 2 {
		if held := w.expectHeld(t, dead, "d1"); held[0].State != azservicebus.MessageStateDeferred {
			t.Errorf("state %d", held[0].State)
		}
		got, err := w.dead(t).ReceiveDeferredMessages(w.ctx, numbers[:1], nil)
		if err != nil || len(got) != 1 || got[0].MessageID != "d1" {
			t.Fatalf("deferred %v, error %v", got, err)
		}
		if err := dead.AbandonMessage(w.ctx, &azservicebus.ReceivedMessage{LockToken: got[0].LockToken},
			nil); err != nil {
			t.Fatal(err)
		}
	}
	got, err := dead.ReceiveDeferredMessages(w.ctx, numbers[:1], nil)
	if err != nil {
		t.Fatal(err)
	}
	w.complete(t, dead, got...)
	w.expectHeld(t, dead)
}

func deadCopy(t *testing.T, w *world) {
	w.setAside(t, 1)
	r, dead := w.receiver(t, azservicebus.ReceiverOptions{}), w.dead(t)
	m := w.receive(t, dead, 1)[0]
	w.send(t, text(m.MessageID, string(m.Body))) // dropped without a word
	w.expectHeld(t, r)
	w.send(t, text(m.MessageID+":replay", string(m.Body)))
	w.complete(t, dead, m)
	w.complete(t, r, w.receive(t, r, 1)...)
	w.expectHeld(t, dead)
}
