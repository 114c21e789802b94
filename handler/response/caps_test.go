package response

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/machine"
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

			desk, _ := w.desk()
			states, err := desk.List(t.Context())
			if err != nil || len(states) != alerts-limit {
				t.Fatalf("%d are listed, %v", len(states), err)
			}
			chosen := map[string]bool{}
			for _, s := range states[len(states)-2:] {
				chosen[s.MachineID] = true
				if err := desk.Continue(t.Context(), s.Held, "alice", "the outbreak is real"); err != nil {
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
