package respond_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/respond"
)

// TestAMachineThatSomebodyElseIsolatedIsJoined isolates one by each owner, ten minutes before the alert.
func TestAMachineThatSomebodyElseIsolatedIsJoined(t *testing.T) {
	t.Parallel()
	for owner, c := range map[machine.Owner]struct{ requestor, comment, told string }{
		machine.ByPerson:    {"alice@contoso.com", "by hand", "was asked for by alice@contoso.com"},
		machine.ByAutomatic: {"", "", "was asked for by attack disruption, as far as the API shows it"},
		machine.ByUnknown:   {"Another app", "by itself", "was asked for by Another app"},
	} {
		t.Run(string(owner), func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start(-1, false)
			a := w.ByOthers(machine.Isolate, c.requestor, c.comment)
			w.Advance(10 * time.Minute)
			w.AlertOn("da1", "m1", alert.High)
			w.Drain(p, 3)
			l := w.LatchOn(p)
			if w.Posts != 0 || l.State != latches.Achieved || l.ActionID != a.ID || !l.Adopted || l.By() != owner ||
				!l.AchievedAt.Equal(a.Updated) {
				t.Fatalf("%d requests, %+v", w.Posts, l)
			}
			if run := w.Run("da1", 1); run.Outcome != "isolated" || !strings.Contains(run.Reason, c.told) {
				t.Errorf("%+v", run)
			}
			if e := w.Order[0]; w.Kinds() != "isolated" || !strings.Contains(e.Detail, c.told) ||
				!strings.Contains(e.Detail, "Defender lifts it by itself at") {
				t.Errorf("told %s: %q", w.Kinds(), e.Detail)
			}
			// It lasts as long as such an isolation does, from when it was done.
			lasts := world.Lift
			if owner == machine.ByAutomatic {
				lasts = machine.AutomaticLasts
			}
			w.Pass(p, lasts-10*time.Minute-time.Hour, time.Hour)
			if l := w.LatchOn(p); l.State != latches.Achieved || !strings.Contains(w.Kinds(), "lifts soon") {
				t.Errorf("before the lift told %s, %+v", w.Kinds(), l)
			}
			w.Pass(p, 2*time.Hour, time.Hour)
			if l := w.LatchOn(p); l.State != latches.Ended || l.LiftedAt.IsZero() {
				t.Errorf("after the lift %+v", l)
			}
			w.Drain(p, 3)
			if asked := w.Posts > 0; asked != (owner == machine.ByAutomatic) {
				t.Errorf("after the lift %d requests: only the alert that came within the stale limit before it is "+
					"decided again: %+v", w.Posts, w.Run("da1", 1))
			}
		})
	}
}

// TestAnIsolationByOthersThatEndsIsFollowed has the person who isolated the machine release it.
func TestAnIsolationByOthersThatEndsIsFollowed(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.ByOthers(machine.Isolate, "alice@contoso.com", "by hand")
	w.Advance(10 * time.Minute)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.Advance(time.Hour)
	w.Follow(p)
	w.ByOthers(machine.Unisolate, "alice@contoso.com", "clean")
	w.Advance(time.Minute)
	w.Follow(p)
	if told := w.Kinds(); told != "isolated, released" || w.OpenEpisodes(p) != 0 {
		t.Fatalf("told %s, %d open episodes", told, w.OpenEpisodes(p))
	}
	w.Advance(time.Minute)
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 3)
	if w.Posts != 1 || w.LatchOn(p).By() != machine.ByCordon {
		t.Errorf("a new alert makes %d requests, %+v", w.Posts, w.LatchOn(p))
	}
}

// TestWhatOthersDidBeforeAndIsOverIsNotJoined has the isolation of somebody else released, lifted, failed or of
// another machine.
func TestWhatOthersDidBeforeAndIsOverIsNotJoined(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(w *world.World){
		"released": func(w *world.World) {
			w.ByOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.Advance(time.Minute)
			w.ByOthers(machine.Unisolate, "alice@contoso.com", "clean")
		},
		"lifted": func(w *world.World) {
			w.ByOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.Advance(world.Lift)
		},
		"failed": func(w *world.World) {
			w.ByOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.Actions[0].Status = machine.Failed
		},
		"another machine": func(w *world.World) {
			w.ByOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.Actions[0].MachineID = "m2"
		},
		"automatic, a day ago": func(w *world.World) { w.ByOthers(machine.Isolate, "", ""); w.Advance(world.Day) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			before(w)
			w.Advance(time.Minute)
			w.AlertOn("da1", "m1", alert.High)
			w.Drain(w.Start(-1, false), 3)
			if w.Posts != 1 {
				t.Errorf("%d requests", w.Posts)
			}
		})
	}
}

