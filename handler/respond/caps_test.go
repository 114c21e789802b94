package respond_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/budget"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
	"cordon/handler/respond"
)

// TestRunawayRuleMeetsItsCap has 500 High alerts on as many machines at once, 20 of them protected, a cap of five, and
// one process or four. A person then continues with two.
func TestRunawayRuleMeetsItsCap(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, processes := range []int{1, 4} {
		t.Run(fmt.Sprint(processes, " processes"), func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			const alerts, protected, limit = 500, 20, 5
			for i := range alerts {
				id := fmt.Sprintf("m%d", i)
				w.AlertOn(fmt.Sprintf("da%d", i), id, alert.High)
				if i%(alerts/protected) == 0 {
					w.Machines[id] = machine.Machine{
						ID:              id,
						ComputerDNSName: id,
						OSPlatform:      "Windows11",
						Tags:            []string{"never-isolate"},
					}
					w.Queue[i].Message.Machine = nil // the snapshot is older than the tag
				}
			}
			var group sync.WaitGroup
			var last *world.Process
			for range processes {
				p := w.Start(-1, false)
				last = p
				group.Go(func() {
					for m, more := w.Take(); more; m, more = w.Take() {
						if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			w.Drain(last, alerts) // what one process sent itself after the others had run dry
			w.FinishAll(machine.Succeeded)
			w.Follow(last)
			outcomes := map[string]int{}
			for i := range alerts {
				run := w.Run(fmt.Sprintf("da%d", i), 1)
				outcomes[run.Outcome]++
				if isProtected := i%(alerts/protected) == 0; isProtected &&
					(run.Outcome != "held" || !strings.Contains(run.Reason, "protected")) {
					t.Errorf("da%d on a protected machine is %s: %s", i, run.Outcome, run.Reason)
				}
			}
			if w.Posts != limit || outcomes["isolated"] != limit || outcomes["held"] != alerts-limit ||
				strings.Count(w.Kinds(), "cap reached") != 1 {
				t.Errorf("%d requests, %v, told %d times that the cap is reached", w.Posts, outcomes,
					strings.Count(w.Kinds(), "cap reached"))
			}

			d, _ := w.Desk()
			states, err := d.List(t.Context())
			if err != nil || len(states) != alerts-limit {
				t.Fatalf("%d are listed, %v", len(states), err)
			}
			chosen := map[string]bool{}
			for _, s := range states[len(states)-2:] {
				chosen[s.MachineID] = true
				if err := d.Continue(t.Context(), s.Entry, world.Says("alice", "the outbreak is real")); err != nil {
					t.Fatal(err)
				}
			}
			w.Drain(last, 20)
			for _, a := range w.Actions[limit:] {
				if !chosen[a.MachineID] {
					t.Errorf("%s was isolated, and nobody chose it", a.MachineID)
				}
			}
			if w.Posts != limit+2 {
				t.Errorf("%d requests after two were continued", w.Posts)
			}
		})
	}
}

// TestCapOfARuleIsItsOwn has two rules, of which one may isolate one machine an hour.
func TestCapOfARuleIsItsOwn(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t,
		strings.Replace(world.IsolateHigh, "perHour: 5, perDay: 9", "perHour: 5, perDay: 9, perRule: {perHour: 1}", 1))
	p := w.Start(-1, false)
	for i := range 3 {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.Drain(p, 10)
	if run := w.Run("da1", 1); w.Posts != 1 ||
		!strings.Contains(run.Reason, "1 of at most 1 an hour are taken for rule contain-high-severity") {
		t.Errorf("%d requests; %s", w.Posts, run.Reason)
	}
	if got := w.Book.Limits().Of(playbook.Isolate).PerRule; got != (playbook.Rate{PerHour: 1}) {
		t.Errorf("%+v", got)
	}
}

// TestAMachineWhoseIsolationKeepsFailingLeavesRoomForOthers has seven alerts on one machine, each asked for three
// times in vain, under a cap of five an hour, while and after which five other machines are isolated.
func TestAMachineWhoseIsolationKeepsFailingLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	for _, status := range []machine.ActionStatus{machine.Failed, machine.TimeOut, machine.Cancelled} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start(-1, false)
			for i := range 7 {
				w.AlertOn(fmt.Sprintf("bad%d", i), "m0", alert.High)
				for range 4 {
					w.Drain(p, 50)
					w.FinishAll(status)
					w.Follow(p)
				}
			}
			w.Drain(p, 50)
			if tries := w.Isolations("m0"); tries < 7 || strings.Contains(w.Kinds(), "cap reached") {
				t.Errorf("%d tries; told %q", tries, w.Kinds())
			}
			for i := range 5 {
				w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i+1), alert.High)
			}
			w.Drain(p, 50)
			w.FinishAll(machine.Succeeded)
			w.Follow(p)
			for i := range 5 {
				if run := w.Run(fmt.Sprintf("da%d", i), 1); run.Outcome != "isolated" {
					t.Errorf("da%d: %s, %s", i, run.Outcome, run.Reason)
				}
			}
		})
	}
}

