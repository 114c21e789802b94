package funchost

import (
	"errors"
	"time"
)

// leasePeriod is how long the lease of a timer lasts. Its owner renews it after half of that, and whoever did not get
// it tries again after all of it: the vendor's SDK has 60 s for both (SingletonOptions).
const leasePeriod = time.Minute

// The pauses before a listener that could not start tries again, growing from the first to the second (webjobs-sdk,
// FunctionListener).
const (
	firstRetry = 2 * time.Second
	lastRetry  = 2 * time.Minute
)

// contend waits for the lease of a timer and returns its id, and the timer's status. It reports false at the end of the
// life, and when the status cannot be read, which ends the host.
func (in *instance) contend(l *life, fn *function) (id string, status timerStatus, pastDue, ok bool) {
	id = newGUID()
	store, clock := in.h.o.Storage, in.h.o.Clock
	// Once it was refused, trouble is not what decides the pause any more: the SDK's timer for losers overlooks errors.
	refused := false
	for failures := 0; in.frost.wait(l.listening); {
		got, err := store.acquire(fn.name, id, clock.Now(), in.h.o.LeasePeriod)
		if got {
			status, pastDue, err = in.resume(fn)
		}
		pause := in.h.o.LeasePeriod
		switch {
		case got && err == nil:
			return id, status, pastDue, true
		case err != nil && !errors.Is(err, errStorageLost):
			in.h.fail(err)
			return "", status, false, false
		case err == nil:
			refused = true
		case !refused:
			pause = in.retryIn(fn, failures)
			failures++
		}
		if err != nil {
			in.h.o.Logf("%s: timer %s: %v; tried again in %s", in, fn.name, err, pause)
		}
		if !sleep(l.listening, clock, pause) {
			break
		}
	}
	return "", status, false, false
}

// retryIn is the pause after so many failures: twice as long each time, give or take a fifth.
func (in *instance) retryIn(fn *function, failures int) time.Duration {
	if failures == 0 {
		return firstRetry
	}
	spread := 0.8 + 0.4*dice(in.h.o.Seed, "retry", in, fn.name, failures).Float64()
	pause := firstRetry + time.Duration(spread*float64(firstRetry<<(min(failures, 10)-1)))
	return min(pause, lastRetry).Truncate(time.Millisecond)
}

// keepLease renews the lease until the life listens no more, and then gives it back at once, whatever still runs, as
// the host does (webjobs-sdk, SingletonListener). An instance that was lost gives nothing back.
func (in *instance) keepLease(l *life, fn *function, id string) {
	for sleep(l.listening, in.h.o.Clock, in.h.o.LeasePeriod/2) {
		if !in.renew(l, fn, id) {
			return
		}
	}
	if l.lost.Load() || in.frost.still() {
		return
	}
	if err := in.h.o.Storage.release(fn.name, id); err != nil {
		in.h.o.Logf("%s: timer %s: its lease is not given back and runs out by itself: %v", in, fn.name, err)
	}
}

// renew extends the lease. Whatever keeps it from that, but for an error of the server's, stops the host in good order,
// and the platform starts another one.
func (in *instance) renew(l *life, fn *function, id string) bool {
	if !in.frost.wait(l.listening) {
		return false
	}
	err := in.h.o.Storage.renew(fn.name, id, in.h.o.Clock.Now(), in.h.o.LeasePeriod)
	if err == nil {
		return true
	}
	in.h.o.Logf("%s: timer %s: its lease cannot be renewed, the host shuts down: %v", in, fn.name, err)
	go in.retire(l)
	return false
}

// awaken returns when a host that begins can hear its triggers. Without its storage it is deaf for 25 to 30 s, as was
// seen; that its handler does not run before is assumed.
func (in *instance) awaken(l *life) {
	err := in.h.o.Storage.reachable()
	if err == nil {
		return
	}
	chance := dice(in.h.o.Seed, "deaf", in, in.h.o.Clock.Now().UnixMilli()).Float64()
	deaf := (25*time.Second + time.Duration(chance*float64(5*time.Second))).Truncate(time.Millisecond)
	in.h.o.Logf("%s: the host starts without its storage and hears nothing for %s: %v", in, deaf, err)
	sleep(l.listening, in.h.o.Clock, deaf)
}
