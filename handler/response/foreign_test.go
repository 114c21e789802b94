package response

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// byOthers is an action of somebody else on m1 that Succeeded now.
func (w *world) byOthers(kind machine.ActionType, requestor, comment string) machine.Action {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.add(kind, "m1", comment, machine.Full, "Portal")
	w.actions[len(w.actions)-1].Requestor = requestor
	return w.finish(a.ID, machine.Succeeded)
}

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
			w := newWorld(t)
			p := w.start(-1, false)
			a := w.byOthers(machine.Isolate, c.requestor, c.comment)
			w.advance(10 * time.Minute)
			w.alertOn("da1", "m1", alert.High)
			w.drain(p, 3)
			l := w.latchOn(p)
			if w.posts != 0 || l.State != ledger.Achieved || l.ActionID != a.ID || !l.Adopted || l.By() != owner || !l.AchievedAt.Equal(a.Updated) {
				t.Fatalf("%d requests, %+v", w.posts, l)
			}
			if run := w.run("da1", 1); run.Outcome != "isolated" || !strings.Contains(run.Reason, c.told) {
				t.Errorf("%+v", run)
			}
			if e := w.order[0]; w.kinds() != "isolated" || !strings.Contains(e.Detail, c.told) || !strings.Contains(e.Detail, "Defender lifts it by itself at") {
				t.Errorf("told %s: %q", w.kinds(), e.Detail)
			}
			// It lasts as long as such an isolation does, from when it was done.
			lasts := lift
			if owner == machine.ByAutomatic {
				lasts = machine.AutomaticLasts
			}
			w.pass(p, lasts-10*time.Minute-time.Hour, time.Hour)
			if l := w.latchOn(p); l.State != ledger.Achieved || !strings.Contains(w.kinds(), "lifts soon") {
				t.Errorf("before the lift told %s, %+v", w.kinds(), l)
			}
			w.pass(p, 2*time.Hour, time.Hour)
			if l := w.latchOn(p); l.State != ledger.Ended || l.LiftedAt.IsZero() {
				t.Errorf("after the lift %+v", l)
			}
			w.drain(p, 3)
			if asked := w.posts > 0; asked != (owner == machine.ByAutomatic) {
				t.Errorf("after the lift %d requests: only the alert that came within the stale limit before it is decided again: %+v", w.posts, w.run("da1", 1))
			}
		})
	}
}

// TestAnIsolationByOthersThatEndsIsFollowed has the person who isolated the machine release it.
func TestAnIsolationByOthersThatEndsIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.byOthers(machine.Isolate, "alice@contoso.com", "by hand")
	w.advance(10 * time.Minute)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.advance(time.Hour)
	w.follow(p)
	w.byOthers(machine.Unisolate, "alice@contoso.com", "clean")
	w.advance(time.Minute)
	w.follow(p)
	if told := w.kinds(); told != "isolated, released" || w.openEpisodes(p) != 0 {
		t.Fatalf("told %s, %d open episodes", told, w.openEpisodes(p))
	}
	w.advance(time.Minute)
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 3)
	if w.posts != 1 || w.latchOn(p).By() != machine.ByCordon {
		t.Errorf("a new alert makes %d requests, %+v", w.posts, w.latchOn(p))
	}
}

// TestWhatOthersDidBeforeAndIsOverIsNotJoined has the isolation of somebody else released, lifted, failed or of another machine.
func TestWhatOthersDidBeforeAndIsOverIsNotJoined(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(w *world){
		"released": func(w *world) {
			w.byOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.advance(time.Minute)
			w.byOthers(machine.Unisolate, "alice@contoso.com", "clean")
		},
		"lifted": func(w *world) { w.byOthers(machine.Isolate, "alice@contoso.com", "by hand"); w.advance(lift) },
		"failed": func(w *world) {
			w.byOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.actions[0].Status = machine.Failed
		},
		"another machine": func(w *world) {
			w.byOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.actions[0].MachineID = "m2"
		},
		"automatic, a day ago": func(w *world) { w.byOthers(machine.Isolate, "", ""); w.advance(day) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before(w)
			w.advance(time.Minute)
			w.alertOn("da1", "m1", alert.High)
			w.drain(w.start(-1, false), 3)
			if w.posts != 1 {
				t.Errorf("%d requests", w.posts)
			}
		})
	}
}

