package funchost

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTicksComeEarlyAndLateAndEveryOccurrenceOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "0 * * * * *")
		b.busy = time.Millisecond // so that an early tick has ended before its mark
		midnight := time.Now()
		b.join(0)
		time.Sleep(24*time.Hour + time.Second)
		b.close()
		if len(b.runs) != 24*60 {
			t.Fatalf("%d runs in a day of minutes", len(b.runs))
		}
		early, late := 0, map[time.Duration]bool{}
		for i, r := range b.runs {
			mark := midnight.Add(time.Duration(i+1) * time.Minute)
			off := r.at.Sub(mark)
			if off < -3*time.Millisecond || off > 10*time.Millisecond || !r.next.Equal(mark) || r.pastDue {
				t.Fatalf("run %d is %s after its mark: %+v", i, off, r)
			}
			if off < 0 {
				early++
			}
			if off < 0 && i+1 < len(b.runs) && !b.runs[i+1].last.Equal(mark) {
				t.Fatalf("run %d was early and is noted for %s", i, b.runs[i+1].last)
			}
			late[off] = true
		}
		if early < 24*60/4 || early > 24*60/2 || len(late) < 24*60/2 {
			t.Errorf("%d of %d ticks are early, in %d distances", early, len(b.runs), len(late))
		}
	})
}

func TestASeedRepeatsTheTicks(t *testing.T) {
	t.Parallel()
	day := func(seed uint64, name string) (all []time.Duration) {
		for i := range 1000 {
			all = append(all, Lateness(seed, name, time.Unix(int64(i)*60, 0)))
		}
		return all
	}
	first := day(7, "PollAlerts")
	if !slices.Equal(first, day(7, "PollAlerts")) {
		t.Error("the same seed has other ticks")
	}
	if slices.Equal(first, day(8, "PollAlerts")) || slices.Equal(first, day(7, "FollowActions")) {
		t.Error("another seed or another timer has the same ticks")
	}
	if o := (Options{}).withDefaults(); o.Seed == 0 {
		t.Error("without a seed none is taken")
	}
}

// takeover says when the owner of a timer ends in one way, and how long after that the other instance, which began at
// another time, fires it.
func takeover(t *testing.T, ending string, ends, other time.Duration) (after time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		// It runs at its start, and so as soon as it is taken over.
		b := newBench(t, "0 * * * * *", func(timer *timerTrigger) { timer.runOnStartup = true })
		begun := time.Now()
		owner, l := b.join(0)
		synctest.Wait()
		time.Sleep(other)
		b.join(1)
		time.Sleep(ends - other)
		synctest.Wait()
		switch ending {
		case "killed":
			l.lost.Store(true)
			l.cut(errLost)
		case "stopped":
			owner.retire(l)
		case "frozen":
			owner.frost.set(true)
		}
		time.Sleep(3 * time.Minute)
		b.close()
		runs := b.of(1)
		if len(runs) == 0 {
			t.Fatalf("%s at %s, the other from %s: nobody fires the timer; the host said %s", ending, ends, other,
				b.logs.text())
		}
		after = runs[0].at.Sub(begun) - ends
		for _, r := range b.of(0) {
			if r.at.After(runs[0].at) {
				t.Errorf("%s at %s, the other from %s: the old owner fires after the new one", ending, ends, other)
			}
		}
	})
	return after
}

// TestAnotherInstanceTakesATimerOverAsFastAsWasSeen has the phases in which the three times were seen under the host:
// the owner renews at 90 s, and what is left of the minute that the other one waits.
func TestAnotherInstanceTakesATimerOverAsFastAsWasSeen(t *testing.T) {
	t.Parallel()
	for _, seen := range []struct {
		ending            string
		ends, other, want time.Duration
	}{
		{"killed", 100 * time.Second, 32 * time.Second, 52 * time.Second},
		{"stopped", 100 * time.Second, 17 * time.Second, 37 * time.Second},
		{"frozen", 92 * time.Second, 21 * time.Second, 109 * time.Second},
	} {
		if got := takeover(t, seen.ending, seen.ends, seen.other); got != seen.want {
			t.Errorf("%s: after %s, want %s", seen.ending, got, seen.want)
		}
	}
}

