package main

import (
	"testing"
	"time"

	"cordon/local/funchost"
	"cordon/local/world"
)

// swift is a clock for a host whose minutes are to pass faster than ours. Its handlers have the machine's.
type swift struct {
	from time.Time
	by   int
}

func (c swift) Now() time.Time { return c.from.Add(time.Since(c.from) * time.Duration(c.by)) }

func (c swift) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d/time.Duration(c.by), f).Stop
}

// onTimers are the functions that the hosts of a takeover have.
var onTimers = []string{"PollAlerts", "FollowActions"}

// thawed lets a frozen owner of the timers go on after another host took them over, and sees it end itself.
func (s *story) thawed(owner *site) {
	s.t.Helper()
	if s.logged("host: PollAlerts/0: timer PollAlerts is past due") == 0 {
		s.t.Error("the first poll of the new owner is not past due")
	}
	for _, function := range onTimers {
		if err := owner.Thaw(function, 0); err != nil {
			s.t.Fatal(err)
		}
		s.eventually("the end of the old owner of "+function, func() bool {
			return s.logged("host: "+function+"/0: timer "+function, "the host shuts down: 409") > 0
		})
	}
}

// TestStoryASecondHostTakesTheTimersOverAndMissesNothing has two hosts share a storage, so that one has the timers, and
// ends that one while alerts appear: the other takes over within two minutes, which last four seconds here.
func TestStoryASecondHostTakesTheTimersOverAndMissesNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, owner *site){
		"frozen": func(t *testing.T, owner *site) {
			for _, function := range onTimers {
				if err := owner.Freeze(function, 0); err != nil {
					t.Fatal(err)
				}
			}
		},
		"killed": func(t *testing.T, owner *site) {
			owner.KillAll()
			owner.Close() // and its successor, which has no lease to give back
		},
		"stopped": func(_ *testing.T, owner *site) { owner.StopAll(); owner.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const every = "0 * * * * *"
			s := newStage(t, world.Options{Playbook: uncapped(t)},
				map[string]string{"CORDON_POLL_SCHEDULE": every, "CORDON_FOLLOW_SCHEDULE": every})
			p := s.populate(crowd(6))
			root, err := app()
			if err != nil {
				t.Fatal(err)
			}
			s.open(func(o *funchost.Options) { o.AppRoot = staged(t, root, "RespondToAlert", "SendNotice") })
			store, err := funchost.NewStorage("")
			if err != nil {
				t.Fatal(err)
			}
			clock := swift{time.Now(), 30}
			timers := func(o *funchost.Options) {
				o.AppRoot, o.Storage, o.Clock = staged(t, root, onTimers...), store, clock
			}
			polls := func(x *site) int { return x.did("PollAlerts")[0] }
			owner := s.open(timers)
			s.eventually("a poll by the owner", func() bool { return polls(owner) > 0 })
			other := s.open(timers)
			half := len(p.scenario.Alerts) / 2
			p.appear(p.scenario.Alerts[:half])
			s.eventually("the first alerts", func() bool { return p.knows(p.scenario.Alerts[half-1].ID) })
			if n := polls(other); n > 0 {
				t.Fatalf("the other host polled %d times beside the owner", n)
			}
			end(t, owner)
			before := polls(owner)
			p.appear(p.scenario.Alerts[half:])
			s.eventually("a poll by the other host", func() bool { return polls(other) > 0 })
			if name == "frozen" {
				s.thawed(owner)
			}
			s.raise(p)
			s.kept(p)
			if n := polls(owner) - before; n > 1 { // one may have been under way when it froze
				t.Errorf("the old owner polled %d times more", n)
			}
		})
	}
}
