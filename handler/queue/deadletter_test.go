package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/queue"
	"cordon/local/servicebus"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/go-cmp/cmp"
)

// grave is a queue with dead letters and the client under test, on the stand-in or on a real namespace.
type grave struct {
	queue  string
	client *queue.Client
	raw    *azservicebus.Client // for what the client under test cannot do
}

// The suite also runs against a real namespace when CORDON_TEST_SERVICEBUS holds a connection string: on the queue that
// the stand-in's conformance suite uses, under the same conditions.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	cases := []struct {
		promise string
		run     func(*testing.T, *grave)
	}{
		{"a list says everything about every dead letter and takes nothing", listsAll},
		{"a list ends at its limit and says that there are more", listsSome},
		{"one is looked at by its number", looksAt},
		{"what is dropped is gone, and the others are as they were", drops},
		{"what is replayed is sent again under a fresh id, and gone", replays},
		{"what is refused stays, and the others go on", refuses},
		{"one that was put off is taken by its number", takesDeferred},
		{"a body that is no bytes is read all the same", readsValues},
		{"one far behind others is found", findsFarBehind},
	}
	for _, c := range cases {
		t.Run(c.promise, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			c.run(t, &grave{"alerts", b.client, rawClient(t, b.ConnectionString(), b.Server)})
		})
	}
	live := os.Getenv("CORDON_TEST_SERVICEBUS")
	if live == "" {
		return
	}
	for _, c := range cases {
		t.Run("live/"+c.promise, func(t *testing.T) {
			client, err := queue.New(queue.Options{ConnectionString: live})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close(context.Background()) })
			g := &grave{liveQueue(), client, rawClient(t, live, nil)}
			t.Cleanup(func() { g.empty(t) })
			c.run(t, g)
		})
	}
}

