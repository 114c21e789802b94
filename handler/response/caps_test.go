package response

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/playbook"
)

// TestRunawayRuleMeetsItsCap has 500 High alerts on as many machines at once, 20 of them protected, a cap of five, and one
// process or four. A person then continues with two.
func TestRunawayRuleMeetsItsCap(t *testing.T) {
	t.Parallel()
	for _, processes := range []int{1, 4} {
		t.Run(fmt.Sprint(processes, " processes"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			const alerts, protected, limit = 500, 20, 5
			for i := range alerts {
				id := fmt.Sprintf("m%d", i)
				w.alertOn(fmt.Sprintf("da%d", i), id, alert.High)
				if i%(alerts/protected) == 0 {
					w.machines[id] = machine.Machine{ID: id, ComputerDNSName: id, OSPlatform: "Windows11", Tags: []string{"never-isolate"}}
					w.queue[i].Message.Machine = nil // the snapshot is older than the tag
				}
			}
			var group sync.WaitGroup
			var last *process
			for range processes {
				p := w.start(-1, false)
				last = p
				group.Go(func() {
					for m, more := w.take(); more; m, more = w.take() {
						if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			w.drain(last, alerts) // what one process sent itself after the others had run dry
			w.finishAll(machine.Succeeded)
			w.follow(last)
			outcomes := map[string]int{}
			for i := range alerts {
				run := w.run(fmt.Sprintf("da%d", i), 1)
				outcomes[run.Outcome]++
				if isProtected := i%(alerts/protected) == 0; isProtected && (run.Outcome != "held" || !strings.Contains(run.Reason, "protected")) {
					t.Errorf("da%d on a protected machine is %s: %s", i, run.Outcome, run.Reason)
				}
			}
			if w.posts != limit || outcomes["isolated"] != limit || outcomes["held"] != alerts-limit || strings.Count(w.kinds(), "cap reached") != 1 {
				t.Errorf("%d requests, %v, told %d times that the cap is reached", w.posts, outcomes, strings.Count(w.kinds(), "cap reached"))
			}

			d, _ := w.desk()
			states, err := d.List(t.Context())
			if err != nil || len(states) != alerts-limit {
				t.Fatalf("%d are listed, %v", len(states), err)
			}
			chosen := map[string]bool{}
			for _, s := range states[len(states)-2:] {
				chosen[s.MachineID] = true
				if err := d.Continue(t.Context(), s.Held, "alice", "the outbreak is real"); err != nil {
					t.Fatal(err)
				}
			}
			w.drain(last, 20)
			for _, a := range w.actions[limit:] {
				if !chosen[a.MachineID] {
					t.Errorf("%s was isolated, and nobody chose it", a.MachineID)
				}
			}
			if w.posts != limit+2 {
				t.Errorf("%d requests after two were continued", w.posts)
			}
		})
	}
}

// TestCapOfARuleIsItsOwn has two rules, of which one may isolate one machine an hour.
func TestCapOfARuleIsItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, strings.Replace(isolateHigh, "perHour: 5, perDay: 9", "perHour: 5, perDay: 9, perRule: {perHour: 1}", 1))
	p := w.start(-1, false)
	for i := range 3 {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.drain(p, 10)
	if run := w.run("da1", 1); w.posts != 1 || !strings.Contains(run.Reason, "1 of at most 1 an hour are taken for rule contain-high-severity") {
		t.Errorf("%d requests; %s", w.posts, run.Reason)
	}
	if got := w.book.Limits().Of(playbook.Isolate).PerRule; got != (playbook.Rate{PerHour: 1}) {
		t.Errorf("%+v", got)
	}
}

// roomFor says what a machine would hear that were to be isolated now.
func (w *world) roomFor(p *process, machineID string) ledger.Slot {
	w.t.Helper()
	caps := w.book.Limits().Of(playbook.Isolate)
	slot, err := p.ledger.Reserve(context.Background(), ledger.Reservation{Action: "isolate", Key: machineID + ":probe", At: w.clock(), Cap: ledger.Rate(caps.Rate), Machine: machineID})
	if err == nil {
		err = p.ledger.GiveBack(context.Background(), "isolate", machineID+":probe")
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return slot
}

// TestAMachineWhoseIsolationKeepsFailingLeavesRoomForOthers has seven alerts on one machine, each asked for three times in
// vain, under a cap of five an hour, while and after which five other machines are isolated.
func TestAMachineWhoseIsolationKeepsFailingLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	for _, status := range []machine.ActionStatus{machine.Failed, machine.TimeOut, machine.Cancelled} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.start(-1, false)
			for i := range 7 {
				w.alertOn(fmt.Sprintf("bad%d", i), "m0", alert.High)
				for range 4 {
					w.drain(p, 50)
					w.finishAll(status)
					w.follow(p)
				}
			}
			w.drain(p, 50)
			if tries := w.isolations("m0"); tries < 7 || strings.Contains(w.kinds(), "cap reached") {
				t.Errorf("%d tries; told %q", tries, w.kinds())
			}
			for i := range 5 {
				w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i+1), alert.High)
			}
			w.drain(p, 50)
			w.finishAll(machine.Succeeded)
			w.follow(p)
			for i := range 5 {
				if run := w.run(fmt.Sprintf("da%d", i), 1); run.Outcome != "isolated" {
					t.Errorf("da%d: %s, %s", i, run.Outcome, run.Reason)
				}
			}
		})
	}
}

