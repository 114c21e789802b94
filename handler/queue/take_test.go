package queue_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/queue"
	"cordon/local/servicebus"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/go-cmp/cmp"
)

func dialer(s *servicebus.Server) func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
	return func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) { return s.Pipe(ctx) }
}

// impatient is a bench whose client does not wait for what somebody else has locked.
func impatient(t *testing.T) *bench {
	return newBench(t, func(o *queue.Options) { o.Patience = 50 * time.Millisecond })
}

// bury makes n dead letters with the ids d1, d2, ... and returns their numbers.
func (b *bench) bury(t *testing.T, n int) []int64 {
	t.Helper()
	var numbers []int64
	for i := range n {
		if err := b.Send("alerts", servicebus.Message{
			ID:   fmt.Sprint("d", i+1),
			Body: []byte(fmt.Sprint("body ", i+1)),
		}); err != nil {
			t.Fatal(err)
		}
		d := b.receive(t)
		if err := b.DeadLetter(t.Context(), "alerts", d.LockToken, "Test", ""); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, d.SequenceNumber)
	}
	return numbers
}

func (b *bench) fates(t *testing.T, want string, taken []queue.Taken) {
	t.Helper()
	var got []string
	for _, x := range taken {
		got = append(got, string(x.Fate))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("%+v, want %s", taken, want)
	}
}

// free expects n dead letters that nobody has locked.
func (b *bench) free(t *testing.T, n int) {
	t.Helper()
	if got := b.Counts("alerts").DeadLettered; got != n {
		t.Errorf("%d dead letters, want %d", got, n)
	}
	for range n {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := b.Receive(ctx, "alerts/$DeadLetterQueue")
		cancel()
		if err != nil {
			t.Fatalf("one is locked: %v", err)
		}
	}
}

func TestALockThatRunsOutBeforeTheRemovalLeavesBothAndARepeatIsDropped(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	numbers := b.bury(t, 2)
	late := func(d queue.DeadLetter) (queue.Message, error) {
		b.clock.Advance(2 * time.Minute)
		return fresh(d)
	}
	taken, err := b.client.ReplayDeadLetters(t.Context(), "alerts", numbers[1:], late)
	if err != nil {
		t.Fatal(err)
	}
	b.fates(t, "doubled", taken)
	if taken[0].CopyID == "" || !strings.Contains(taken[0].Reason, "replay it again") {
		t.Errorf("%+v", taken[0])
	}
	if got := b.Counts("alerts"); got != (servicebus.Counts{Active: 1, DeadLettered: 2}) {
		t.Fatalf("%+v", got)
	}
	taken, err = b.client.ReplayDeadLetters(t.Context(), "alerts", numbers[1:], fresh)
	if err != nil {
		t.Fatal(err)
	}
	b.fates(t, "replayed", taken)
	if got := b.Counts("alerts"); got != (servicebus.Counts{Active: 1, DeadLettered: 1}) {
		t.Errorf("after the repeat %+v", got)
	}
	b.free(t, 1)
}

func TestOfTwoWhoTakeTheSameOneGetsIt(t *testing.T) {
	t.Parallel()
	b := impatient(t)
	numbers := b.bury(t, 3)
	var inner []queue.Taken
	taken, err := b.client.ReplayDeadLetters(t.Context(), "alerts", numbers[2:],
		func(d queue.DeadLetter) (queue.Message, error) {
			other, err := queue.New(queue.Options{
				ConnectionString: b.ConnectionString(),
				Patience:         50 * time.Millisecond,
				NewConn:          b.Pipe,
			})
			if err != nil {
				return queue.Message{}, err
			}
			defer other.Close(t.Context())
			inner, err = other.DropDeadLetters(t.Context(), "alerts", numbers) // two are locked on the way to the third
			if err != nil {
				return queue.Message{}, err
			}
			return fresh(d)
		})
	if err != nil {
		t.Fatal(err)
	}
	b.fates(t, "replayed", taken)
	b.fates(t, "held held held", inner)
	again, err := b.client.DropDeadLetters(t.Context(), "alerts", numbers)
	if err != nil {
		t.Fatal(err)
	}
	b.fates(t, "dropped dropped gone", again)
}

