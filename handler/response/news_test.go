package response

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/notice"
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
	d, _ := w.desk()
	if err := d.Continue(t.Context(), w.heldOf("da1"), "alice", "go"); err != nil {
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

// bySeverity asks for the isolation of alerts of two severities.
const bySeverity = `version: 1
mode: enforce
rules:
  - name: contain
    on: alert
    when: (alert.severity == "High" || alert.severity == "Medium") && alert.status != "Resolved"
    do: [isolate: {type: Full}, mail: {}]
protect: {tags: [never-isolate]}
`

// TestAnotherSeverityIsNews has an alert held as Medium, then as High, then as Medium again, with evidence in between.
func TestAnotherSeverityIsNews(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, bySeverity)
	p := w.start(-1, false)
	w.protectedAlert(p, "da1", alert.Medium)
	var told []string
	for _, severity := range []alert.Severity{alert.High, alert.Medium} {
		w.grow(p, "da1")
		w.edited(p, "da1", func(a *alert.Alert) { a.Severity = severity })
		w.grow(p, "da1")
	}
	for _, e := range w.newsOf("da1") {
		told = append(told, string(e.Kind)+" "+e.Severity)
	}
	if got := strings.Join(told, ", "); got != "held Medium, held High, held Medium" {
		t.Errorf("told %s", got)
	}
}

// TestWhatIsSoAgainIsNews has an alert held, then something else told of it, and then held for the same reason. What comes twice
// within one life of the alert is told twice, and no version of it more often.
func TestWhatIsSoAgainIsNews(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between func(w *world, p *process)
		told    string
	}{
		"nothing": {func(*world, *process) {}, "held"},
		"isolated, cancelled": {func(w *world, p *process) {
			w.tag()
			w.grow(p, "da1")
			w.advance(time.Minute)
			w.finishAll(machine.Cancelled)
			w.follow(p)
			w.drain(p, 20)
		}, "held, requested, cancelled, held"},
		"another reason": {func(w *world, p *process) {
			w.tag("never-isolate-either")
			w.grow(p, "da1")
		}, "held, held, held"},
		"a permission is missing": {func(w *world, p *process) {
			w.tag()
			w.onPost = func() error { return &apiError{trouble: machine.Denied, text: "403 Forbidden"} }
			w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 9 })
			w.some(p, 2)
			w.onPost = nil
		}, "held, denied, held"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, strings.Replace(isolateHigh, "[never-isolate]", "[never-isolate, never-isolate-either]", 1))
			p := w.start(-1, false)
			w.protectedAlert(p, "da1", alert.High)
			c.between(w, p)
			w.tag("never-isolate")
			w.edited(p, "da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
			w.edited(p, "da1", func(a *alert.Alert) { a.Status = alert.StatusNew })
			for range 3 {
				w.grow(p, "da1")
			}
			if w.kinds() != c.told {
				t.Errorf("told %q, want %q", w.kinds(), c.told)
			}
		})
	}
}

// TestWhatIsHeldWhileTheMachineIsIsolatedForAnotherAlertIsTold has an alert held while another alert's isolation is under way or in
// force: nobody else would hear of it, then or when that ends.
func TestWhatIsHeldWhileTheMachineIsIsolatedForAnotherAlertIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stands notice.Standing
		words  string
		end    func(w *world)
		told   string
	}{
		"lifted": {notice.InForce, "; the machine is isolated, as was asked for for another alert (run da0:v1)",
			func(w *world) { w.advance(lift) }, "requested, isolated, held, lifted, held"},
		"failed": {notice.UnderWay, "; an isolation that was asked for for another alert (run da0:v1) goes on",
			func(w *world) { w.finishAll(machine.Failed) }, "requested, held, failed, held, held"},
		"released": {notice.InForce, "; the machine is isolated, as was asked for for another alert (run da0:v1)", func(w *world) {
			w.advance(time.Hour)
			w.mu.Lock()
			w.add(machine.Unisolate, "m1", "clean", "", "Portal")
			w.mu.Unlock()
			w.finishAll(machine.Succeeded)
		}, "requested, isolated, held, released, held"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.start(-1, false)
			w.alertOn("da0", "m1", alert.High)
			w.drain(p, 5)
			if c.stands == notice.InForce {
				w.finishAll(machine.Succeeded)
				w.follow(p)
			}
			w.protectedAlert(p, "da1", alert.High)
			w.grow(p, "da1")
			news := w.newsOf("da1")
			if len(news) != 1 || news[0].Kind != notice.Held || news[0].Stands != c.stands || !strings.Contains(news[0].Detail, c.words) {
				t.Fatalf("told %+v", news)
			}
			if run := w.run("da1", 2); run.Outcome != "held" || !strings.Contains(run.Reason, c.words) {
				t.Errorf("run %+v", run)
			}
			c.end(w)
			w.follow(p)
			w.drain(p, 20)
			w.grow(p, "da1")
			w.grow(p, "da1")
			if w.kinds() != c.told {
				t.Errorf("told %q", w.kinds())
			}
		})
	}
}

// TestPeopleHearOnceThatAnIsolationWaitsForARelease has releases that wait for an offline machine: a person's, which ends, and one
// that a rule asked for. The alert is taken into another incident meanwhile.
func TestPeopleHearOnceThatAnIsolationWaitsForARelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.mu.Lock()
	w.add(machine.Unisolate, "m1", "clean", "", "Portal")
	w.mu.Unlock()
	w.advance(time.Hour)
	w.alertOn("da1", "m1", alert.High)
	w.polled(p)
	w.play(p, 4*time.Hour, true)
	w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 8 })
	w.play(p, time.Hour, true)
	news := w.newsOf("da1")
	if w.kinds() != "waits" || news[0].ActionID != "action-1" || !strings.Contains(news[0].Detail, "Portal asked for what undoes it (Unisolate, action action-1)") {
		t.Fatalf("told %q: %+v", w.kinds(), news)
	}
	w.finishAll(machine.Succeeded)
	w.settled(p)
	if w.kinds() != "waits, requested, isolated" {
		t.Errorf("told %q", w.kinds())
	}
}

func TestPeopleHearOnceThatAnIsolationWaitsForARulesRelease(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, releaseBenign)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.settled(p)
	w.editAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	w.some(p, 1)
	w.alertOn("da2", "m1", alert.High)
	w.some(p, 20)
	news := w.newsOf("da2")
	if len(news) != 1 || news[0].Kind != notice.Waits || !strings.HasPrefix(news[0].Detail, "Cordon asked for what undoes it (Unisolate, action ") {
		t.Errorf("told %q: %+v", w.kinds(), news)
	}
}