// TestLookingForIsolationsByOthersIsOneListForAll has many machines, each with an alert.
func TestLookingForIsolationsByOthersIsOneListForAll(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, strings.Replace(isolateHigh, "perHour: 5, perDay: 9", "perHour: 500, perDay: 900", 1))
	p := w.start(-1, false)
	lists := 0
	p.responder.API = &counting{API: p, lists: &lists}
	for i := range 40 {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.drain(p, 50)
	if w.posts != 40 || lists != 1 {
		t.Errorf("%d requests, %d lists", w.posts, lists)
	}
}

// TestARuleReleasesNothingThatIsNotCordons has an isolation by a person, joined by an alert that a person then finds harmless.
func TestARuleReleasesNothingThatIsNotCordons(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, releaseBenign)
	p := w.start(-1, false)
	w.byOthers(machine.Isolate, "alice@contoso.com", "by hand")
	w.advance(10 * time.Minute)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.advance(10 * time.Minute)
	w.editAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	w.drain(p, 5)
	if run := w.run("da1", 2); w.posts != 0 || run.Outcome != "skipped" || !strings.Contains(run.Reason, "somebody else's") {
		t.Errorf("%d requests, %+v", w.posts, run)
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
		"free":      {"alice@contoso.com", "by hand", "Portal", lift},
		"cordon":    {"3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4", "[cordon da0:v1 e1] why", "PublicApi", lift - time.Minute},
		"person":    {"alice@contoso.com", "by hand", "Portal", time.Minute},
		"automatic": {"", "", "", day - time.Minute},
		"unknown":   {"Another app", "why", "PublicApi", time.Minute},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, source)
			w.byOthers(machine.Isolate, c.requestor, c.comment)
			w.actions[0].RequestSource = c.source
			w.advance(c.age)
			w.alertOn("da1", "m1", alert.High)
			w.drain(w.start(-1, false), 3)
			if run := w.run("da1", 1); run.Rule != want {
				t.Errorf("rule %s", run.Rule)
			}
		})
	}
}

// TestAdoptionKilledAnywhere kills the process at every call on the way from the message to the joined isolation.
func TestAdoptionKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w := newWorld(t)
			p := w.start(-1, false)
			w.byOthers(machine.Isolate, "alice@contoso.com", "by hand")
			w.advance(10 * time.Minute)
			w.alertOn("da1", "m1", alert.High)
			w.alertOn("da2", "m1", alert.High)
			mortal := w.start(points, mute)
			w.work(mortal)
			_ = mortal.follower.Follow(context.Background())
			if killed = mortal.died(); killed {
				w.advance(3 * time.Minute)
			}
			w.work(p)
			w.follow(p)
			w.work(p)
			for _, id := range []string{"da1", "da2"} {
				if run := w.run(id, 1); run.Outcome != "isolated" || run.State != ledger.Closed {
					t.Errorf("killed at %d (answer lost %v): %+v", points, mute, run)
				}
			}
			if l := w.latchOn(p); w.posts != 0 || l.State != ledger.Achieved || l.By() != machine.ByPerson || w.kinds() != "isolated, isolated" || w.openEpisodes(p) != 1 {
				t.Errorf("killed at %d (answer lost %v): %d requests, told %s, %+v", points, mute, w.posts, w.kinds(), l)
			}
		}
		t.Logf("answer lost %v: %d kill points", mute, points-1)
		if points < 20 {
			t.Errorf("only %d kill points", points)
		}
	}
}