func TestManyAtOnceTakeEachDeadLetterOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	numbers := b.bury(t, 40)
	var all sync.WaitGroup
	var mu sync.Mutex
	fates := map[queue.Fate]int{}
	for range 3 {
		all.Go(func() {
			taken, err := b.client.ReplayDeadLetters(t.Context(), "alerts", numbers, fresh)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, x := range taken {
				fates[x.Fate]++
			}
		})
	}
	all.Wait()
	if fates[queue.Replayed] != 40 || fates[queue.Gone]+fates[queue.Held] != 80 {
		t.Errorf("%v", fates)
	}
	if got := b.Counts("alerts"); got != (servicebus.Counts{Active: 40}) {
		t.Errorf("%+v", got)
	}
}

func TestSomebodyElseWhoTakesItMeanwhileIsSaid(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	numbers := b.bury(t, 2)
	taken, err := b.client.ReplayDeadLetters(t.Context(), "alerts", numbers,
		func(d queue.DeadLetter) (queue.Message, error) {
			if d.Number == numbers[0] { // the locks run out, and another receiver takes both
				b.clock.Advance(2 * time.Minute)
				for range 2 {
					other, err := b.Receive(t.Context(), "alerts/$DeadLetterQueue")
					if err != nil {
						return queue.Message{}, err
					}
					if err := b.Complete(t.Context(), "alerts", other.LockToken); err != nil {
						return queue.Message{}, err
					}
				}
				return queue.Message{}, errors.New("no")
			}
			return fresh(d)
		})
	if err != nil {
		t.Fatal(err)
	}
	// The second one was replayed and is gone, whoever removed it.
	b.fates(t, "refused replayed", taken)
	if got := b.Counts("alerts"); got != (servicebus.Counts{Active: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestALostConnectionLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	numbers := b.bury(t, 6)
	drops := 0
	taken, err := b.client.ReplayDeadLetters(t.Context(), "alerts", numbers[3:5],
		func(d queue.DeadLetter) (queue.Message, error) {
			drops += b.DropConnections()
			return fresh(d)
		})
	if err != nil || drops == 0 {
		t.Fatalf("%d connections, error %v", drops, err)
	}
	b.fates(t, "replayed replayed", taken)
	b.free(t, 4)
}

func TestACallerWhoGoesAwayLeavesNothingLocked(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	numbers := b.bury(t, 4)
	ctx, cancel := context.WithCancel(t.Context())
	taken, err := b.client.ReplayDeadLetters(ctx, "alerts", numbers[2:],
		func(d queue.DeadLetter) (queue.Message, error) {
			cancel()
			return fresh(d)
		})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	b.fates(t, "kept kept", taken)
	b.free(t, 4)
}

func TestASendThatFailsEndsTheWorkAndKeepsAll(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *queue.Options) { o.Retries = -1 })
	numbers := b.bury(t, 3)
	if err := b.RefuseSends("alerts", servicebus.Refusal{
		Condition:   "com.microsoft:entity-disabled",
		Description: "the queue is disabled for sending",
	}); err != nil {
		t.Fatal(err)
	}
	taken, err := b.client.ReplayDeadLetters(t.Context(), "alerts", numbers[1:], fresh)
	var known *queue.Error
	if !errors.As(err, &known) || known.Op != "send" || strings.Count(err.Error(), "queue alerts") != 1 {
		t.Errorf("error %v", err)
	}
	b.fates(t, "kept kept", taken)
	if !strings.Contains(taken[0].Reason, "disabled") || !strings.Contains(taken[1].Reason, "before its turn") {
		t.Errorf("%+v", taken)
	}
	b.free(t, 3)
}

func TestAMissingRightIsNamed(t *testing.T) {
	t.Parallel()
	use := map[string]func(*bench, []int64) error{
		"list": func(b *bench, _ []int64) error {
			_, _, err := b.client.DeadLetters(t.Context(), "alerts", 1)
			return err
		},
		"look": func(b *bench, n []int64) error {
			_, err := b.client.DeadLettersAt(t.Context(), "alerts", n...)
			return err
		},
		"drop": func(b *bench, n []int64) error {
			_, err := b.client.DropDeadLetters(t.Context(), "alerts", n)
			return err
		},
		"replay": func(b *bench, n []int64) error {
			_, err := b.client.ReplayDeadLetters(t.Context(), "alerts", n, fresh)
			return err
		},
	}
	for _, c := range []struct {
		call   string
		lacks  servicebus.Right
		advice string
	}{
		{"list", servicebus.RightListen, "right Listen"}, {"look", servicebus.RightListen, "right Listen"},
		{"drop", servicebus.RightListen, "right Listen"},
		{"replay", servicebus.RightListen, "right Listen"}, {"replay", servicebus.RightSend, "right Send"},
		{"list", servicebus.RightSend, ""}, {"drop", servicebus.RightSend, ""},
	} {
		b := newBench(t, nil)
		numbers := b.bury(t, 2)
		b.Withhold(c.lacks)
		err := use[c.call](b, numbers[1:])
		if c.advice == "" {
			if err != nil {
				t.Errorf("%s without %s: %v", c.call, c.lacks, err)
			}
			continue
		}
		var known *queue.Error
		if !errors.As(err, &known) || known.Code != azservicebus.CodeUnauthorizedAccess || known.Transient() ||
			!strings.Contains(err.Error(), c.advice) || !strings.Contains(err.Error(), "queue alerts") {
			t.Errorf("%s without %s: %v", c.call, c.lacks, err)
		}
		b.Withhold()
		b.free(t, 2)
	}
}

