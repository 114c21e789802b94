package funchost

import (
	"time"
)

// monitored says whether the host keeps and sends a status for the timer.
func (h *Host) monitored(fn *function) bool {
	return fn.timer.useMonitor && !fn.timer.schedule.subMinute(h.started)
}

// tick fires one timer during one life. Runs follow each other in this one goroutine, so they never overlap.
func (in *instance) tick(l *life, fn *function) {
	clock, s := in.h.o.Clock, fn.timer.schedule
	status, pastDue, err := in.resume(fn)
	if err != nil {
		in.h.fail(err)
		return
	}
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
		if !sleep(l.listening, clock, max(status.Next.Sub(clock.Now()), 0)) {
			return
		}
		status = in.fire(l, fn, status, firing{at: clock.Now()})
	}
}

// firing is why and when a timer runs.
type firing struct {
	at        time.Time
	pastDue   bool
	onStartup bool
}

// fire runs the timer once. Success or not, the schedule advances; only the loss of the instance or the host's stop keeps
// it where it was.
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
	if err := in.h.timers.save(fn.name, status); err != nil {
		in.h.o.Logf("%s: timer %s: its status is not saved, an occurrence may run again after a restart: %v", in, fn.name, err)
	}
}

// resume finds the timer's status at the start of a life and whether an occurrence was missed. A status that another
// schedule left behind is replaced and never past due.
func (in *instance) resume(fn *function) (status timerStatus, pastDue bool, err error) {
	s, now := fn.timer.schedule, in.h.o.Clock.Now()
	fresh := timerStatus{Next: s.next(now)}
	if !in.h.monitored(fn) {
		return fresh, false, nil
	}
	stored, err := in.h.timers.load(fn.name)
	if err != nil {
		return fresh, false, err
	}
	if stored == nil {
		// The stored form carries the time, so that a first occurrence missed after this is known to be missed; the first
		// run itself is still sent with year 1.
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
