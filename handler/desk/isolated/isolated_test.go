package isolated_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk/isolated"
	"cordon/handler/internal/world"
	"cordon/handler/isolation"
	"cordon/handler/machine"
	"cordon/local/tables"
)

// TestIsolationsHoldTheLedgerAgainstTheAPI has a machine of every kind.
func TestIsolationsHoldTheLedgerAgainstTheAPI(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for _, id := range []string{"isolated", "requested", "released", "releasing"} {
		w.AlertOn("da-"+id, id, alert.High)
	}
	w.Drain(p, 10)
	act := func(kind machine.ActionType, id string, status machine.ActionStatus) {
		w.Advance(time.Minute)
		w.Mu.Lock()
		defer w.Mu.Unlock()
		a := w.Add(kind, id, "by hand", "", "alice")
		if status.Final() {
			w.Finish(a.ID, status)
		}
	}
	w.Mu.Lock()
	for _, a := range w.Actions {
		if a.MachineID != "requested" {
			w.Finish(a.ID, machine.Succeeded)
		}
	}
	w.Mu.Unlock()
	w.Follow(p)
	act(machine.Unisolate, "released", machine.Succeeded)
	act(machine.Unisolate, "releasing", machine.Pending)
	act(machine.Isolate, "elsewhere", machine.Succeeded)
	act(machine.Isolate, "soon", machine.Pending)
	act(machine.Isolate, "failed", machine.Failed)
	act(machine.Isolate, "gone", machine.Succeeded)
	act(machine.Unisolate, "gone", machine.Succeeded)

	all, err := isolated.Machines(t.Context(), p.Ledger.Latches, p, w.Clock(), world.Lift)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, i := range all {
		got[i.MachineID] = fmt.Sprintf("%s: %s | %s | %s", i.State, i.Ledger, i.API, i.Drift)
		if releasable := i.MachineID == "isolated" || i.MachineID == "elsewhere"; i.Isolated() != releasable {
			t.Errorf("%s: can be released: %v", i.MachineID, i.Isolated())
		}
	}
	want := map[string]string{
		"isolated":  "isolated: isolated | isolated | ",
		"requested": "isolation requested: isolation requested | isolation requested | ",
		"released":  "released: isolated | not isolated | released by alice; the next follow records it",
		"releasing": "release requested: isolated | release requested | ",
		"elsewhere": "isolated: not isolated | isolated | not by Cordon",
		"soon":      "isolation requested: not isolated | isolation requested | not by Cordon",
	}
	if len(got) != len(want) {
		t.Errorf("%d machines: %v", len(got), got)
	}
	for id, line := range want {
		if got[id] != line {
			t.Errorf("%s: %q, want %q", id, got[id], line)
		}
	}
}

// TestOnlyWhatIsIsolatedAndNotReleasedIsReleasable has machines that cannot be released now.
func TestOnlyWhatIsIsolatedAndNotReleasedIsReleasable(t *testing.T) {
	t.Parallel()
	for want, i := range map[string]isolated.Isolation{
		"": {MachineID: "id1", API: isolation.Isolated},
		"a release of pc4 is under way already (Pending)": {
			MachineName: "pc4",
			API:         isolation.Releasing,
			Release:     machine.Pending,
		},
		"id5 is not isolated yet: action a5 is under way; cancel it with cordon cancel, " +
			"or release the machine when it is done": {MachineID: "id5", API: isolation.Requested, ActionID: "a5"},
	} {
		if got := i.Obstacle(); got != want {
			t.Errorf("%+v: %q, want %q", i, got, want)
		}
	}
}

// TestWhatWasIsolatedOnceCostsNoCall has many machines that were isolated and released, by whomever, or lifted.
func TestWhatWasIsolatedOnceCostsNoCall(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	add := func(kind machine.ActionType, id, by string) {
		a := w.Add(kind, id, "by hand", "", by)
		w.Finish(a.ID, machine.Succeeded)
	}
	w.Mu.Lock()
	for i := range 50 {
		add(machine.Isolate, fmt.Sprintf("lifted-%d", i), "alice")
		add(machine.Isolate, fmt.Sprintf("released-%d", i), "")
	}
	w.Mu.Unlock()
	w.Advance(world.Lift + time.Hour)
	w.Mu.Lock()
	for i := range 50 {
		add(machine.Unisolate, fmt.Sprintf("released-%d", i), "alice")
	}
	add(machine.Isolate, "now", "")
	w.Mu.Unlock()
	var calls atomic.Int64
	w.Tables.SetFault(func(*http.Request) *tables.Fault {
		calls.Add(1)
		return nil
	})
	all, err := isolated.Machines(t.Context(), p.Ledger.Latches, p, w.Clock(), world.Lift)
	if err != nil || len(all) != 1 || all[0].MachineID != "now" || calls.Load() > 2 {
		t.Errorf("%d calls: %+v, %v", calls.Load(), all, err)
	}
}