func TestALockedOneDoesNotLetTheRestBeTaken(t *testing.T) {
	t.Parallel()
	b := impatient(t)
	numbers := b.bury(t, 400)
	if _, err := b.Receive(t.Context(), "alerts/$DeadLetterQueue"); err != nil { // the first is locked
		t.Fatal(err)
	}
	taken, err := b.client.DropDeadLetters(t.Context(), "alerts", numbers[:1])
	if err != nil {
		t.Fatal(err)
	}
	b.fates(t, "held", taken)
	touched := 0
	for _, r := range b.Records("alerts") {
		if r.Deliveries > 1 {
			touched++
		}
	}
	if touched > 170 {
		t.Errorf("%d dead letters were locked to find one that is locked", touched)
	}
}

func TestOneBehindTooManyIsSaidAndNothingStaysLocked(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	numbers := b.bury(t, 1100)
	taken, err := b.client.DropDeadLetters(t.Context(), "alerts", numbers[1099:])
	if err != nil {
		t.Fatal(err)
	}
	b.fates(t, "held", taken)
	if !strings.Contains(taken[0].Reason, "1000 others") {
		t.Errorf("%+v", taken[0])
	}
	b.free(t, 1100)
}

func TestTakingIsBoundedAndAClosedClientSaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	if _, err := b.client.DropDeadLetters(t.Context(), "alerts", make([]int64, queue.MaxDeadLetters+1)); err == nil ||
		!strings.Contains(err.Error(), "1001") {
		t.Errorf("too many: %v", err)
	}
	if taken, err := b.client.DropDeadLetters(t.Context(), "alerts", []int64{7, 7}); err != nil || len(taken) != 2 ||
		taken[1].Fate != queue.Gone {
		t.Errorf("none there: %+v, %v", taken, err)
	}
	if _, err := b.client.DropDeadLetters(t.Context(), "none", []int64{7}); err == nil ||
		!strings.Contains(err.Error(), "create the queue") {
		t.Errorf("no queue: %v", err)
	}
	if err := b.client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, listed := b.client.DeadLetters(t.Context(), "alerts", 1)
	_, dropped := b.client.DropDeadLetters(t.Context(), "alerts", []int64{1})
	_, looked := b.client.DeadLettersAt(t.Context(), "alerts", 1)
	for _, err := range []error{listed, dropped, looked} {
		var known *queue.Error
		if !errors.As(err, &known) || known.Code != azservicebus.CodeClosed {
			t.Errorf("closed: %v", err)
		}
	}
}

func TestADuplicateNumberIsTakenOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	numbers := b.bury(t, 1)
	taken, err := b.client.ReplayDeadLetters(t.Context(), "alerts", []int64{numbers[0], numbers[0]}, fresh)
	if err != nil {
		t.Fatal(err)
	}
	want := queue.Taken{Number: numbers[0], Fate: queue.Replayed, CopyID: fmt.Sprintf("d1:replay:%d", numbers[0])}
	if diff := cmp.Diff([]queue.Taken{want, want}, taken); diff != "" {
		t.Error(diff)
	}
	if got := slices.Index(b.ids("alerts"), want.CopyID); got != 1 {
		t.Errorf("sent %v", b.ids("alerts"))
	}
}

func TestWhatIsGivenBackDoesNotComeAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	numbers := b.bury(t, 12)
	// more is asked for than is there
	if _, err := b.client.DropDeadLetters(t.Context(), "alerts", numbers[11:]); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Records("alerts") {
		if r.Deliveries > 2 {
			t.Errorf("%s was delivered %d times, once to be set aside and once on the way", r.MessageID, r.Deliveries)
		}
	}
	b.free(t, 11)
}