func rawClient(t *testing.T, connection string, server *servicebus.Server) *azservicebus.Client {
	t.Helper()
	o := &azservicebus.ClientOptions{}
	if server != nil {
		o.NewWebSocketConn = dialer(server)
	}
	client, err := azservicebus.NewClientFromConnectionString(connection, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func (g *grave) receiver(t *testing.T, sub azservicebus.SubQueue,
	mode azservicebus.ReceiveMode) *azservicebus.Receiver {
	t.Helper()
	r, err := g.raw.NewReceiverForQueue(g.queue, &azservicebus.ReceiverOptions{SubQueue: sub, ReceiveMode: mode})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// empty removes what a case left behind in a real queue.
func (g *grave) empty(t *testing.T) {
	for _, sub := range []azservicebus.SubQueue{0, azservicebus.SubQueueDeadLetter} {
		r := g.receiver(t, sub, azservicebus.ReceiveModeReceiveAndDelete)
		for more := true; more; {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			messages, err := r.ReceiveMessages(ctx, 100, nil)
			cancel()
			more = err == nil && len(messages) > 0
		}
	}
}

// bury makes a dead letter of each message and returns their numbers. Ids are made unique: a real queue remembers them.
func (g *grave) bury(t *testing.T, messages ...*azservicebus.Message) []int64 {
	t.Helper()
	sender, err := g.raw.NewSender(g.queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if err := sender.SendMessage(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
	return g.setAside(t, len(messages))
}

// setAside makes dead letters of the next n messages of the queue.
func (g *grave) setAside(t *testing.T, n int) []int64 {
	t.Helper()
	r := g.receiver(t, 0, azservicebus.ReceiveModePeekLock)
	var numbers []int64
	reason, description := "Test", "for a test"
	for len(numbers) < n {
		got, err := r.ReceiveMessages(t.Context(), n-len(numbers),
			&azservicebus.ReceiveMessagesOptions{TimeAfterFirstMessage: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got {
			if err := r.DeadLetterMessage(t.Context(), m, &azservicebus.DeadLetterOptions{
				Reason:           &reason,
				ErrorDescription: &description,
			}); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, *m.SequenceNumber)
		}
	}
	return numbers
}

func message(id, body string) *azservicebus.Message {
	return &azservicebus.Message{MessageID: &id, Body: []byte(body)}
}

func several(t *testing.T, n int) []*azservicebus.Message {
	var all []*azservicebus.Message
	for i := range n {
		all = append(all,
			message(fmt.Sprintf("%s-%d-%d", t.Name()[max(0, len(t.Name())-40):], time.Now().UnixNano(), i),
				fmt.Sprint("body ", i)))
	}
	return all
}

func (g *grave) list(t *testing.T) []queue.DeadLetter {
	t.Helper()
	found, more, err := g.client.DeadLetters(t.Context(), g.queue, queue.MaxDeadLetters)
	if err != nil || more {
		t.Fatalf("more %v, error %v", more, err)
	}
	return found
}

func (g *grave) numbers(t *testing.T) []int64 {
	t.Helper()
	var all []int64
	for _, d := range g.list(t) {
		all = append(all, d.Number)
	}
	return all
}

func listsAll(t *testing.T, g *grave) {
	if found := g.list(t); len(found) != 0 {
		t.Fatalf("an empty queue lists %+v", found)
	}
	m := several(t, 2)
	kind, subject := "application/json", "s"
	m[0].ContentType, m[0].Subject = &kind, &subject
	numbers := g.bury(t, m...)
	want := []queue.DeadLetter{
		{
			Number:      numbers[0],
			ID:          *m[0].MessageID,
			Body:        []byte("body 0"),
			ContentType: kind,
			Subject:     subject,
			Reason:      "Test",
			Description: "for a test",
		},
		{Number: numbers[1], ID: *m[1].MessageID, Body: []byte("body 1"), Reason: "Test", Description: "for a test"},
	}
	for range 2 { // a list changes nothing
		found := g.list(t)
		for i := range found {
			if found[i].EnqueuedAt.IsZero() || found[i].EnqueuedAt.Location() != time.UTC {
				t.Errorf("sent at %v", found[i].EnqueuedAt)
			}
			found[i].EnqueuedAt = time.Time{}
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Error(diff)
		}
	}
}

func listsSome(t *testing.T, g *grave) {
	m := several(t, 7)
	for i := range m {
		m[i].Body = bytes.Repeat([]byte("x"), 100_000) // more than one answer holds
	}
	numbers := g.bury(t, m...)
	for limit, more := range map[int]bool{1: true, 6: true, 7: false, 8: false} {
		found, others, err := g.client.DeadLetters(t.Context(), g.queue, limit)
		if err != nil || len(found) != min(limit, 7) || others != more || found[0].Number != numbers[0] {
			t.Errorf("limit %d: %d found, more %v, error %v", limit, len(found), others, err)
		}
	}
}

func looksAt(t *testing.T, g *grave) {
	numbers := g.bury(t, several(t, 3)...)
	found, err := g.client.DeadLettersAt(t.Context(), g.queue, numbers[2]+100, numbers[2], numbers[0])
	if err != nil || len(found) != 2 || string(found[numbers[0]].Body) != "body 0" ||
		string(found[numbers[2]].Body) != "body 2" {
		t.Errorf("found %+v, error %v", found, err)
	}
	if found, err := g.client.DeadLettersAt(t.Context(), g.queue); err != nil || len(found) != 0 {
		t.Errorf("nothing asked for: %v, error %v", found, err)
	}
}

func drops(t *testing.T, g *grave) {
	numbers := g.bury(t, several(t, 5)...)
	before := g.list(t)
	taken, err := g.client.DropDeadLetters(t.Context(), g.queue, []int64{numbers[3], numbers[1], numbers[3] + 1000})
	if err != nil {
		t.Fatal(err)
	}
	want := []queue.Taken{{Number: numbers[3], Fate: queue.Dropped}, {Number: numbers[1], Fate: queue.Dropped},
		{Number: numbers[3] + 1000, Fate: queue.Gone, Reason: "there is no dead letter with this number"}}
	if diff := cmp.Diff(want, taken); diff != "" {
		t.Error(diff)
	}
	left := []queue.DeadLetter{before[0], before[2], before[4]}
	after := g.list(t)
	for i := range after {
		after[i].Deliveries = 0
	}
	if diff := cmp.Diff(left, after); diff != "" {
		t.Errorf("the others: %s", diff)
	}
	// They are not locked either.
	r := g.receiver(t, azservicebus.SubQueueDeadLetter, azservicebus.ReceiveModeReceiveAndDelete)
	for range left {
		if got, err := r.ReceiveMessages(t.Context(), 1, nil); err != nil || len(got) != 1 {
			t.Fatalf("%d messages, error %v", len(got), err)
		}
	}
}

// fresh sends a dead letter again as it is, under an id of its own.
func fresh(d queue.DeadLetter) (queue.Message, error) {
	return queue.Message{
		ID:          fmt.Sprintf("%s:replay:%d", d.ID, d.Number),
		Body:        d.Body,
		ContentType: d.ContentType,
		Subject:     d.Subject,
	}, nil
}

func replays(t *testing.T, g *grave) {
	m := several(t, 3)
	kind, subject := "application/json", "s"
	m[1].ContentType, m[1].Subject = &kind, &subject
	numbers := g.bury(t, m...)
	taken, err := g.client.ReplayDeadLetters(t.Context(), g.queue, numbers[1:2], fresh)
	if err != nil || len(taken) != 1 || taken[0].Fate != queue.Replayed ||
		taken[0].CopyID != fmt.Sprintf("%s:replay:%d", *m[1].MessageID, numbers[1]) {
		t.Fatalf("%+v, error %v", taken, err)
	}
	if got := g.numbers(t); !slices.Equal(got, []int64{numbers[0], numbers[2]}) {
		t.Errorf("%v are left of %v", got, numbers)
	}
	r := g.receiver(t, 0, azservicebus.ReceiveModeReceiveAndDelete)
	got, err := r.ReceiveMessages(t.Context(), 1, nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d messages, error %v", len(got), err)
	}
	c := got[0]
	if c.MessageID != taken[0].CopyID || string(c.Body) != "body 1" || *c.ContentType != kind ||
		*c.Subject != subject || c.DeliveryCount != 1 || c.DeadLetterReason != nil {
		t.Errorf("the copy is %+v", c)
	}
}

func refuses(t *testing.T, g *grave) {
	numbers := g.bury(t, several(t, 3)...)
	taken, err := g.client.ReplayDeadLetters(t.Context(), g.queue, numbers,
		func(d queue.DeadLetter) (queue.Message, error) {
			switch d.Number {
			case numbers[0]:
				return queue.Message{}, errors.New("not this one")
			case numbers[1]:
				return queue.Message{ID: d.ID}, nil
			default:
				return fresh(d)
			}
		})
	if err != nil || taken[0].Fate != queue.Refused || taken[0].Reason != "not this one" ||
		taken[1].Fate != queue.Refused || taken[2].Fate != queue.Replayed {
		t.Errorf("%+v, error %v", taken, err)
	}
	if !strings.Contains(taken[1].Reason, "repeat") {
		t.Errorf("the same id: %s", taken[1].Reason)
	}
	if got := g.numbers(t); !slices.Equal(got, numbers[:2]) {
		t.Errorf("%v are left of %v", got, numbers)
	}
}

func takesDeferred(t *testing.T, g *grave) {
	numbers := g.bury(t, several(t, 2)...)
	r := g.receiver(t, azservicebus.SubQueueDeadLetter, azservicebus.ReceiveModePeekLock)
	got, err := r.ReceiveMessages(t.Context(), 2,
		&azservicebus.ReceiveMessagesOptions{TimeAfterFirstMessage: time.Minute})
	if err != nil || len(got) != 2 {
		t.Fatalf("%d messages, error %v", len(got), err)
	}
	for _, m := range got {
		if err := r.DeferMessage(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
	if all := g.list(t); len(all) != 2 || !all[0].Deferred {
		t.Fatalf("listed as %+v", all)
	}
	taken, err := g.client.ReplayDeadLetters(t.Context(), g.queue, []int64{numbers[1], numbers[0]},
		func(d queue.DeadLetter) (queue.Message, error) {
			if d.Number == numbers[0] {
				return queue.Message{}, errors.New("no")
			}
			return fresh(d)
		})
	if err != nil || taken[0].Fate != queue.Replayed || taken[1].Fate != queue.Refused {
		t.Fatalf("%+v, error %v", taken, err)
	}
	if taken, err = g.client.DropDeadLetters(t.Context(), g.queue, numbers); err != nil ||
		taken[0].Fate != queue.Dropped || taken[1].Fate != queue.Gone {
		t.Fatalf("%+v, error %v", taken, err)
	}
}

func readsValues(t *testing.T, g *grave) {
	sender, err := g.raw.NewSender(g.queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []azservicebus.AMQPAnnotatedMessageBody{
		{Value: "a text"}, {Value: []byte("bytes")}, {Data: [][]byte{[]byte("in "), []byte("parts")}},
	} {
		if err := sender.SendAMQPAnnotatedMessage(t.Context(), &azservicebus.AMQPAnnotatedMessage{Body: body},
			nil); err != nil {
			t.Fatal(err)
		}
	}
	g.setAside(t, 3)
	var got []string
	for _, d := range g.list(t) {
		got = append(got, string(d.Body))
	}
	if diff := cmp.Diff([]string{"a text", "bytes", "in parts"}, got); diff != "" {
		t.Error(diff)
	}
}

func findsFarBehind(t *testing.T, g *grave) {
	numbers := g.bury(t, several(t, 60)...)
	last := numbers[len(numbers)-1]
	taken, err := g.client.DropDeadLetters(t.Context(), g.queue, []int64{last})
	if err != nil || taken[0].Fate != queue.Dropped {
		t.Fatalf("%+v, error %v", taken, err)
	}
	if got := g.numbers(t); !slices.Equal(got, numbers[:len(numbers)-1]) {
		t.Errorf("%d are left", len(got))
	}
}

func liveQueue() string {
	if name := os.Getenv("CORDON_TEST_SERVICEBUS_QUEUE"); name != "" {
		return name
	}
	return "cordon-conformance"
}
