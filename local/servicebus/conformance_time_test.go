package servicebus

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

func timeCases() []conformanceCase {
	return []conformanceCase{
		{"a lock is renewed as often as asked, and lapses when not", renewal},
		{"a lapsed lock on the last attempt makes a dead letter", lapseToDeadLetter},
		{"a scheduled message comes at its time, a cancelled one never", schedule},
		{"a message scheduled by property comes at its time", scheduleByProperty},
		{"a repeat within the window is dropped, one after it is not", duplicates},
		{"a scheduled message takes part in duplicate detection", duplicateSchedule},
		{"an expired message becomes a dead letter", expiry},
		{"a locked message does not expire before its lock", lockedExpiry},
	}
}

func renewal(t *testing.T, w *world) {
	w.send(t, text("r1", "x"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	before := *m.LockedUntil
	for range 3 {
		w.pass(w.lock / 5)
		if err := r.RenewMessageLock(w.ctx, m, nil); err != nil {
			t.Fatal(err)
		}
		if !m.LockedUntil.After(before) {
			t.Errorf("renewed from %v to %v", before, *m.LockedUntil)
		}
		before = *m.LockedUntil
	}
	w.pass(w.lock + time.Second)
	expectCode(t, r.CompleteMessage(w.ctx, m, nil), azservicebus.CodeLockLost)
	expectCode(t, r.RenewMessageLock(w.ctx, m, nil), azservicebus.CodeLockLost)
	again := w.receive(t, r, 1)[0]
	expectCount(t, again, 2)
	w.complete(t, r, again)
}

func lapseToDeadLetter(t *testing.T, w *world) {
	w.send(t, text("l1", "x"))
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	for i := range 3 {
		expectCount(t, w.receive(t, r, 1)[0], uint32(i+1))
		w.pass(w.lock + time.Second)
	}
	d := w.expectHeld(t, w.dead(t), "l1")[0]
	if *d.DeadLetterReason != "MaxDeliveryCountExceeded" {
		t.Errorf("reason %q", *d.DeadLetterReason)
	}
}

// now is the broker's time, read off a message.
func (w *world) now(t *testing.T, r *azservicebus.Receiver) time.Time {
	t.Helper()
	w.send(t, text("clock", ""))
	m := w.receive(t, r, 1)[0]
	w.complete(t, r, m)
	return *m.EnqueuedTime
}

func schedule(t *testing.T, w *world) {
	r, s := w.receiver(t, azservicebus.ReceiverOptions{}), w.sender(t)
	at := w.now(t, r).Add(2 * w.lock)
	numbers, err := s.ScheduleMessages(w.ctx, []*azservicebus.Message{text("s1", "x"), text("s2", "y")}, at, nil)
	if err != nil || len(numbers) != 2 {
		t.Fatalf("numbers %v, error %v", numbers, err)
	}
	if err := s.CancelScheduledMessages(w.ctx, numbers[1:], nil); err != nil {
		t.Fatal(err)
	}
	expectCode(t, s.CancelScheduledMessages(w.ctx, numbers[1:], nil), azservicebus.CodeNotFound)
	w.send(t, text("now", "z"))
	early := w.receive(t, r, 1)[0]
	if early.MessageID != "now" {
		t.Errorf("%s came before its time", early.MessageID)
	}
	w.complete(t, r, early)
	if held := w.expectHeld(t, r, "s1"); held[0].State != azservicebus.MessageStateScheduled ||
		!held[0].ScheduledEnqueueTime.Equal(at) {
		t.Errorf("state %d for %v", held[0].State, held[0].ScheduledEnqueueTime)
	}
	w.pass(2*w.lock + time.Second)
	m := w.receive(t, r, 1)[0]
	if m.MessageID != "s1" || m.State != azservicebus.MessageStateActive || m.EnqueuedTime.Before(at) {
		t.Errorf("%s in state %d, enqueued at %v, scheduled for %v", m.MessageID, m.State, m.EnqueuedTime, at)
	}
	w.complete(t, r, m)
	w.expectHeld(t, r)
}

func scheduleByProperty(t *testing.T, w *world) {
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	at := w.now(t, r).Add(w.lock)
	later, past := text("p1", "x"), text("p2", "y")
	later.ScheduledEnqueueTime, past.ScheduledEnqueueTime = &at, ptr(at.Add(-time.Hour))
	w.send(t, later, past)
	m := w.receive(t, r, 1)[0]
	if m.MessageID != "p2" {
		t.Fatalf("%s came first", m.MessageID)
	}
	w.complete(t, r, m)
	w.pass(w.lock + time.Second)
	m = w.receive(t, r, 1)[0]
	if m.MessageID != "p1" {
		t.Errorf("%s came", m.MessageID)
	}
	w.complete(t, r, m)
}

func duplicates(t *testing.T, w *world) {
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	for range 5 {
		w.send(t, text("same", "x"))
	}
	w.send(t, text("other", "y"))
	w.expectHeld(t, r, "same", "other")
	w.complete(t, r, w.receive(t, r, 2)...)
	w.send(t, text("same", "x")) // that the first is gone does not matter
	w.expectHeld(t, r)
	w.pass(w.window + time.Second)
	w.send(t, text("same", "x"))
	w.complete(t, r, w.receive(t, r, 1)...)
}

func duplicateSchedule(t *testing.T, w *world) {
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	at := w.now(t, r).Add(w.lock)
	w.send(t, text("same", "x"))
	if _, err := w.sender(t).ScheduleMessages(w.ctx, []*azservicebus.Message{text("same", "y")}, at, nil); err != nil {
		t.Fatal(err)
	}
	w.expectHeld(t, r, "same")
	w.complete(t, r, w.receive(t, r, 1)...)
}

func expiry(t *testing.T, w *world) {
	short, long := text("e1", "x"), text("e2", "y")
	short.TimeToLive, long.TimeToLive = ptr(w.ttl), ptr(100*w.ttl)
	w.send(t, short, long)
	w.pass(w.ttl + time.Second)
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	if m.MessageID != "e2" {
		t.Fatalf("%s was delivered", m.MessageID)
	}
	w.complete(t, r, m)
	d := w.expectHeld(t, w.dead(t), "e1")[0]
	if *d.DeadLetterReason != "TTLExpiredException" {
		t.Errorf("reason %q", *d.DeadLetterReason)
	}
}

func lockedExpiry(t *testing.T, w *world) {
	m := text("e1", "x")
	m.TimeToLive = ptr(w.lock / 4)
	w.send(t, m)
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	got := w.receive(t, r, 1)[0]
	w.pass(w.lock / 2)
	w.complete(t, r, got)
	w.expectHeld(t, r)
	w.expectHeld(t, w.dead(t))
}
