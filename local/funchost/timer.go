package funchost

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// monitored says whether the host keeps and sends a status for the timer.
func (h *Host) monitored(fn *function) bool {
	return fn.timer.useMonitor && !fn.timer.schedule.subMinute()
}

// tend fires one timer during one life, as long as its lease is this instance's.
func (in *instance) tend(l *life, fn *function) {
	id, status, pastDue, ok := in.contend(l, fn)
	if !ok {
		return
	}
	var keeping sync.WaitGroup
	keeping.Go(func() { in.keepLease(l, fn, id) })
	defer keeping.Wait()
	in.tick(l, fn, id, status, pastDue)
}

// tick fires a timer that the instance owns. Runs follow each other in this one goroutine, so they never overlap. The
// first is past due if an occurrence was missed, be it that the host begins or that it takes the timer over.
func (in *instance) tick(l *life, fn *function, id string, status timerStatus, pastDue bool) {
	clock, s := in.h.o.Clock, fn.timer.schedule
	switch now := clock.Now(); {
	case pastDue:
		in.h.o.Logf("%s: timer %s is past due since %s", in, fn.name, second(status.Next))
		status = in.fire(l, fn, status, firing{at: now, pastDue: true})
	case fn.timer.runOnStartup:
		status = in.fire(l, fn, status, firing{at: now, onStartup: true})
	}
	for l.listening.Err() == nil {
		if status.Next.IsZero() {
			in.h.o.Logf("%s: timer %s: schedule %q never fires again", in, fn.name, s.text)
			return
		}
		// A run that took longer than its interval is followed at once by one more, whatever it missed.
		at := status.Next.Add(Lateness(in.h.o.Seed, fn.name, status.Next))
		if !sleep(l.listening, clock, max(at.Sub(clock.Now()), 0)) {
			return
		}
		if !in.frost.wait(l.listening) {
			return
		}
		// Who stood still finds a tick and a renewal overdue at once. The renewal was seen to be the first.
		if !in.h.o.Storage.holds(fn.name, id, clock.Now()) && !in.renew(l, fn, id) {
			return
		}
		status = in.fire(l, fn, status, firing{at: clock.Now()})
	}
}

// The host's ticks as they were seen: 15 of 43 came before their mark, by 2.8 ms at most, and the requests of the
// others reached the handler up to 8 ms after it. That all between is equally likely no source says.
const (
	earlyOnes = 15.0 / 43
	earliest  = 3 * time.Millisecond
	latest    = 10 * time.Millisecond
)

// Lateness is how long after its mark the tick of a function's timer comes; below zero it is early. A seed repeats it.
func Lateness(seed uint64, function string, mark time.Time) time.Duration {
	d := dice(seed, "tick", function, mark.UnixNano())
	if d.Float64() < earlyOnes {
		return -time.Duration(d.Int64N(int64(earliest))).Truncate(time.Microsecond)
	}
	return time.Duration(d.Int64N(int64(latest))).Truncate(time.Microsecond)
}

// dice are the chances of one thing, named by words. The same seed and words give the same ones, whatever else goes on.
func dice(seed uint64, words ...any) *rand.Rand {
	sum := fnv.New64a()
	fmt.Fprintln(sum, words...)
	return rand.New(rand.NewPCG(seed, sum.Sum64()))
}

// firing is why and when a timer runs.
type firing struct {
	at        time.Time
	pastDue   bool
	onStartup bool
}

// fire runs the timer once. Success or not, the schedule advances; only the loss of the instance or the host's stop
// keeps it where it was.
func (in *instance) fire(l *life, fn *function, status timerStatus, f firing) timerStatus {
	sent := &status
	if !in.h.monitored(fn) {
		sent = nil
	}
	event, _ := in.invoke(l, fn, in.h.posting(fn, timerEnvelope(fn, sent, f.pastDue, in.h.o.Clock.Now())))
	in.h.o.OnInvocation(event)
	if l.ending() {
		return status
	}
	at := f.at
	if !f.pastDue && !f.onStartup && status.Next.After(at) {
		at = status.Next // fired a moment early: without this the same occurrence would come twice
	}
	status = timerStatus{Last: at, Next: fn.timer.schedule.next(at), LastUpdated: at}
	in.keep(fn, status)
	return status
}

func (in *instance) keep(fn *function, status timerStatus) {
	if !in.h.monitored(fn) {
		return
	}
	if err := in.h.o.Storage.save(fn.name, status); err != nil {
		in.h.o.Logf("%s: timer %s: its status is not saved, an occurrence may run again after a restart: %v", in,
			fn.name, err)
	}
}

// resume finds the timer's status when the instance begins with it and whether an occurrence was missed. A status that
// another schedule left behind is replaced and never past due.
func (in *instance) resume(fn *function) (status timerStatus, pastDue bool, err error) {
	s, now := fn.timer.schedule, in.h.o.Clock.Now()
	fresh := timerStatus{Next: s.next(now)}
	if !in.h.monitored(fn) {
		return fresh, false, nil
	}
	stored, err := in.h.o.Storage.load(fn.name)
	if err != nil {
		return fresh, false, err
	}
	if stored == nil {
		// The stored form carries the time, so that a first occurrence missed after this is known to be missed; the
		// first run itself is still sent with year 1.
		in.keep(fn, timerStatus{Next: fresh.Next, LastUpdated: now})
		return fresh, false, nil
	}
	from := stored.Last
	if from.IsZero() {
		from = stored.LastUpdated
	}
	if expected := s.next(from); !expected.Equal(stored.Next) {
		if now.After(expected) {
			from, expected = now, fresh.Next
		}
		*stored = timerStatus{Next: expected, LastUpdated: from}
		in.keep(fn, *stored)
	}
	return *stored, now.After(stored.Next), nil
}
