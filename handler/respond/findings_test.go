package respond_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/playbook/read"
)

// huntWorld is a world whose playbook has a rule for a hunt.
func huntWorld(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t)
	rule := `  - name: tools
    on: hunt
    when: hunt.name == "tools" && hunt.row.FileName == "anydesk.exe"
    do:
      - isolate: { type: Full }
      - mail: {}
protect:`
	book, err := read.Load("test.yaml", []byte(strings.Replace(world.IsolateHigh, "protect:", rule, 1)))
	if err != nil {
		t.Fatal(err)
	}
	w.Book = book
	for _, id := range []string{"m1", "m2"} {
		w.Machines[id] = machine.Machine{ID: id, ComputerDNSName: id + ".example.com", OSPlatform: "Windows11"}
	}
	m := w.Machines["m2"]
	m.Tags = []string{"never-isolate"}
	w.Machines["m2"] = m
	return w
}

func TestAFindingIsAnsweredLikeAnAlertBehindTheSameRails(t *testing.T) {
	t.Parallel()
	w := huntWorld(t)
	p := w.Start(-1, false)
	for _, tt := range []struct{ digest, machineID, file, outcome string }{
		{"0a", "m1", "anydesk.exe", ""}, {"0b", "m2", "anydesk.exe", "held"}, {"0c", "m1", "notepad.exe", "no rule"},
		{"0d", "m9", "anydesk.exe", ""},
	} {
		m := w.Find(p, tt.digest, tt.machineID, tt.file)
		if err := p.Responder.Respond(t.Context(), m.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		if run := w.Run(m.AlertID, 1); run.Outcome != tt.outcome {
			t.Errorf("%+v: the run is %+v", tt, run)
		}
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if run := w.Run(alert.FindingID("tools", "0a"), 1); run.Outcome != "isolated" || w.Isolations("m1") != 1 ||
		w.Isolations("m2") != 0 {
		t.Errorf("%+v, %d and %d isolations", run, w.Isolations("m1"), w.Isolations("m2"))
	}
	if told := w.Kinds(); !strings.Contains(told, "isolated") || !strings.Contains(told, "held") {
		t.Errorf("told %q", told)
	}
}

func TestAHuntMessageWithoutItsFindingIsRefused(t *testing.T) {
	t.Parallel()
	w := huntWorld(t)
	w.AlertOn("da1", "m1", alert.High)
	p := w.Start(-1, false)
	real := w.Find(p, "0a", "m1", "notepad.exe")
	forged := []alert.Message{
		{AlertID: "hunt:tools:0b", Version: 1, Reason: "hunt"},
		{AlertID: "hunt:tools:0b"},
		{AlertID: "hunt:other:0a", Version: 1, Reason: "retry", Attempt: 3},
		{AlertID: "hunt:", Reason: "hunt"},
		{AlertID: "da1", Version: 1, Reason: "hunt"},
	}
	for _, m := range forged {
		a, _ := alert.Snapshot(alert.Alert{
			ID:        m.AlertID,
			Severity:  alert.High,
			MachineID: "m1",
			Created:   w.Clock(),
			Updated:   w.Clock(),
		})
		m.Alert = a
		var undecodable *alert.UndecodableError
		if err := p.Responder.Respond(t.Context(), m.Encode(), 1); !errors.As(err, &undecodable) {
			t.Errorf("%+v: %v", m, err)
		}
	}
	// A real finding with a snapshot that says otherwise, and a version that there is not.
	real.Alert, _ = alert.Snapshot(alert.Alert{
		ID:        real.AlertID,
		Severity:  alert.High,
		MachineID: "m2",
		Created:   w.Clock(),
	})
	real.Version = 7
	if err := p.Responder.Respond(t.Context(), real.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.Run(real.AlertID, 1); run.Outcome != "no rule" || w.Posts != 0 {
		t.Errorf("%+v, %d requests", run, w.Posts)
	}
}

func TestARowThatIsFoundAgainIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	w := huntWorld(t)
	p := w.Start(-1, false)
	first := w.Find(p, "0a", "m1", "notepad.exe")
	w.Advance(48 * time.Hour)
	second := w.Find(p, "0a", "m1", "anydesk.exe")
	for _, m := range []alert.Message{first, second} {
		if err := p.Responder.Respond(context.Background(), m.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if one, two := w.Run(first.AlertID, 1), w.Run(first.AlertID, 2); one.Outcome != "superseded" ||
		two.Rule != "tools" || w.Isolations("m1") != 1 {
		t.Error(fmt.Sprintf("%+v\n%+v", one, two), w.Isolations("m1"))
	}
}