// TestLookingForIsolationsByOthersIsOneListForAll has many machines, each with an alert.
func TestLookingForIsolationsByOthersIsOneListForAll(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t,
		strings.Replace(world.IsolateHigh, "perHour: 5, perDay: 9", "perHour: 500, perDay: 900", 1))
	p := w.Start(-1, false)
	lists := 0
	p.Change(func(options *respond.Options) { options.API = &counting{API: p, lists: &lists} })
	for i := range 40 {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.Drain(p, 50)
	if w.Posts != 40 || lists != 1 {
		t.Errorf("%d requests, %d lists", w.Posts, lists)
	}
}

// TestARuleReleasesNothingThatIsNotCordons has an isolation by a person, joined by an alert that a person then finds
// harmless.
func TestARuleReleasesNothingThatIsNotCordons(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, releaseBenign)
	p := w.Start(-1, false)
	w.ByOthers(machine.Isolate, "alice@contoso.com", "by hand")
	w.Advance(10 * time.Minute)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.Advance(10 * time.Minute)
	w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	w.Drain(p, 5)
	if run := w.Run("da1", 2); w.Posts != 0 || run.Outcome != "skipped" ||
		!strings.Contains(run.Reason, "somebody else's") {
		t.Errorf("%d requests, %+v", w.Posts, run)
	}
}

// TestARuleSeesWhoIsolatedTheMachine asks a rule about each owner.
func TestARuleSeesWhoIsolatedTheMachine(t *testing.T) {
	t.Parallel()
	const source = `version: 1
mode: enforce
rules:
  - {name: free, on: alert, when: machine.isolatedBy == "" && !machine.isolated, do: [mail: {}]}
  - {name: cordon, on: alert, when: machine.isolatedBy == "cordon", do: [mail: {}]}
  - {name: person, on: alert, when: machine.isolatedBy == "person", do: [mail: {}]}
  - {name: automatic, on: alert, when: machine.isolatedBy == "automatic", do: [mail: {}]}
  - {name: unknown, on: alert, when: machine.isolatedBy == "unknown" && machine.isolated, do: [mail: {}]}
`
	for want, c := range map[string]struct {
		requestor, comment, source string
		age                        time.Duration
	}{
		"free": {"alice@contoso.com", "by hand", "Portal", world.Lift},
		"cordon": {
			"3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4", "[cordon da0:v1 e1] why", "PublicApi", world.Lift - time.Minute,
		},
		"person":    {"alice@contoso.com", "by hand", "Portal", time.Minute},
		"automatic": {"", "", "", world.Day - time.Minute},
		"unknown":   {"Another app", "why", "PublicApi", time.Minute},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := world.NewWorldWith(t, source)
			w.ByOthers(machine.Isolate, c.requestor, c.comment)
			w.Actions[0].RequestSource = c.source
			w.Advance(c.age)
			w.AlertOn("da1", "m1", alert.High)
			w.Drain(w.Start(-1, false), 3)
			if run := w.Run("da1", 1); run.Rule != want {
				t.Errorf("rule %s", run.Rule)
			}
		})
	}
}

// TestAdoptionKilledAnywhere kills the process at every call on the way from the message to the joined isolation.
func TestAdoptionKilledAnywhere(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w := world.New(t)
			p := w.Start(-1, false)
			w.ByOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.Advance(10 * time.Minute)
			w.AlertOn("da1", "m1", alert.High)
			w.AlertOn("da2", "m1", alert.High)
			mortal := w.Start(points, mute)
			w.Work(mortal)
			_ = mortal.Follower.Follow(context.Background())
			if killed = mortal.Died(); killed {
				w.Advance(3 * time.Minute)
			}
			w.Work(p)
			w.Follow(p)
			w.Work(p)
			for _, id := range []string{"da1", "da2"} {
				if run := w.Run(id, 1); run.Outcome != "isolated" || run.State != runs.Closed {
					t.Errorf("killed at %d (answer lost %v): %+v", points, mute, run)
				}
			}
			if l := w.LatchOn(p); w.Posts != 0 || l.State != latches.Achieved || l.By() != machine.ByPerson ||
				w.Kinds() != "isolated, isolated" || w.OpenEpisodes(p) != 1 {
				t.Errorf("killed at %d (answer lost %v): %d requests, told %s, %+v", points, mute, w.Posts, w.Kinds(),
					l)
			}
		}
		t.Logf("answer lost %v: %d kill points", mute, points-1)
		if points < 20 {
			t.Errorf("only %d kill points", points)
		}
	}
}
