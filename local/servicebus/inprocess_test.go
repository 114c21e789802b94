package servicebus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/go-cmp/cmp"
)

// plain is a server that is reached by calls only, and its clock.
func plain(t *testing.T, q QueueConfig) (*Server, *ManualClock) {
	t.Helper()
	clock := NewManualClock(start)
	s, err := New(Options{Queues: []QueueConfig{q}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, clock
}

func put(t *testing.T, s *Server, m Message) {
	t.Helper()
	if err := s.Send("q", m); err != nil {
		t.Fatal(err)
	}
}

func next(t *testing.T, s *Server, queue string) *Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := s.Receive(ctx, queue)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestADeliverySaysEverythingAboutItsMessage(t *testing.T) {
	t.Parallel()
	s, _ := plain(t, QueueConfig{Name: "q", LockDuration: time.Minute, TTL: time.Hour})
	put(t, s, Message{
		ID:                    "1",
		Body:                  []byte("x"),
		ContentType:           "text/plain",
		Subject:               "s",
		ApplicationProperties: map[string]any{"k": "v"},
	})
	got := next(t, s, "Q")
	want := &Delivery{
		MessageID:             "1",
		Body:                  []byte("x"),
		ContentType:           "text/plain",
		Subject:               "s",
		ApplicationProperties: map[string]any{"k": "v"},
		DeliveryCount:         1,
		SequenceNumber:        1,
		EnqueuedAt:            start,
		ExpiresAt:             start.Add(time.Hour),
		LockToken:             got.LockToken,
		LockedUntil:           start.Add(time.Minute),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(got.LockToken) != 36 {
		t.Errorf("lock token %q", got.LockToken)
	}
}

func TestReceiveWaitsForAMessage(t *testing.T) {
	t.Parallel()
	s, clock := plain(t, QueueConfig{Name: "q"})
	put(t, s, Message{ID: "1", At: start.Add(time.Hour)})
	got := make(chan *Delivery)
	go func() { got <- next(t, s, "q") }()
	clock.Advance(time.Hour)
	if d := <-got; d.MessageID != "1" || !d.EnqueuedAt.Equal(start.Add(time.Hour)) {
		t.Errorf("delivery %+v", d)
	}
}

func TestACancelledReceiveKeepsNothingLocked(t *testing.T) {
	t.Parallel()
	s, _ := plain(t, QueueConfig{Name: "q", MaxDeliveryCount: 1})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := s.Receive(ctx, "q")
		failed <- err
	}()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	put(t, s, Message{ID: "1"})
	if d := next(t, s, "q"); d.DeliveryCount != 1 {
		t.Errorf("delivery %+v", d)
	}
}

func TestAMessageThatCameTooLateIsGivenBackUncounted(t *testing.T) {
	t.Parallel()
	s, _ := plain(t, QueueConfig{Name: "q", MaxDeliveryCount: 1})
	w := &waiter{got: make(chan Delivery, 1)}
	if err := s.broker.subscribe("q", w); err != nil {
		t.Fatal(err)
	}
	put(t, s, Message{ID: "1"}) // w has it, and its caller sees the end of ctx first
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.giveUp(ctx, w); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if d := next(t, s, "q"); d.DeliveryCount != 1 {
		t.Errorf("delivery %+v", d)
	}
}

func TestEveryMessageGoesToOneReceiver(t *testing.T) {
	t.Parallel()
	s, _ := plain(t, QueueConfig{Name: "q"})
	const messages, receivers = 500, 8
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range receivers {
		all.Go(func() {
			for range messages / receivers {
				d, err := s.Receive(t.Context(), "q")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[d.MessageID]++
				mu.Unlock()
				if err := s.Complete(t.Context(), "q", d.LockToken); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range messages / receivers * receivers {
		put(t, s, Message{ID: fmt.Sprint(i)})
	}
	all.Wait()
	if len(seen) != messages/receivers*receivers {
		t.Errorf("%d different messages came", len(seen))
	}
	if got := s.Counts("q"); got != (Counts{}) {
		t.Errorf("counts %+v", got)
	}
}

func TestAbandonedMessagesComeBackInTheirOldOrder(t *testing.T) {
	t.Parallel()
	s, _ := plain(t, QueueConfig{Name: "q"})
	put(t, s, Message{ID: "1"})
	put(t, s, Message{ID: "2"})
	d := next(t, s, "q")
	if err := s.Abandon(t.Context(), "q", d.LockToken); err != nil {
		t.Fatal(err)
	}
	if again := next(t, s, "q"); again.MessageID != "1" || again.DeliveryCount != 2 {
		t.Errorf("delivery %+v", again)
	}
	if err := s.Abandon(t.Context(), "q", d.LockToken); !errors.Is(err, ErrLockLost) {
		t.Errorf("the old token: %v", err)
	}
}

func TestALockLastsAsLongAsItIsRenewed(t *testing.T) {
	t.Parallel()
	s, clock := plain(t, QueueConfig{Name: "q", LockDuration: time.Minute})
	put(t, s, Message{ID: "1"})
	d := next(t, s, "q")
	for range 5 {
		clock.Advance(50 * time.Second)
		until, err := s.Renew(t.Context(), "q", d.LockToken)
		if err != nil || !until.Equal(clock.Now().Add(time.Minute)) {
			t.Fatalf("until %v, error %v", until, err)
		}
	}
	clock.Advance(time.Minute)
	if _, err := s.Renew(t.Context(), "q", d.LockToken); !errors.Is(err, ErrLockLost) {
		t.Errorf("renew: %v", err)
	}
	if err := s.Complete(t.Context(), "q", d.LockToken); !errors.Is(err, ErrLockLost) {
		t.Errorf("complete: %v", err)
	}
	if again := next(t, s, "q"); again.DeliveryCount != 2 {
		t.Errorf("delivery %+v", again)
	}
}

func TestRecordsTellTheFateOfEverythingAccepted(t *testing.T) {
	t.Parallel()
	s, clock := plain(t, QueueConfig{Name: "q", DuplicateWindow: time.Hour, MaxDeliveryCount: 2, TTL: time.Hour})
	for _, id := range []string{"done", "done", "aside", "removed", "spent", "waiting"} {
		put(t, s, Message{ID: id, Body: []byte(id)})
	}
	put(t, s, Message{ID: "later", At: start.Add(2 * time.Hour)})
	for _, settle := range []func(*Delivery) error{
		func(d *Delivery) error { return s.Complete(t.Context(), "q", d.LockToken) },
		func(d *Delivery) error { return s.DeadLetter(t.Context(), "q", d.LockToken, "Aside", "why not") },
		func(d *Delivery) error { return s.DeadLetter(t.Context(), "q", d.LockToken, "Removed", "") },
		func(d *Delivery) error { return s.Abandon(t.Context(), "q", d.LockToken) },
		func(d *Delivery) error { return s.Abandon(t.Context(), "q", d.LockToken) },
	} {
		if err := settle(next(t, s, "q")); err != nil {
			t.Fatal(err)
		}
	}
	aside := next(t, s, "q/$deadletterqueue")
	if aside.ApplicationProperties["DeadLetterReason"] != "Aside" ||
		aside.ApplicationProperties["DeadLetterErrorDescription"] != "why not" {
		t.Errorf("dead letter %+v", aside)
	}
	if err := s.Complete(t.Context(), "q", next(t, s, "q/$DeadLetterQueue").LockToken); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute) // gives the dead letter back, which was only looked at
	type fate struct {
		ID         string
		Fate       Fate
		Deliveries int
		Reason     string
	}
	var got []fate
	for _, r := range s.Records("q") {
		if string(r.Body) != r.MessageID && r.MessageID != "later" {
			t.Errorf("%s has the body %q", r.MessageID, r.Body)
		}
		got = append(got, fate{r.MessageID, r.Fate, r.Deliveries, r.Reason})
	}
	want := []fate{
		{"done", Completed, 1, ""}, {"done", Duplicate, 0, ""}, {"aside", DeadLettered, 2, "Aside"},
		{"removed", Removed, 2, "Removed"},
		{"spent", DeadLettered, 2, "MaxDeliveryCountExceeded"}, {"waiting", Active, 0, ""}, {"later", Scheduled, 0, ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Counts{Active: 1, Scheduled: 1, DeadLettered: 2}, s.Counts("Q")); diff != "" {
		t.Error(diff)
	}
	clock.Advance(2 * time.Hour)
	if diff := cmp.Diff(Counts{Active: 1, DeadLettered: 3}, s.Counts("q")); diff != "" {
		t.Error(diff)
	}
}

func TestQueuesThatDoNotExistAreErrors(t *testing.T) {
	t.Parallel()
	s, _ := plain(t, QueueConfig{Name: "q"})
	if _, err := s.Receive(t.Context(), "none"); !errors.Is(err, ErrNoQueue) {
		t.Errorf("Receive: %v", err)
	}
	if err := s.Send("none", Message{}); !errors.Is(err, ErrNoQueue) {
		t.Errorf("Send: %v", err)
	}
	if s.Records("none") != nil || s.Counts("none") != (Counts{}) {
		t.Error("there is something in a queue that does not exist")
	}
	for _, token := range []string{"", "x", "00000000-0000-0000-0000-00000000000g"} {
		if err := s.Complete(t.Context(), "q", token); err == nil || errors.Is(err, ErrLockLost) {
			t.Errorf("the token %q: %v", token, err)
		}
	}
}

func TestAnIDOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := plain(t, QueueConfig{Name: "q"})
	put(t, s, Message{ID: strings.Repeat("x", 128)})
	if err := s.Send("q", Message{ID: strings.Repeat("x", 129)}); err == nil {
		t.Error("accepted")
	}
}

func TestPropertiesThatCannotBeSentAreRefused(t *testing.T) {
	t.Parallel()
	s, _ := plain(t, QueueConfig{Name: "q"})
	if err := s.Send("q", Message{ApplicationProperties: map[string]any{"k": struct{}{}}}); err == nil {
		t.Error("accepted")
	}
}

func TestBothSidesSeeTheSameQueue(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	w := on(t, s)
	w.send(t, text("over the wire", "x"))
	d := next(t, s, "q")
	if d.MessageID != "over the wire" || string(d.Body) != "x" {
		t.Errorf("delivery %+v", d)
	}
	put(t, s, Message{ID: "by call", Body: []byte("y"), Subject: "s"})
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	m := w.receive(t, r, 1)[0]
	if m.MessageID != "by call" || *m.Subject != "s" || m.DeliveryCount != 1 {
		t.Errorf("message %+v", m)
	}
	if err := s.DeadLetter(t.Context(), "q", d.LockToken, "Reason", "text"); err != nil {
		t.Fatal(err)
	}
	if got := w.expectHeld(t, w.dead(t), "over the wire")[0]; *got.DeadLetterReason != "Reason" {
		t.Errorf("dead letter %+v", got)
	}
}

func TestTheRealClockFiresByItself(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Queues: []QueueConfig{{Name: "q", LockDuration: 10 * time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	put(t, s, Message{ID: "1", At: time.Now().Add(10 * time.Millisecond)})
	for i := range 3 {
		if d := next(t, s, "q"); d.DeliveryCount != i+1 {
			t.Errorf("delivery %d has the count %d", i+1, d.DeliveryCount)
		}
	}
}
