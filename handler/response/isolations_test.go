package response

import (
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/machine"
)

// TestIsolationsHoldTheLedgerAgainstTheAPI has a machine of every kind.
func TestIsolationsHoldTheLedgerAgainstTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for _, id := range []string{"isolated", "requested", "released", "releasing"} {
		w.alertOn("da-"+id, id, alert.High)
	}
	w.drain(p, 10)
	act := func(kind machine.ActionType, id string, status machine.ActionStatus) {
		w.advance(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		a := w.add(kind, id, "by hand", "", "alice")
		if status.Final() {
			w.finish(a.ID, status)
		}
	}
	w.mu.Lock()
	for _, a := range w.actions {
		if a.MachineID != "requested" {
			w.finish(a.ID, machine.Succeeded)
		}
	}
	w.mu.Unlock()
	w.follow(p)
	act(machine.Unisolate, "released", machine.Succeeded)
	act(machine.Unisolate, "releasing", machine.Pending)
	act(machine.Isolate, "elsewhere", machine.Succeeded)
	act(machine.Isolate, "soon", machine.Pending)
	act(machine.Isolate, "failed", machine.Failed)
	act(machine.Isolate, "gone", machine.Succeeded)
	act(machine.Unisolate, "gone", machine.Succeeded)

	all, err := desk.Isolations(t.Context(), p.ledger, p, w.clock(), lift)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, i := range all {
		got[i.MachineID] = i.Ledger + " | " + i.API + " | " + i.Drift
		if releasable := i.MachineID == "isolated" || i.MachineID == "elsewhere"; i.Isolated() != releasable {
			t.Errorf("%s: can be released: %v", i.MachineID, i.Isolated())
		}
	}
	want := map[string]string{
		"isolated":  "isolated | isolated | ",
		"requested": "requested | being isolated | ",
		"released":  "isolated | not isolated | released by alice; the next follow records it",
		"releasing": "isolated | being released | ",
		"elsewhere": "not isolated | isolated | not by Cordon",
		"soon":      "not isolated | being isolated | not by Cordon",
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
