package servicebus

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/go-cmp/cmp"
)

func settleCases() []conformanceCase {
	return []conformanceCase{
		{"a message arrives whole, is locked, and is gone once completed", arrives},
		{"a large message crosses in several frames", large},
		{"messages as large as allowed can be received, and peeked in pages", largest},
		{"a message over the limit is refused by name", tooLarge},
		{"a batch keeps its order", batch},
		{"an abandoned message comes back with its count and properties", abandoned},
		{"a dead letter carries reason, description and properties", deadLettered},
		{"a dead letter can be taken for good", deadLetterTaken},
		{"the last delivery attempt makes a dead letter", lastAttempt},
		{"receive and delete takes without a lock", receiveAndDelete},
		{"peeking takes nothing and shows every state", peeking},
		{"a deferred message is had by its number only", deferral},
		{"a deferred message can be given back, set aside and dead-lettered by token", deferredOutcomes},
		{"a message is settled from its token alone", tokenAlone},
		{"a queue that does not exist is named as such", missing},
	}
}

func arrives(t *testing.T, w *world) {
	sent := text("a1", "body")
	sent.ApplicationProperties = map[string]any{"text": "x", "number": int64(7), "flag": true}
	sent.ContentType, sent.Subject, sent.CorrelationID = ptr("application/json"), ptr("subject"), ptr("c1")
	w.send(t, sent)
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	if diff := cmp.Diff(sent.ApplicationProperties, m.ApplicationProperties); diff != "" {
		t.Error(diff)
	}
	got := []any{m.MessageID, string(m.Body), *m.ContentType, *m.Subject, *m.CorrelationID, m.DeliveryCount, m.State}
	if diff := cmp.Diff([]any{
		"a1", "body", "application/json", "subject", "c1", uint32(1), azservicebus.MessageStateActive,
	}, got); diff != "" {
		t.Error(diff)
	}
	if m.SequenceNumber == nil || *m.SequenceNumber < 1 || m.EnqueuedTime == nil || m.LockedUntil == nil ||
		m.LockToken == [16]byte{} {
		t.Errorf("number %v, enqueued %v, locked until %v, token %v", m.SequenceNumber, m.EnqueuedTime, m.LockedUntil,
			m.LockToken)
	}
	w.expectHeld(t, r, "a1")
	w.complete(t, r, m)
	w.expectHeld(t, r)
}

func large(t *testing.T, w *world) {
	want := bytes.Repeat([]byte("0123456789"), 20_000)
	w.send(t, text("l1", string(want)))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	if !bytes.Equal(want, m.Body) {
		t.Errorf("%d bytes came out of %d", len(m.Body), len(want))
	}
	w.complete(t, r, m)
}

func largest(t *testing.T, w *world) {
	body := string(bytes.Repeat([]byte("x"), maxMessageSize-128))
	w.send(t, text("1", body), text("2", body), text("3", body))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	for seen := 0; seen < 3; {
		page, err := r.PeekMessages(w.ctx, 3, nil)
		if err != nil || len(page) == 0 {
			t.Fatalf("%d messages after %d, error %v", len(page), seen, err)
		}
		seen += len(page)
	}
	for _, m := range w.receive(t, r, 3) {
		if string(m.Body) != body {
			t.Errorf("%s has a body of %d bytes", m.MessageID, len(m.Body))
		}
		w.complete(t, r, m)
	}
}

