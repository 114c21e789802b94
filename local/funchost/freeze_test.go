//go:build unix

package funchost

import (
	"strings"
	"testing"
	"time"
)

func TestAFrozenInstanceAnswersNothingUntilItIsThawed(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	for range 2 {
		if err := h.Freeze("RespondToAlert", 0); err != nil {
			t.Fatal(err)
		}
	}
	c.succeed() // the process has what it waits for, but cannot read it
	a.clock.pass(t, 50*time.Second)
	a.clock.pass(t, 5*time.Second) // half of what is left of the lock
	eventually(t, "the lock is given up", func() bool { return a.clock.pending(2500*time.Millisecond) > 0 })
	if len(a.broker.renewed) != 0 || len(a.broker.settled) != 0 || len(a.events) != 0 {
		t.Errorf("a frozen instance renewed %d locks, settled %d messages and ended %d invocations",
			len(a.broker.renewed), len(a.broker.settled), len(a.events))
	}
	for range 2 {
		if err := h.Thaw("RespondToAlert", 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := receive(t, a.broker.settled, "settlement"); got != "complete m1" {
		t.Error(got)
	}
	if e := a.event(); e.Err != nil {
		t.Errorf("the thawed invocation failed: %v", e.Err)
	}
}

func TestAThawedInstanceRenewsTheLocksThatItStillHas(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	c := a.next()
	if err := h.Freeze("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	a.clock.pass(t, 50*time.Second)
	eventually(t, "the renewal is put off", func() bool { return a.clock.pending(5*time.Second) > 0 })
	if err := h.Thaw("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	a.clock.pass(t, 5*time.Second)
	if got := receive(t, a.broker.renewed, "renewal"); got != "m1" {
		t.Error(got)
	}
	c.succeed()
}

func TestOnlyAReadyInstanceThatExistsIsFrozen(t *testing.T) {
	t.Parallel()
	a := responder(t)
	a.starts = make(chan *call)
	h := a.start()
	for want, err := range map[string]error{
		"instances 0 to 0, not 1": h.Freeze("RespondToAlert", 1),
		"no function":             h.Freeze("SendNotice", 0),
		"not ready":               h.Freeze("RespondToAlert", 0),
		"0, not -1":               h.Thaw("RespondToAlert", -1),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	start(a).answer(reply{})
}

func TestAFrozenInstanceCanBeKilled(t *testing.T) {
	t.Parallel()
	a := responder(t)
	h := a.start()
	a.broker.put("alerts", "m1")
	a.next()
	if err := h.Freeze("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	if err := h.Kill("RespondToAlert", 0); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, a.broker.settled, "settlement"); got != "abandon m1" {
		t.Error(got)
	}
}
