package response

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/playbook/read"
)

// huntWorld is a world whose playbook has a rule for a hunt.
func huntWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	rule := `  - name: tools
    on: hunt
    when: hunt.name == "tools" && hunt.row.FileName == "anydesk.exe"
    do:
      - isolate: { type: Full }
      - mail: {}
protect:`
	book, err := read.Load("test.yaml", []byte(strings.Replace(isolateHigh, "protect:", rule, 1)))
	if err != nil {
		t.Fatal(err)
	}
	w.book = book
	for _, id := range []string{"m1", "m2"} {
		w.machines[id] = machine.Machine{ID: id, ComputerDNSName: id + ".example.com", OSPlatform: "Windows11"}
	}
	m := w.machines["m2"]
	m.Tags = []string{"never-isolate"}
	w.machines["m2"] = m
	return w
}

// find records a finding and gives the message about it.
func (w *world) find(p *process, digest, machineID, file string) alert.Message {
	w.t.Helper()
	f := ledger.Finding{ID: ledger.FindingID("tools", digest), Hunt: "tools", Severity: "High", MachineID: machineID, FoundAt: w.clock()}
	if err := f.SetRow(map[string]string{"DeviceId": machineID, "FileName": file}); err != nil {
		w.t.Fatal(err)
	}
	if err := p.ledger.Prepare(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	o, err := p.ledger.ObserveFinding(w.t.Context(), f, w.clock())
	if err != nil {
		w.t.Fatal(err)
	}
	return alert.Message{Tenant: tenant, AlertID: f.ID, Version: o.Run.Version, Reason: "hunt", ObservedAt: w.clock()}
}

func TestAFindingIsAnsweredLikeAnAlertBehindTheSameRails(t *testing.T) {
	t.Parallel()
	w := huntWorld(t)
	p := w.start(-1, false)
	for _, tt := range []struct{ digest, machineID, file, outcome string }{
		{"0a", "m1", "anydesk.exe", ""}, {"0b", "m2", "anydesk.exe", "held"}, {"0c", "m1", "notepad.exe", "no rule"}, {"0d", "m9", "anydesk.exe", ""},
	} {
		m := w.find(p, tt.digest, tt.machineID, tt.file)
		if err := p.responder.Respond(t.Context(), m.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		if run := w.run(m.AlertID, 1); run.Outcome != tt.outcome {
			t.Errorf("%+v: the run is %+v", tt, run)
		}
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if run := w.run(ledger.FindingID("tools", "0a"), 1); run.Outcome != "isolated" || w.isolations("m1") != 1 || w.isolations("m2") != 0 {
		t.Errorf("%+v, %d and %d isolations", run, w.isolations("m1"), w.isolations("m2"))
	}
	if told := w.kinds(); !strings.Contains(told, "isolated") || !strings.Contains(told, "held") {
		t.Errorf("told %q", told)
	}
}

func TestAHuntMessageWithoutItsFindingIsRefused(t *testing.T) {
	t.Parallel()
	w := huntWorld(t)
	w.alertOn("da1", "m1", alert.High)
	p := w.start(-1, false)
	real := w.find(p, "0a", "m1", "notepad.exe")
	forged := []alert.Message{
		{AlertID: "hunt:tools:0b", Version: 1, Reason: "hunt"},
		{AlertID: "hunt:tools:0b"},
		{AlertID: "hunt:other:0a", Version: 1, Reason: "retry", Attempt: 3},
		{AlertID: "hunt:", Reason: "hunt"},
		{AlertID: "da1", Version: 1, Reason: "hunt"},
	}
	for _, m := range forged {
		a, _ := alert.Snapshot(alert.Alert{ID: m.AlertID, Severity: alert.High, MachineID: "m1", Created: w.clock(), Updated: w.clock()})
		m.Alert = a
		var undecodable *alert.UndecodableError
		if err := p.responder.Respond(t.Context(), m.Encode(), 1); !errors.As(err, &undecodable) {
			t.Errorf("%+v: %v", m, err)
		}
	}
	// A real finding with a snapshot that says otherwise, and a version that there is not.
	real.Alert, _ = alert.Snapshot(alert.Alert{ID: real.AlertID, Severity: alert.High, MachineID: "m2", Created: w.clock()})
	real.Version = 7
	if err := p.responder.Respond(t.Context(), real.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.run(real.AlertID, 1); run.Outcome != "no rule" || w.posts != 0 {
		t.Errorf("%+v, %d requests", run, w.posts)
	}
}

func TestARowThatIsFoundAgainIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	w := huntWorld(t)
	p := w.start(-1, false)
	first := w.find(p, "0a", "m1", "notepad.exe")
	w.advance(48 * time.Hour)
	second := w.find(p, "0a", "m1", "anydesk.exe")
	for _, m := range []alert.Message{first, second} {
		if err := p.responder.Respond(context.Background(), m.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if one, two := w.run(first.AlertID, 1), w.run(first.AlertID, 2); one.Outcome != "superseded" || two.Rule != "tools" || w.isolations("m1") != 1 {
		t.Error(fmt.Sprintf("%+v\n%+v", one, two), w.isolations("m1"))
	}
}
