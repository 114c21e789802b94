package servicebus

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"
)

func one(name string) []QueueConfig { return []QueueConfig{{Name: name}} }

// on opens a world over the pipe to s.
func on(t *testing.T, s *Server) *world {
	t.Helper()
	w := &world{
		queue:   "q",
		patient: time.Minute,
		dial:    func(t testing.TB) *azservicebus.Client { return dialPipe(t, s) },
	}
	w.begin(t)
	return w
}

func TestADroppedConnectionIsRepairedByTheNextCall(t *testing.T) {
	t.Parallel()
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, Options{Queues: one("q")})
			w := &world{
				queue:   "q",
				patient: time.Minute,
				dial:    func(t testing.TB) *azservicebus.Client { return tr.dial(t, s) },
			}
			w.begin(t)
			sender, r := w.sender(t), w.receiver(t, azservicebus.ReceiverOptions{})
			if err := sender.SendMessage(w.ctx, text("1", "x"), nil); err != nil {
				t.Fatal(err)
			}
			first := w.receive(t, r, 1)[0]
			if n := s.DropConnections(); n != 1 {
				t.Errorf("%d connections were dropped", n)
			}
			if err := sender.SendMessage(w.ctx, text("2", "y"), nil); err != nil {
				t.Fatal(err)
			}
			second := w.receive(t, r, 1)[0]
			if second.MessageID != "2" {
				t.Errorf("message %s came although it was locked", second.MessageID)
			}
			// The lock outlives its connection: the message is settled by its token.
			w.complete(t, r, &azservicebus.ReceivedMessage{LockToken: first.LockToken}, second)
			w.expectHeld(t, r)
		})
	}
}

func TestRefusedSendsAreRefusedByTheirCondition(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	w := on(t, s)
	if err := s.RefuseSends("Q", Refusal{Condition: "amqp:resource-limit-exceeded", Description: "full"}); err != nil {
		t.Fatal(err)
	}
	sender := w.sender(t)
	var answer *amqp.Error
	if err := sender.SendMessage(w.ctx, text("1", "x"), nil); !errors.As(err, &answer) ||
		answer.Condition != amqp.ErrCondResourceLimitExceeded {
		t.Errorf("error %v", err)
	}
	if _, err := sender.ScheduleMessages(w.ctx, []*azservicebus.Message{text("1", "x")}, start, nil); err == nil {
		t.Error("a schedule was accepted")
	}
	s.AllowSends("q")
	if err := sender.SendMessage(w.ctx, text("1", "x"), nil); err != nil {
		t.Error(err)
	}
	if got := s.Records("q"); len(got) != 1 {
		t.Errorf("records %+v", got)
	}
	if err := s.RefuseSends("none", Refusal{}); !errors.Is(err, ErrNoQueue) {
		t.Errorf("error %v", err)
	}
}

func TestABusyServerIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	w := on(t, s)
	if err := s.RefuseSends("q", Refusal{Times: 2}); err != nil {
		t.Fatal(err)
	}
	w.send(t, text("1", "x"))
	if got := s.Counts("q"); got != (Counts{Active: 1}) {
		t.Errorf("counts %+v", got)
	}
}

func TestRefusedTokensAreUnauthorized(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	s.RefuseTokens(true)
	w := on(t, s)
	expectCode(t, w.sender(t).SendMessage(w.ctx, text("1", "x"), nil), azservicebus.CodeUnauthorizedAccess)
	s.RefuseTokens(false)
	w.send(t, text("1", "x"))
}

