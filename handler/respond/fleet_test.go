package respond_test

import (
	"fmt"
	"sync"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
)

// TestFleetOfLookAlikes has 1,000 machines whose names and ids are nearly or altogether those of others, an alert on
// each, and four processes. One in ten of the alerts asks for every step: its machine has them, and no other is
// touched.
func TestFleetOfLookAlikes(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.NewWorldWith(t,
		everyStep+"limits:\n  isolate: {perHour: 1000, perDay: 1000}\n  scan: {perHour: 1000, perDay: 1000}\n"+
			"  restrictApps: {perHour: 1000, perDay: 1000}\n  collectPackage: {perHour: 1000, perDay: 1000}\n")
	const machines = 1000
	wanted := map[string]bool{}
	for i := range machines {
		// Ids differ in a digit or in where it stands, names by their case, their domain or not at all.
		id := fmt.Sprintf("4c1f7a90be2d35689f00d1e2a7b3c4558d6e%04x", i)
		name := []string{
			"fin-lt-0147.corp.contoso.com", "FIN-LT-0147.corp.contoso.com", "fin-lt-0147",
			"fin-lt-0147.lab.contoso.com", "fin-lt-147.corp.contoso.com",
		}[i%5]
		w.Machines[id] = machine.Machine{ID: id, ComputerDNSName: name, OSPlatform: "Windows11", AADDeviceID: "same"}
		category := "none"
		if i%10 == i/100 {
			category, wanted[id] = "all", true
		}
		w.Change(alert.Alert{
			ID:              fmt.Sprintf("da%d", i),
			MachineID:       id,
			ComputerDNSName: name,
			Category:        category,
			Severity:        alert.High,
			Status:          alert.StatusNew,
			Title:           "t",
			Created:         w.Clock(),
			Updated:         w.Clock(),
		})
	}
	var group sync.WaitGroup
	for range 4 {
		p := w.Start(-1, false)
		group.Go(func() {
			for m, more := w.Take(); more; m, more = w.Take() {
				if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	p := w.Start(-1, false)
	w.Drain(p, machines)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	did := map[string]int{}
	for _, a := range w.Actions {
		did[a.MachineID]++
	}
	wrong := 0
	for id, m := range w.Machines {
		steps := did[id] + len(m.Tags)
		if wanted[id] && steps != 5 || !wanted[id] && steps != 0 {
			wrong++
			t.Errorf("%s, wanted %v: %d actions, tags %q", id, wanted[id], did[id], m.Tags)
		}
	}
	for i := range machines {
		run := w.Run(fmt.Sprintf("da%d", i), 1)
		if isWanted := wanted[run.MachineID]; isWanted != (run.Outcome == "scanned, collected, restricted, "+
			"isolated, tagged, updated") || !isWanted && run.Outcome != "no rule" {
			t.Errorf("run %+v", run)
		}
	}
	t.Logf("%d machines, %d wanted, %d wrong", machines, len(wanted), wrong)
}
