package shared

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/machine"
)

// asking counts what is asked for, each for a second.
type asking struct {
	*Answers
	calls int
	fail  error
}

func (a *asking) ask(ctx context.Context, key string) (int, error) {
	return Ask(ctx, a.Answers, key, 15*time.Second, func(ctx context.Context) (int, error) {
		a.mu.Lock()
		a.calls++
		n := a.calls
		a.mu.Unlock()
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Second):
		}
		return n, a.fail
	})
}

// crowd asks from many sides at once, and counts the answers by what they are.
func (a *asking) crowd(t *testing.T, key string, n int) map[int]int {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	seen := map[int]int{}
	for range n {
		group.Go(func() {
			got, err := a.ask(t.Context(), key)
			mu.Lock()
			defer mu.Unlock()
			seen[got]++
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return seen
}

func TestManyWhoAskAtOnceShareOneAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &asking{Answers: &Answers{Now: time.Now}}
		if seen := a.crowd(t, "x", 100); a.calls != 1 || seen[1] != 100 {
			t.Errorf("%d calls, %v", a.calls, seen)
		}
		time.Sleep(13 * time.Second) // 14 since it was asked for
		if seen := a.crowd(t, "x", 100); a.calls != 1 || seen[1] != 100 {
			t.Errorf("14 s old: %d calls, %v", a.calls, seen)
		}
		time.Sleep(time.Second)
		if seen := a.crowd(t, "x", 100); a.calls != 2 || seen[2] != 100 {
			t.Errorf("15 s old: %d calls, %v", a.calls, seen)
		}
		if seen := a.crowd(t, "y", 100); a.calls != 3 || seen[3] != 100 {
			t.Errorf("another question: %d calls, %v", a.calls, seen)
		}
	})
}

func TestWhoeverHangsUpEndsNothingForTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &asking{Answers: &Answers{Now: time.Now}}
		first, hangUp := context.WithCancel(t.Context())
		second, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		var group sync.WaitGroup
		group.Go(func() { _, _ = a.ask(first, "x") })
		synctest.Wait()
		group.Go(func() {
			if _, err := a.ask(second, "x"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who left: %v", err)
			}
		})
		hangUp()
		if seen := a.crowd(t, "x", 10); a.calls != 1 || seen[1] != 10 {
			t.Errorf("%d calls, %v", a.calls, seen)
		}
		group.Wait()
	})
}

func TestAFailureServesNobodyForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("out of order")
		a := &asking{Answers: &Answers{Now: time.Now}, fail: failed}
		if _, err := a.ask(t.Context(), "x"); !errors.Is(err, failed) {
			t.Errorf("%v", err)
		}
		a.fail = nil
		if _, err := a.ask(t.Context(), "x"); a.calls != 1 || !errors.Is(err, failed) {
			t.Errorf("at once: %d calls, %v", a.calls, err)
		}
		time.Sleep(keepFailed)
		if got, err := a.ask(t.Context(), "x"); got != 2 || err != nil {
			t.Errorf("a second later: %d, %v", got, err)
		}
	})
}

func TestAnAnswerThatNeverComesEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Answers{Now: time.Now}
		began := time.Now()
		_, err := Ask(t.Context(), s, "x", time.Minute, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != longest {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestAPanicIsAnErrorForThoseWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Answers{Now: time.Now}
		var group sync.WaitGroup
		group.Go(func() {
			defer func() { _ = recover() }()
			_, _ = Ask(t.Context(), s, "x", time.Minute, func(context.Context) (int, error) {
				time.Sleep(time.Second)
				panic("broken")
			})
		})
		synctest.Wait()
		if _, err := Ask(t.Context(), s, "x", time.Minute, func(context.Context) (int, error) {
			return 7, nil
		}); err == nil {
			t.Error("no error")
		}
		group.Wait()
	})
}

// TestDifferentQuestionsAreBoundedInAll asks for ever other things, as somebody might who wants to use up the quota.
func TestDifferentQuestionsAreBoundedInAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &asking{Answers: &Answers{Now: time.Now, PerMinute: 10, PerHour: 100}}
		began := time.Now()
		most := 0
		for i := 0; time.Since(began) < 2*time.Hour; i++ {
			_, err := a.ask(t.Context(), fmt.Sprint(i))
			var busy *BusyError
			if err != nil && !errors.As(err, &busy) {
				t.Fatal(err)
			}
			if err != nil {
				trouble, after := machine.TroubleOf(err)
				if trouble != machine.Transient || after <= 0 || after > time.Hour {
					t.Fatalf("%v: %s, %s", err, trouble, after)
				}
				time.Sleep(time.Second)
			}
			most = max(most, len(a.byKey))
			if now := time.Since(began); now == 59*time.Second && a.calls != 10 || now == 59*time.Minute && a.calls != 100 {
				t.Errorf("%d calls in %s", a.calls, now)
			}
		}
		if a.calls != 200 || most > 10 || len(a.asked) > 100 {
			t.Errorf("%d calls, %d kept, %d counted", a.calls, most, len(a.asked))
		}
	})
}

func TestABoundNamesItselfAndTheWayOut(t *testing.T) {
	t.Parallel()
	e := &BusyError{Most: 40, Within: time.Minute, After: 11500 * time.Millisecond}
	const want = "people have asked Defender 40 times within a minute, and the rest of what it answers is for " +
		"isolations; ask again in 12s"
	if e.Error() != want || e.RetryAfter() != 12*time.Second {
		t.Errorf("%s, %s", e, e.RetryAfter())
	}
}