func TestALinkWithoutItsRightIsUnauthorizedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	s.Withhold(RightListen)
	w := on(t, s)
	w.send(t, text("1", "x"))
	_, err := w.receiver(t, azservicebus.ReceiverOptions{}).ReceiveMessages(w.ctx, 1, nil)
	expectCode(t, err, azservicebus.CodeUnauthorizedAccess)
	_, err = w.dead(t).PeekMessages(w.ctx, 1, nil)
	expectCode(t, err, azservicebus.CodeUnauthorizedAccess)
	s.Withhold(RightSend)
	w = on(t, s)
	expectCode(t, w.sender(t).SendMessage(w.ctx, text("2", "x"), nil), azservicebus.CodeUnauthorizedAccess)
	r := w.receiver(t, azservicebus.ReceiverOptions{})
	w.complete(t, r, w.receive(t, r, 1)...)
	s.Withhold()
	w.send(t, text("2", "x"))
}

func TestATokenIsCheckedByWhoeverKnowsIt(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q"), CheckToken: func(token string) error {
		if token != "good" {
			return errors.New("the audience is wrong")
		}
		return nil
	}})
	for token, want := range map[staticToken]bool{"good": true, "bad": false} {
		client, err := azservicebus.NewClient("local.example", token, &azservicebus.ClientOptions{
			RetryOptions: fast,
			NewWebSocketConn: func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
				return s.Pipe(ctx)
			},
		})
		opened(t, client, err)
		sender, err := client.NewSender("q", nil)
		if err != nil {
			t.Fatal(err)
		}
		err = sender.SendMessage(t.Context(), text("1", "x"), nil)
		if want && err != nil {
			t.Errorf("%s: %v", token, err)
		}
		if !want {
			expectCode(t, err, azservicebus.CodeUnauthorizedAccess)
		}
	}
}

func TestRefusedConnectionsComeBack(t *testing.T) {
	t.Parallel()
	for _, tr := range transports() {
		s := newServer(t, Options{Queues: one("q")})
		s.RefuseConnections(true)
		w := &world{
			queue:   "q",
			patient: time.Minute,
			dial:    func(t testing.TB) *azservicebus.Client { return tr.dial(t, s) },
		}
		w.begin(t)
		if err := w.sender(t).SendMessage(w.ctx, text("1", "x"), nil); err == nil {
			t.Errorf("%s: sent without a connection", tr.name)
		}
		s.RefuseConnections(false)
		w.send(t, text("1", "x"))
	}
}

func TestMessagesCannotBeSentToDeadLetters(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Queues: one("q")})
	w := on(t, s)
	sender, err := w.client.NewSender("q/$DeadLetterQueue", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.SendMessage(w.ctx, text("1", "x"), nil); err == nil {
		t.Error("sent")
	}
}

func TestQueuesWithoutASenseAreRefused(t *testing.T) {
	t.Parallel()
	for name, queues := range map[string][]QueueConfig{
		"no name":    one(""),
		"reserved":   one("q/$DeadLetterQueue"),
		"twice":      {{Name: "q"}, {Name: "Q"}},
		"below zero": {{Name: "q", TTL: -1}},
	} {
		if _, err := New(Options{Queues: queues}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCloseEndsEverythingAndKeepsTheRecords(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Queues: one("q")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	received := make(chan error, 1)
	go func() {
		_, err := s.Receive(context.Background(), "q/$DeadLetterQueue")
		received <- err
	}()
	w := on(t, s)
	w.send(t, text("1", "x"))
	silent, err := s.Pipe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := errors.Join(s.Close(), s.Close(), <-served); err != nil {
		t.Error(err)
	}
	if err := <-received; !errors.Is(err, ErrClosed) {
		t.Errorf("Receive ended with %v", err)
	}
	if _, err := s.Pipe(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Pipe: %v", err)
	}
	if _, err := s.Listen("127.0.0.1:0"); !errors.Is(err, ErrClosed) {
		t.Errorf("Listen: %v", err)
	}
	if _, err := s.Receive(t.Context(), "q"); !errors.Is(err, ErrClosed) {
		t.Errorf("Receive: %v", err)
	}
	if got := s.Records("q"); len(got) != 1 || got[0].Fate != Active {
		t.Errorf("records %+v", got)
	}
}