func TestATakeoverHasItsBoundsInEveryPhase(t *testing.T) {
	t.Parallel()
	const second = time.Second
	for ending, bounds := range map[string][2]time.Duration{
		"killed": {30 * second, 120 * second}, "frozen": {30 * second, 120 * second}, "stopped": {0, 60 * second},
	} {
		shortest, longest := time.Hour, time.Duration(0)
		for ends := 61500 * time.Millisecond; ends < 2*time.Minute; ends += 4 * second {
			for other := second; other < time.Minute; other += 3 * second {
				after := takeover(t, ending, ends, other)
				shortest, longest = min(shortest, after), max(longest, after)
			}
		}
		if shortest < bounds[0] || longest > bounds[1] {
			t.Errorf("%s: taken over after %s to %s, want %s to %s", ending, shortest, longest, bounds[0], bounds[1])
		}
		if shortest > bounds[0]+6*second || longest < bounds[1]-6*second {
			t.Errorf("%s: %s to %s does not come near the bounds %s and %s", ending, shortest, longest, bounds[0],
				bounds[1])
		}
	}
}

func TestALiveHostThatTakesATimerOverIsPastDueIfItMissedAnOccurrence(t *testing.T) {
	t.Parallel()
	for schedule, pastDue := range map[string]bool{"0 * * * * *": true, "0 */10 * * * *": false} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, schedule)
			_, l := b.join(0)
			time.Sleep(20 * time.Second)
			b.join(1)
			time.Sleep(10 * time.Minute)
			before := b.of(0)
			l.lost.Store(true)
			l.cut(errLost)
			time.Sleep(11 * time.Minute)
			b.close()
			first := b.of(1)[0]
			last := before[len(before)-1]
			noted := last.at // of an early tick its mark
			if noted.Before(last.next) {
				noted = last.next
			}
			if first.pastDue != pastDue || !first.last.Equal(noted) {
				t.Errorf("%s: the first run after the takeover is %+v, the last before it %+v", schedule, first, last)
			}
			for _, r := range b.of(1)[1:] {
				if r.pastDue {
					t.Errorf("%s: a later run is past due: %+v", schedule, r)
				}
			}
		})
	}
}

// unrenewed is what the host says when it ends over its lease.
const unrenewed = "its lease cannot be renewed, the host shuts down: "

// TestAnOwnerThatThawsEndsItselfBeforeItFires freezes an owner for longer than its lease lasts, so that its tick and
// its renewal are overdue at once.
func TestAnOwnerThatThawsEndsItselfBeforeItFires(t *testing.T) {
	t.Parallel()
	for _, frozen := range []time.Duration{
		2*time.Minute + 7*time.Second, 3 * time.Minute, 10*time.Minute + 31*time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, "*/5 * * * * *")
			owner, l := b.join(0)
			synctest.Wait()
			b.join(1)
			time.Sleep(92 * time.Second)
			owner.frost.set(true)
			before := len(b.of(0))
			time.Sleep(frozen)
			synctest.Wait()
			owner.frost.set(false)
			select {
			case <-l.over:
			case <-time.After(2 * time.Second):
				t.Errorf("frozen for %s: the owner goes on after it thawed", frozen)
			}
			if !strings.Contains(b.logs.text(), "PollAlerts/0: timer PollAlerts: "+unrenewed+"409") {
				t.Errorf("frozen for %s: the host said %s", frozen, b.logs.text())
			}
			if after := len(b.of(0)); after != before || len(b.of(1)) == 0 {
				t.Errorf("frozen for %s: the old owner fired %d times more, the new one %d times", frozen, after-before,
					len(b.of(1)))
			}
			b.close()
		})
	}
}