func tooLarge(t *testing.T, w *world) {
	err := w.sender(t).SendMessage(w.ctx, text("t1", string(make([]byte, maxMessageSize))), nil)
	if !errors.Is(err, azservicebus.ErrMessageTooLarge) {
		t.Errorf("error %v", err)
	}
	b, err := w.sender(t).NewMessageBatch(w.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AddMessage(text("t1", string(make([]byte, maxMessageSize))),
		nil); !errors.Is(err, azservicebus.ErrMessageTooLarge) {
		t.Errorf("in a batch: error %v", err)
	}
}

func batch(t *testing.T, w *world) {
	s := w.sender(t)
	b, err := s.NewMessageBatch(w.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := b.AddMessage(text(fmt.Sprint("b", i), fmt.Sprint(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SendMessageBatch(w.ctx, b, nil); err != nil {
		t.Fatal(err)
	}
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	for i, m := range w.receive(t, r, 50) {
		if m.MessageID != fmt.Sprint("b", i) || string(m.Body) != fmt.Sprint(i) {
			t.Fatalf("message %d is %s with %q", i, m.MessageID, m.Body)
		}
		w.complete(t, r, m)
	}
	w.expectHeld(t, r)
}

func abandoned(t *testing.T, w *world) {
	w.send(t, text("a1", "x"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	first := w.receive(t, r, 1)[0]
	if err := r.AbandonMessage(w.ctx, first,
		&azservicebus.AbandonMessageOptions{PropertiesToModify: map[string]any{"attempt": "1"}}); err != nil {
		t.Fatal(err)
	}
	second := w.receive(t, r, 1)[0]
	expectCount(t, second, 2)
	if second.ApplicationProperties["attempt"] != "1" || second.LockToken == first.LockToken ||
		*second.SequenceNumber != *first.SequenceNumber {
		t.Errorf("redelivered as %+v", second)
	}
	w.complete(t, r, second)
}

func deadLettered(t *testing.T, w *world) {
	w.send(t, text("d1", "x"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	err := r.DeadLetterMessage(w.ctx, m, &azservicebus.DeadLetterOptions{
		Reason:             ptr("Validation"),
		ErrorDescription:   ptr("no id"),
		PropertiesToModify: map[string]any{"field": "id"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.expectHeld(t, r)
	d := w.expectHeld(t, w.dead(t), "d1")[0]
	if *d.DeadLetterReason != "Validation" || *d.DeadLetterErrorDescription != "no id" ||
		d.ApplicationProperties["field"] != "id" || string(d.Body) != "x" {
		t.Errorf("dead letter %+v", d)
	}
}

func deadLetterTaken(t *testing.T, w *world) {
	w.send(t, text("d1", "x"), text("d2", "y"))
	r, dead := w.receiver(t, azservicebus.ReceiverOptions{}), w.dead(t)
	for _, m := range w.receive(t, r, 2) {
		if err := r.DeadLetterMessage(w.ctx, m, nil); err != nil {
			t.Fatal(err)
		}
	}
	all := w.receive(t, dead, 2)
	w.complete(t, dead, all[0])
	for range 5 { // dead letters have no limit of delivery attempts
		if err := dead.AbandonMessage(w.ctx, all[1], nil); err != nil {
			t.Fatal(err)
		}
		all[1] = w.receive(t, dead, 1)[0]
	}
	w.expectHeld(t, dead, "d2")
	w.complete(t, dead, all[1])
	w.expectHeld(t, dead)
}

func lastAttempt(t *testing.T, w *world) {
	w.send(t, text("m1", "x"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	for i := range 3 {
		m := w.receive(t, r, 1)[0]
		expectCount(t, m, uint32(i+1))
		if err := r.AbandonMessage(w.ctx, m, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.expectHeld(t, r)
	d := w.expectHeld(t, w.dead(t), "m1")[0]
	if *d.DeadLetterReason != "MaxDeliveryCountExceeded" {
		t.Errorf("reason %q", *d.DeadLetterReason)
	}
}

func receiveAndDelete(t *testing.T, w *world) {
	w.send(t, text("r1", "x"), text("r2", "y"))
	r := w.receiver(t, azservicebus.ReceiverOptions{ReceiveMode: azservicebus.ReceiveModeReceiveAndDelete})
	for i, m := range w.receive(t, r, 2) {
		if want := fmt.Sprint("r", i+1); m.MessageID != want {
			t.Errorf("got %s, want %s", m.MessageID, want)
		}
	}
	w.expectHeld(t, r)
}

func peeking(t *testing.T, w *world) {
	w.send(t, text("p1", "x"), text("p2", "y"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	if err := r.DeferMessage(w.ctx, m, nil); err != nil {
		t.Fatal(err)
	}
	held := w.expectHeld(t, r, "p1", "p2")
	if held[0].State != azservicebus.MessageStateDeferred || held[1].State != azservicebus.MessageStateActive {
		t.Errorf("states %d and %d", held[0].State, held[1].State)
	}
	if held[1].LockToken != [16]byte{} {
		t.Error("a peeked message shows a lock token")
	}
	next, err := r.PeekMessages(w.ctx, 1,
		&azservicebus.PeekMessagesOptions{FromSequenceNumber: ptr(*held[0].SequenceNumber + 1)})
	if err != nil || len(next) != 1 || next[0].MessageID != "p2" {
		t.Errorf("peeking from the second number: %v, error %v", next, err)
	}
	deferredOnes, err := r.ReceiveDeferredMessages(w.ctx, []int64{*m.SequenceNumber}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.complete(t, r, append(deferredOnes, w.receive(t, r, 1)...)...)
}

func deferral(t *testing.T, w *world) {
	w.send(t, text("d1", "x"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	if err := r.DeferMessage(w.ctx, m,
		&azservicebus.DeferMessageOptions{PropertiesToModify: map[string]any{"why": "later"}}); err != nil {
		t.Fatal(err)
	}
	w.send(t, text("d2", "y"))
	other := w.receive(t, r, 1)[0]
	if other.MessageID != "d2" {
		t.Fatalf("the deferred message %s was delivered", other.MessageID)
	}
	got, err := r.ReceiveDeferredMessages(w.ctx, []int64{*m.SequenceNumber}, nil)
	if err != nil || len(got) != 1 || got[0].MessageID != "d1" || got[0].ApplicationProperties["why"] != "later" {
		t.Fatalf("deferred %v, error %v", got, err)
	}
	w.complete(t, r, other, got[0])
	w.expectHeld(t, r)
	_, err = r.ReceiveDeferredMessages(w.ctx, []int64{*m.SequenceNumber}, nil)
	expectCode(t, err, azservicebus.CodeNotFound)
}

func deferredOutcomes(t *testing.T, w *world) {
	w.send(t, text("d1", "x"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	number := []int64{*m.SequenceNumber}
	if err := r.DeferMessage(w.ctx, m, nil); err != nil {
		t.Fatal(err)
	}
	again := func(settle func(*azservicebus.ReceivedMessage) error) {
		t.Helper()
		got, err := r.ReceiveDeferredMessages(w.ctx, number, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := settle(got[0]); err != nil {
			t.Fatal(err)
		}
	}
	again(func(m *azservicebus.ReceivedMessage) error { return r.AbandonMessage(w.ctx, m, nil) })
	again(func(m *azservicebus.ReceivedMessage) error { return r.DeferMessage(w.ctx, m, nil) })
	again(func(m *azservicebus.ReceivedMessage) error {
		return r.DeadLetterMessage(w.ctx, m, &azservicebus.DeadLetterOptions{
			Reason:           ptr("Late"),
			ErrorDescription: ptr("too late"),
		})
	})
	d := w.expectHeld(t, w.dead(t), "d1")[0]
	if *d.DeadLetterReason != "Late" || *d.DeadLetterErrorDescription != "too late" {
		t.Errorf("dead letter %+v", d)
	}
}

func tokenAlone(t *testing.T, w *world) {
	w.send(t, text("t1", "x"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	w.complete(t, r, &azservicebus.ReceivedMessage{LockToken: m.LockToken})
	w.expectHeld(t, r)
	err := r.CompleteMessage(w.ctx, &azservicebus.ReceivedMessage{LockToken: m.LockToken}, nil)
	expectCode(t, err, azservicebus.CodeLockLost)
}

func missing(t *testing.T, w *world) {
	s, err := w.client.NewSender("no-such-queue", nil)
	if err != nil {
		t.Fatal(err)
	}
	expectCode(t, s.SendMessage(w.ctx, text("x", "x"), nil), azservicebus.CodeNotFound)
	r, err := w.client.NewReceiverForQueue("no-such-queue", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.ReceiveMessages(w.ctx, 1, nil)
	expectCode(t, err, azservicebus.CodeNotFound)
}
