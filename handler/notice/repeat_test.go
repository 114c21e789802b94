package notice

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// minutely tells what becomes of a machine's isolation, a minute apart, and sends what is due after each.
func (d *desk) minutely(t *testing.T, events ...Event) {
	t.Helper()
	for _, e := range events {
		d.advance(time.Minute)
		asked := len(d.ids)
		d.tell(t, "incident:1", e)
		d.advance(31 * time.Second)
		d.deliver(t, asked)
	}
}

// try is an event of the n-th try to isolate a machine.
func try(n int, kind Kind, again bool) Event {
	e := about(kind, n, 0, "")
	e.Episode, e.ActionID, e.Again = n, fmt.Sprintf("act-%d", n), again
	e.At = time.Time{}
	e.Detail = fmt.Sprintf("Action act-%d is %s.", n, kind)
	return e
}

// failing is all that is told of a machine whose isolation fails three times.
func failing() []Event {
	return []Event{
		try(1, Requested, false), try(1, Failed, true),
		try(2, Requested, false), try(2, Failed, true),
		try(3, Requested, false), try(3, Failed, false),
	}
}

// TestAMachineThatKeepsFailingMakesAMailForEachChange and none that says again what was told. Nothing is left out: what
// has no mail of its own stands in the history of the last.
func TestAMachineThatKeepsFailingMakesAMailForEachChange(t *testing.T) {
	t.Parallel()
	for only, outcomes := range map[bool][]string{
		false: {
			"Isolation requested, not confirmed yet", "Not isolated: the action failed", "Not isolated: the action failed",
		},
		true: {"Not isolated: the action failed"},
	} {
		d := newDesk(t)
		d.OnlyOutcomes = only
		d.minutely(t, failing()...)
		d.minutely(t, failing()...) // by whoever comes a second time
		if len(d.mails) != len(outcomes) {
			t.Fatalf("only outcomes %v: %d mails, want %d", only, len(d.mails), len(outcomes))
		}
		for i, outcome := range outcomes {
			if !strings.Contains(d.mails[i].Text, "\nOutcome   "+outcome+"\n") {
				t.Errorf("only outcomes %v, mail %d:\n%s", only, i+1, d.mails[i].Text)
			}
		}
		last := d.mails[len(d.mails)-1].Text
		for _, e := range failing() {
			if !strings.Contains(last, string(e.Kind)+": "+e.Detail) {
				t.Errorf("only outcomes %v: the last mail does not tell %q:\n%s", only, e.Detail, last)
			}
		}
		if !strings.Contains(last, "To do     Isolate the machine in the Defender portal") {
			t.Errorf("only outcomes %v: the last mail does not say what to do:\n%s", only, last)
		}
	}
}

// TestASecondTryThatSucceedsIsTold with what came before it.
func TestASecondTryThatSucceedsIsTold(t *testing.T) {
	t.Parallel()
	for only, mails := range map[bool]int{false: 3, true: 1} {
		d := newDesk(t)
		d.OnlyOutcomes = only
		d.minutely(t, append(failing()[:3], try(2, Isolated, false))...)
		if len(d.mails) != mails || !strings.Contains(d.mails[mails-1].Text, "\nOutcome   Isolated\n") {
			t.Errorf("only outcomes %v: %d mails: %+v", only, len(d.mails), d.mails)
		}
	}
}

// TestWhatIsNewsMakesAMailAlthoughAnActionFailedBefore has everything that may come between the tries.
func TestWhatIsNewsMakesAMailAlthoughAnActionFailedBefore(t *testing.T) {
	t.Parallel()
	other, scan := try(2, Requested, false), try(2, Requested, false)
	other.MachineID = "77aa"
	scan.Step = "scan:Quick"
	for what, c := range map[string]struct {
		between []Event
		pause   time.Duration
		news    Event
	}{
		"it did not come back for long": {nil, 0, try(2, StillPending, false)},
		"it failed again, after that":   {[]Event{try(2, StillPending, false)}, 0, try(2, Failed, true)},
		"it is not asked for again":     {nil, 0, try(2, Failed, false)},
		"it is held":                    {nil, 0, try(0, Held, false)},
		"a request of another machine":  {nil, 0, other},
		"a request of another step":     {nil, 0, scan},
		"a request long after":          {nil, 2 * time.Hour, try(2, Requested, false)},
		"a request after an isolation":  {[]Event{try(2, Isolated, false)}, 0, try(3, Requested, false)},
		"a request after a release": {
			[]Event{try(2, Isolated, false), try(2, Released, false)}, 0, try(3, Requested, false),
		},
		"a request after it was not repeated": {[]Event{try(2, Failed, false)}, 0, try(3, Requested, false)},
	} {
		d := newDesk(t)
		d.minutely(t, failing()[:2]...)
		d.minutely(t, c.between...)
		before := len(d.mails)
		d.advance(c.pause)
		d.minutely(t, c.news)
		if len(d.mails) != before+1 {
			t.Errorf("%s: no mail", what)
		}
	}
	d := newDesk(t)
	d.minutely(t, failing()[:2]...)
	asked := len(d.ids)
	d.tell(t, "incident:2", try(2, Requested, false))
	if len(d.ids) != asked+1 {
		t.Error("an incident that nothing was told of does not hear of the second try")
	}
}

// TestOnlyOutcomesLeavesNothingElseOut has every kind of news that is not a request.
func TestOnlyOutcomesLeavesNothingElseOut(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{
		StillPending, Isolated, Done, Failed, TimedOut, Cancelled, Released, ByRule, LiftsSoon, Lifted, Refused, Denied,
		Held, Waits, WouldIsolate, WouldDo, Skipped, NoMachine, NotFound, Duplicate, Matched, Parked, Stuck, GaveUp,
		CapReached, UnknownAlerts, Overdue, Recovered, SourceOut, SourceBack, Behind, Unready, Paused, Resumed,
		ReleasedEarly,
	} {
		d := newDesk(t)
		d.OnlyOutcomes = true
		d.minutely(t, try(1, kind, false))
		if len(d.mails) != 1 {
			t.Errorf("%s makes %d mails", kind, len(d.mails))
		}
	}
}
