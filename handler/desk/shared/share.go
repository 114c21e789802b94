package shared

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cordon/handler/machine"
)

// How long an answer is waited for, whoever asked has gone, and how long a failure serves others.
const (
	longest    = 2 * time.Minute
	keepFailed = time.Second
)

// Answers are what was asked lately, or is being asked.
type Answers struct {
	Now func() time.Time

	// How often something may be asked, in any minute and any hour; 0: as often as anybody wants.
	PerMinute, PerHour int

	mu    sync.Mutex
	byKey map[string]*answer
	asked []time.Time // within the last hour, oldest first
}

// answer is one answer, or the wait for it.
type answer struct {
	there chan struct{} // closed once it is there
	until time.Time     // whom it serves; zero: it is not there yet
	value any
	err   error
}

// Ask answers a question, which key tells from others, with an answer that is not older than keep. Only the first who
// wants one asks; the others wait for the same answer. Whoever hangs up ends nothing for the rest.
func Ask[T any](
	ctx context.Context,
	s *Answers,
	key string,
	keep time.Duration,
	ask func(context.Context) (T, error),
) (value T, err error) {
	a, mine, err := s.take(key)
	if err != nil {
		return value, err
	}
	if mine {
		s.fill(ctx, a, keep, func(ctx context.Context) (any, error) {
			return ask(ctx)
		})
	}
	select {
	case <-a.there:
	case <-ctx.Done():
		return value, ctx.Err()
	}
	value, _ = a.value.(T)
	return value, a.err
}

// take is the answer to a question; mine: whoever took it has to fill it.
func (s *Answers) take(key string) (a *answer, mine bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	for key, a := range s.byKey {
		if !a.until.IsZero() && !now.Before(a.until) {
			delete(s.byKey, key)
		}
	}
	if a = s.byKey[key]; a != nil {
		return a, false, nil
	}
	if err := s.count(now); err != nil {
		return nil, false, err
	}
	a = &answer{there: make(chan struct{})}
	if s.byKey == nil {
		s.byKey = map[string]*answer{}
	}
	s.byKey[key] = a
	return a, true, nil
}

// count counts a question, or says that there were enough.
func (s *Answers) count(now time.Time) error {
	for len(s.asked) > 0 && now.Sub(s.asked[0]) >= time.Hour {
		s.asked = s.asked[1:]
	}
	for _, bound := range []struct {
		most   int
		within time.Duration
	}{{s.PerMinute, time.Minute}, {s.PerHour, time.Hour}} {
		if bound.most == 0 || len(s.asked) < bound.most {
			continue
		}
		again := s.asked[len(s.asked)-bound.most].Add(bound.within)
		if again.After(now) {
			return &BusyError{
				Most:   bound.most,
				Within: bound.within,
				After:  again.Sub(now),
			}
		}
	}
	if s.PerHour > 0 {
		s.asked = append(s.asked, now)
	}
	return nil
}

// fill asks, and lets everybody have the answer. Its age counts from when it was asked for.
func (s *Answers) fill(
	ctx context.Context,
	a *answer,
	keep time.Duration,
	ask func(context.Context) (any, error),
) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	began := s.Now()
	a.err = errors.New("nobody asked to the end; ask again") // unless somebody does
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		a.until = began.Add(keep)
		if a.err != nil {
			a.until = s.Now().Add(keepFailed)
		}
		close(a.there)
	}()
	a.value, a.err = ask(ctx)
}

// Forget lets whoever asks from now on have an answer of their own. Who waits already gets the one that is on its way.
func (s *Answers) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.byKey)
}

// BusyError says that people have asked as often as they may.
type BusyError struct {
	Most   int
	Within time.Duration
	After  time.Duration // then it can be asked again
}

// Error says it, with the way out.
func (e *BusyError) Error() string {
	within := "an hour"
	if e.Within == time.Minute {
		within = "a minute"
	}
	return fmt.Sprintf("people have asked Defender %d times within %s, and the rest of what it answers is for "+
		"isolations; ask again in %s", e.Most, within, (e.After + time.Second - 1).Truncate(time.Second))
}

// Trouble implements machine.APIError.
func (e *BusyError) Trouble() machine.Trouble { return machine.Transient }

// RetryAfter implements machine.APIError.
func (e *BusyError) RetryAfter() time.Duration {
	return (e.After + time.Second - 1).Truncate(time.Second)
}