// TestAMachineHasACapOfItsOwn isolates and releases one machine until its own cap holds the next; another is not held.
func TestAMachineHasACapOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for i := range 4 {
		w.alertOn(fmt.Sprintf("da%d", i), "m1", alert.High)
		w.drain(p, 20)
		w.finishAll(machine.Succeeded)
		w.follow(p)
		w.advance(time.Minute)
		w.mu.Lock()
		w.add(machine.Unisolate, "m1", "by hand", machine.Full, "Portal")
		w.mu.Unlock()
		w.finishAll(machine.Succeeded)
		w.follow(p)
		w.advance(time.Minute)
	}
	w.alertOn("other", "m2", alert.High)
	w.drain(p, 20)
	held := w.run("da3", 1)
	if held.Outcome != "held" || !strings.Contains(held.Reason, "3 of at most 3 a day are taken for this machine") || w.isolations("m1") != 3 || w.isolations("m2") != 1 {
		t.Errorf("%d and %d isolations; %s: %s", w.isolations("m1"), w.isolations("m2"), held.Outcome, held.Reason)
	}
}

// TestWhatNeverRanTakesNoPlace has the API refuse an isolation in every way that is certain, then lets a process be killed
// at every call on the way, and asks for all the room to be there in the end.
func TestWhatNeverRanTakesNoPlace(t *testing.T) {
	t.Parallel()
	full := strings.Replace(isolateHigh, "perHour: 5, perDay: 9", "perHour: 1, perDay: 9", 1)
	for _, trouble := range []machine.Trouble{machine.Denied, machine.Refused, machine.Unsupported, machine.NotFound, machine.Transient} {
		w := newWorldWith(t, full)
		p := w.start(-1, false)
		w.alertOn("da1", "m1", alert.High)
		w.onPost = func() error { return &apiError{trouble: trouble, text: trouble.String()} }
		for range 5 {
			if m, more := w.take(); more {
				if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if slot := w.roomFor(p, "m2"); slot != (ledger.Slot{}) || w.posts != 0 {
			t.Errorf("%s: %+v", trouble, slot)
		}
	}
	points := 0
	for killed := true; killed; points++ {
		w := newWorldWith(t, full)
		w.alertOn("da1", "m1", alert.High)
		mortal := w.start(points, points%2 == 0)
		for range 2 { // tries in vain, by the mortal process for as long as it lives
			w.work(mortal)
			w.finishAll(machine.Failed)
			_ = mortal.follower.Follow(context.Background())
			if mortal.died() {
				break
			}
		}
		killed = mortal.died()
		w.advance(3 * time.Minute)
		second := w.start(-1, false)
		for range 4 {
			w.work(second)
			w.finishAll(machine.Failed)
			w.follow(second)
			w.advance(time.Minute)
		}
		if slot := w.roomFor(second, "m2"); slot != (ledger.Slot{}) {
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
	w := newWorld(t) // five an hour
	var all []*process
	for _, off := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour} {
		p := w.start(-1, false)
		p.responder.Now = func() time.Time { return w.clock().Add(off) }
		p.responder.SnapshotMaxAge = 24 * time.Hour // what an alert's age is has another clock
		all = append(all, p)
	}
	n := 0
	raise := func(count int) {
		for range count {
			n++
			w.alertOn(fmt.Sprintf("da%d", n), fmt.Sprintf("m%d", n), alert.High)
			for m, more := w.take(); more; m, more = w.take() {
				if err := all[n%3].responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	raise(9)
	if w.posts != 5 {
		t.Errorf("%d isolations in an hour of at most 5", w.posts)
	}
	trips, err := all[0].ledger.Trips(t.Context(), w.clock())
	if err != nil || len(trips) != 1 || trips[0].Over.After(w.clock().Add(time.Hour)) || len(w.toldOf(notice.CapReached)) != 1 {
		t.Errorf("the cap is said to hold as %+v, told %d times, %v", trips, len(w.toldOf(notice.CapReached)), err)
	}
	w.advance(time.Hour + time.Minute)
	raise(3)
	if w.posts != 8 {
		t.Errorf("%d isolations after an hour of room for 5", w.posts-5)
	}
}
