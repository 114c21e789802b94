package response

import (
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// protectedAlert puts an alert on a machine that was protected after it was seen, and answers it.
func (w *world) protectedAlert(p *process, id string, severity alert.Severity) {
	w.t.Helper()
	w.alertOn(id, "m1", severity)
	w.tag("never-isolate")
	w.queue[len(w.queue)-1].Message.Machine = nil
	w.drain(p, 5)
}

// tag gives m1 these tags and no others.
func (w *world) tag(tags ...string) { w.edit("m1", func(m *machine.Machine) { m.Tags = tags }) }

// edited changes an alert and answers the change.
func (w *world) edited(p *process, id string, change func(*alert.Alert)) {
	w.t.Helper()
	w.editAlert(id, change)
	w.drain(p, 20)
}

// TestALeaveThatANewVersionOvertakesIsTold has the alert change after a person let it go on and before its message is answered,
// and once more afterwards.
func TestALeaveThatANewVersionOvertakesIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.protectedAlert(p, "da1", alert.High)
	desk, _ := w.desk()
	if err := desk.Continue(t.Context(), w.heldOf("da1"), "alice", "go"); err != nil {
		t.Fatal(err)
	}
	w.edited(p, "da1", func(a *alert.Alert) { a.IncidentID = 5 })
	w.edited(p, "da1", func(a *alert.Alert) { a.IncidentID = 6 })
	news := w.newsOf("da1")
	if w.kinds() != "held, held" || w.isolations("m1") != 0 {
		t.Fatalf("told %q, isolated %d times", w.kinds(), w.isolations("m1"))
	}
	if !strings.Contains(news[1].Detail, "the leave of alice: go, was for version 1 of the alert") {
		t.Errorf("told as %q", news[1].Detail)
	}
	held, found, err := p.ledger.HeldOf(t.Context(), "da1", 3)
	if err != nil || !found || !strings.Contains(held.Reason, "was for version 1") {
		t.Errorf("listed as %q, %v, %v", held.Reason, found, err)
	}
}
