package respond_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
)

func TestWhatAlmostProtectsAMachineIsKept(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for i, tags := range [][]string{{"never_isolate"}, {"never-isolate"}, {"office"}, {"never_isolate"}} {
		id := string(rune('a' + i))
		w.Machines["m"+id] = machine.Machine{
			ID:              "m" + id,
			ComputerDNSName: "m" + id,
			OSPlatform:      "Windows11",
			Tags:            tags,
		}
		w.Alerts[id] = alert.Alert{ID: id, MachineID: "m" + id, Severity: alert.High, Created: w.Now, Updated: w.Now}
		if err := p.Responder.Respond(t.Context(), []byte(`{"alertId":"`+id+`"}`), 1); err != nil {
			t.Fatal(err)
		}
	}
	if w.Posts != 3 {
		t.Errorf("%d machines were isolated", w.Posts)
	}
	found, err := p.Ledger.Switches.Met(t.Context(), w.Clock())
	want := []switches.Met{{
		Fact:    "machineTags",
		Tag:     `"never_isolate"`,
		Like:    "never-isolate",
		Machine: "ma",
		At:      w.Clock(),
	}}
	if diff := cmp.Diff(want, found); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