// TestAMachineHasACapOfItsOwn isolates and releases one machine until its own cap holds the next; another is not held.
func TestAMachineHasACapOfItsOwn(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for i := range 4 {
		w.AlertOn(fmt.Sprintf("da%d", i), "m1", alert.High)
		w.Drain(p, 20)
		w.FinishAll(machine.Succeeded)
		w.Follow(p)
		w.Advance(time.Minute)
		w.Mu.Lock()
		w.Add(machine.Unisolate, "m1", "by hand", machine.Full, "Portal")
		w.Mu.Unlock()
		w.FinishAll(machine.Succeeded)
		w.Follow(p)
		w.Advance(time.Minute)
	}
	w.AlertOn("other", "m2", alert.High)
	w.Drain(p, 20)
	held := w.Run("da3", 1)
	if held.Outcome != "held" || !strings.Contains(held.Reason, "3 of at most 3 a day are taken for this machine") ||
		w.Isolations("m1") != 3 || w.Isolations("m2") != 1 {
		t.Errorf("%d and %d isolations; %s: %s", w.Isolations("m1"), w.Isolations("m2"), held.Outcome, held.Reason)
	}
}

// TestWhatNeverRanTakesNoPlace has the API refuse an isolation in every way that is certain, then lets a process be
// killed at every call on the way, and asks for all the room to be there in the end.
func TestWhatNeverRanTakesNoPlace(t *testing.T) {
	long.Test(t)
	t.Parallel()
	full := strings.Replace(world.IsolateHigh, "perHour: 5, perDay: 9", "perHour: 1, perDay: 9", 1)
	for _, trouble := range []machine.Trouble{
		machine.Denied, machine.Refused, machine.Unsupported, machine.NotFound, machine.Transient,
	} {
		w := world.NewWorldWith(t, full)
		p := w.Start(-1, false)
		w.AlertOn("da1", "m1", alert.High)
		w.OnPost = func() error { return &world.APIError{Kind: trouble, Text: trouble.String()} }
		for range 5 {
			if m, more := w.Take(); more {
				if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if slot := w.RoomFor(p, "m2"); slot != (budget.Slot{}) || w.Posts != 0 {
			t.Errorf("%s: %+v", trouble, slot)
		}
	}
	points := 0
	for killed := true; killed; points++ {
		w := world.NewWorldWith(t, full)
		w.AlertOn("da1", "m1", alert.High)
		mortal := w.Start(points, points%2 == 0)
		for range 2 { // tries in vain, by the mortal process for as long as it lives
			w.Work(mortal)
			w.FinishAll(machine.Failed)
			_ = mortal.Follower.Follow(context.Background())
			if mortal.Died() {
				break
			}
		}
		killed = mortal.Died()
		w.Advance(3 * time.Minute)
		second := w.Start(-1, false)
		for range 4 {
			w.Work(second)
			w.FinishAll(machine.Failed)
			w.Follow(second)
			w.Advance(time.Minute)
		}
		if slot := w.RoomFor(second, "m2"); slot != (budget.Slot{}) {
			t.Errorf("killed at %d: %+v", points, slot)
		}
	}
	if points < 50 {
		t.Errorf("only %d kill points", points)
	}
}

// TestOneWrongClockNeitherOpensNorShutsACap has three processes, of which two have a clock that is hours away.
func TestOneWrongClockNeitherOpensNorShutsACap(t *testing.T) {
	t.Parallel()
	w := world.New(t) // five an hour
	var all []*world.Process
	for _, off := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour} {
		p := w.Start(-1, false)
		p.Change(func(options *respond.Options) {
			options.Now = func() time.Time { return w.Clock().Add(off) }
			options.SnapshotMaxAge = 24 * time.Hour // what an alert's age is has another clock
		})
		all = append(all, p)
	}
	n := 0
	raise := func(count int) {
		for range count {
			n++
			w.AlertOn(fmt.Sprintf("da%d", n), fmt.Sprintf("m%d", n), alert.High)
			for m, more := w.Take(); more; m, more = w.Take() {
				if err := all[n%3].Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	raise(9)
	if w.Posts != 5 {
		t.Errorf("%d isolations in an hour of at most 5", w.Posts)
	}
	trips, err := all[0].Ledger.Budget.Trips(t.Context(), w.Clock())
	if err != nil || len(trips) != 1 || trips[0].Over.After(w.Clock().Add(time.Hour)) ||
		len(w.ToldOf(notice.CapReached)) != 1 {
		t.Errorf("the cap is said to hold as %+v, told %d times, %v", trips, len(w.ToldOf(notice.CapReached)), err)
	}
	w.Advance(time.Hour + time.Minute)
	raise(3)
	if w.Posts != 8 {
		t.Errorf("%d isolations after an hour of room for 5", w.Posts-5)
	}
}
