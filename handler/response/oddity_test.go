package response

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

func TestWhatAlmostProtectsAMachineIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for i, tags := range [][]string{{"never_isolate"}, {"never-isolate"}, {"office"}, {"never_isolate"}} {
		id := string(rune('a' + i))
		w.machines["m"+id] = machine.Machine{ID: "m" + id, ComputerDNSName: "m" + id, OSPlatform: "Windows11", Tags: tags}
		w.alerts[id] = alert.Alert{ID: id, MachineID: "m" + id, Severity: alert.High, Created: w.now, Updated: w.now}
		if err := p.responder.Respond(t.Context(), []byte(`{"alertId":"`+id+`"}`), 1); err != nil {
			t.Fatal(err)
		}
	}
	if w.posts != 3 {
		t.Errorf("%d machines were isolated", w.posts)
	}
	found, err := p.ledger.Met(t.Context(), w.clock())
	want := []ledger.Met{{Fact: "machineTags", Tag: `"never_isolate"`, Like: "never-isolate", Machine: "ma", At: w.clock()}}
	if diff := cmp.Diff(want, found); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