func TestAnOwnerThatThawsInTimeKeepsItsTimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "0 * * * * *")
		owner, l := b.join(0)
		synctest.Wait()
		b.join(1)
		time.Sleep(91 * time.Second)
		owner.frost.set(true)
		time.Sleep(50 * time.Second) // over its tick and its renewal, but not over its lease
		owner.frost.set(false)
		time.Sleep(10 * time.Minute)
		if l.ctx.Err() != nil || len(b.of(1)) != 0 || len(b.of(0)) < 11 {
			t.Errorf("ended %v; it fired %d times, the other one %d times", context.Cause(l.ctx), len(b.of(0)),
				len(b.of(1)))
		}
		b.close()
	})
}

func TestALostStorageEndsTheOwnerAtItsNextRenewal(t *testing.T) {
	t.Parallel()
	for lost := 61 * time.Second; lost < 2*time.Minute; lost += 7 * time.Second {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, "0 * * * * *")
			_, owner := b.join(0)
			synctest.Wait()
			_, loser := b.join(1)
			time.Sleep(lost)
			b.h.o.Storage.Lose()
			time.Sleep(30 * time.Second)
			synctest.Wait()
			said := b.logs.text()
			if context.Cause(owner.ctx) != errStopping ||
				!strings.Contains(said, "PollAlerts/0: timer PollAlerts: "+unrenewed) {
				t.Errorf("lost at %s: the owner ended because of %v; the host said %s", lost, context.Cause(owner.ctx),
					said)
			}
			time.Sleep(2 * time.Minute)
			b.h.o.Storage.Restore()
			time.Sleep(time.Minute)
			if loser.ctx.Err() != nil || len(b.of(1)) == 0 || !b.of(1)[0].pastDue {
				t.Errorf("lost at %s: the other one ended by %v and fired %+v", lost, context.Cause(loser.ctx), b.of(1))
			}
			b.close()
		})
	}
}

func TestATimerThatCannotStartWithoutStorageIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "0 * * * * *", func(timer *timerTrigger) { timer.runOnStartup = true })
		b.h.o.Storage.Lose()
		_, l := b.join(0)
		time.Sleep(30 * time.Minute)
		b.h.o.Storage.Restore()
		back := time.Now()
		time.Sleep(2 * time.Minute)
		if runs := b.of(0); l.ctx.Err() != nil || len(runs) == 0 || runs[0].at.Before(back) {
			t.Errorf("ended %v, ran %+v", context.Cause(l.ctx), runs)
		}
		b.close()
		var pauses []time.Duration
		for _, line := range b.logs.all {
			if _, text, found := strings.Cut(line, "tried again in "); found {
				pause, err := time.ParseDuration(text)
				if err != nil {
					t.Fatal(err)
				}
				pauses = append(pauses, pause)
			}
		}
		if !slices.IsSorted(pauses) || pauses[0] != 2*time.Second || pauses[len(pauses)-1] != 2*time.Minute {
			t.Errorf("the pauses are %s", pauses)
		}
	})
}

func TestAHostThatStartsWithoutItsStorageIsDeafAtFirst(t *testing.T) {
	t.Parallel()
	a := newApp(t, plainHost, map[string]string{"Health": httpFunction("health", `,"authLevel":"anonymous"`),
		"RespondToAlert": queueFunction, "PollAlerts": timerFunction("0 */5 * * * *", "")})
	store := storageIn(t, "")
	store.Lose()
	h := a.start(func(o *Options) { o.Storage = store })
	a.broker.put("alerts", "m1")
	answer := send(h, "GET /api/health HTTP/1.1\n\n")
	eventually(t, "all three hosts are deaf", func() bool {
		return a.clock.between(25*time.Second, 30*time.Second-time.Millisecond) == 3
	})
	a.clock.advance(25*time.Second - time.Millisecond)
	a.silent()
	a.clock.advance(5*time.Second + time.Millisecond)
	for range 2 {
		a.next().succeed() // what HTTP and the queue wait for; timers still cannot begin
	}
	if got := a.got(answer); got.status != 204 {
		t.Errorf("the front answers %d", got.status)
	}
	eventually(t, "the timer is tried again", func() bool {
		return strings.Contains(a.logs.text(), "timer PollAlerts: the storage does not answer; tried again in 2s")
	})
}
