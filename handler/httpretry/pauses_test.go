package httpretry_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/httpretry"
)

// board is where processes tell each other of pauses. It takes a while, and may be out of reach.
type board struct {
	mu     sync.Mutex
	paused map[string]time.Time
	asked  int
	told   int
	broken bool
	takes  time.Duration
}

func (b *board) PausedUntil(ctx context.Context, key string) (time.Time, error) {
	if err := b.reach(ctx); err != nil {
		return time.Time{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.paused[key], nil
}

func (b *board) Pause(ctx context.Context, key string, until time.Time) error {
	if err := b.reach(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told++
	if b.paused == nil {
		b.paused = map[string]time.Time{}
	}
	if until.After(b.paused[key]) {
		b.paused[key] = until
	}
	return nil
}

func (b *board) reach(ctx context.Context) error {
	b.mu.Lock()
	b.asked++
	broken, takes := b.broken, b.takes
	b.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if broken {
		return errors.New("out of reach")
	}
	return nil
}

// many sends n requests at once and returns how many were answered.
func many(t *testing.T, tr *httpretry.Transport, n int) (answered int) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	for range n {
		all.Go(func() {
			resp, err := tr.RoundTrip(request(t, "GET"))
			if err != nil {
				return
			}
			resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			if resp.StatusCode < 400 {
				answered++
			}
		})
	}
	all.Wait()
	return answered
}

func TestPauseOfOneProcessHoldsForTheOthersWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{takes: 10 * time.Millisecond}
		refused, other := play(status(429, "Retry-After", "60")), play(status(200))
		first := httpretry.New(httpretry.Options{Base: refused, Budget: budget(100), Pauses: b})
		second := httpretry.New(httpretry.Options{Base: other, Budget: budget(100), Pauses: b})
		if many(t, second, 1) != 1 || many(t, first, 1) != 0 {
			t.Fatal("the first answer is not as played")
		}
		time.Sleep(5 * time.Second)
		_, err := second.RoundTrip(request(t, "GET"))
		var paused *httpretry.PausedError
		if !errors.As(err, &paused) || other.attempts() != 1 {
			t.Errorf("the other process sent %d requests, error %v, want it to hold back", other.attempts(), err)
		}
		third := httpretry.New(httpretry.Options{Base: other, Budget: budget(100), Pauses: b})
		if many(t, third, 20) != 0 || other.attempts() != 1 {
			t.Errorf("a process that has just started sent %d requests", other.attempts()-1)
		}
		time.Sleep(time.Until(paused.Until))
		if many(t, second, 1) != 1 {
			t.Error("it holds back after the pause")
		}
	})
}

func TestPauseIsToldOnceAndAskedForNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		tr := httpretry.New(httpretry.Options{
			Base:        play(status(429, "Retry-After", "60")),
			Budget:      budget(0),
			Pauses:      b,
			MaxAttempts: 1,
		})
		many(t, tr, 20)
		if b.told != 1 {
			t.Errorf("told %d times of one pause", b.told)
		}
		asked := b.asked
		for range 100 {
			many(t, tr, 3)
			time.Sleep(100 * time.Millisecond)
		}
		if asked = b.asked - asked; asked > 3 {
			t.Errorf("asked %d times in ten seconds", asked)
		}
		quick := httpretry.New(httpretry.Options{
			Base:   play(status(429, "Retry-After", "0"), status(200)),
			Budget: budget(0),
			Pauses: b,
		})
		if many(t, quick, 1); b.told > 2 {
			t.Errorf("a pause of nothing was told")
		}
	})
}

func TestPausesThatCanNotBeHadMakeNothingWorse(t *testing.T) {
	for name, b := range map[string]*board{"broken": {broken: true}, "hanging": {takes: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(status(200), status(429, "Retry-After", "10"), status(200))
				tr := httpretry.New(httpretry.Options{Base: s, Budget: budget(100), Pauses: b})
				start := time.Now()
				if many(t, tr, 1) != 1 || time.Since(start) > 2*time.Second {
					t.Errorf("a request took %s", time.Since(start))
				}
				if many(t, tr, 1) != 1 {
					t.Error("a request that was refused once is not answered")
				}
				if apart := s.times[2].Sub(s.times[1]); apart < 10*time.Second || apart > 13*time.Second {
					t.Errorf("it was sent again after %s, the answer asked for 10 s", apart)
				}
				asked := b.asked
				for range 20 {
					many(t, tr, 2)
					time.Sleep(time.Second)
				}
				if b.asked > asked+1 {
					t.Errorf("it was asked %d times within 20 s", b.asked-asked)
				}
			})
		})
	}
}

func TestPauseFromAWrongClockIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{paused: map[string]time.Time{"GET": time.Now().Add(25 * time.Hour)}}
		if tr := httpretry.New(httpretry.Options{
			Base:   play(status(200)),
			Budget: budget(100),
			Pauses: b,
		}); many(t, tr, 1) != 1 {
			t.Error("a pause of more than a day is kept")
		}
	})
}

func TestAfterAPauseOneRequestGoesAheadOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slowly := func(answer step) step {
			return func(r *http.Request) (*http.Response, error) {
				time.Sleep(300 * time.Millisecond)
				return answer(r)
			}
		}
		s := play(slowly(status(429, "Retry-After", "5")), slowly(status(429, "Retry-After", "5")), slowly(resets),
			slowly(status(200)))
		tr := httpretry.New(httpretry.Options{Base: s, Budget: budget(100), MaxAttempts: 5})
		var first sync.WaitGroup
		first.Go(func() { many(t, tr, 1) })
		time.Sleep(400 * time.Millisecond)
		if got := many(t, tr, 29); got != 29 {
			t.Errorf("%d of 29 requests were answered", got)
		}
		first.Wait()
		for i := 1; i < 5; i++ {
			if apart := s.times[i].Sub(s.times[i-1]); apart < 300*time.Millisecond {
				t.Errorf("requests %d and %d were sent %s apart, before one of them was answered", i-1, i, apart)
			}
		}
		if last := s.times[len(s.times)-1].Sub(s.times[4]); last > time.Second {
			t.Errorf("the others followed within %s, want them at once", last)
		}
	})
}
