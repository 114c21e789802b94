package respond_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// TestALeaveThatANewVersionOvertakesIsTold has the alert change after a person let it go on and before its message is
// answered, and once more afterwards.
func TestALeaveThatANewVersionOvertakesIsTold(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.ProtectedAlert(p, "da1", alert.High)
	d, _ := w.Desk()
	if err := d.Continue(t.Context(), w.HeldOf("da1"), world.Says("alice", "go")); err != nil {
		t.Fatal(err)
	}
	w.Edited(p, "da1", func(a *alert.Alert) { a.IncidentID = 5 })
	w.Edited(p, "da1", func(a *alert.Alert) { a.IncidentID = 6 })
	news := w.NewsOf("da1")
	if w.Kinds() != "held, held" || w.Isolations("m1") != 0 {
		t.Fatalf("told %q, isolated %d times", w.Kinds(), w.Isolations("m1"))
	}
	if !strings.Contains(news[1].Detail, "the go-ahead (alice: go) was for version 1 of the alert") {
		t.Errorf("told as %q", news[1].Detail)
	}
	held, found, err := p.Ledger.Held.Of(t.Context(), "da1", 3)
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
	w := world.NewWorldWith(t, bySeverity)
	p := w.Start(-1, false)
	w.ProtectedAlert(p, "da1", alert.Medium)
	var told []string
	for _, severity := range []alert.Severity{alert.High, alert.Medium} {
		w.Grow(p, "da1")
		w.Edited(p, "da1", func(a *alert.Alert) { a.Severity = severity })
		w.Grow(p, "da1")
	}
	for _, e := range w.NewsOf("da1") {
		told = append(told, string(e.Kind)+" "+e.Severity)
	}
	if got := strings.Join(told, ", "); got != "held Medium, held High, held Medium" {
		t.Errorf("told %s", got)
	}
}

// TestWhatIsSoAgainIsNews has an alert held, then something else told of it, and then held for the same reason. What
// comes twice within one life of the alert is told twice, and no version of it more often.
func TestWhatIsSoAgainIsNews(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between func(w *world.World, p *world.Process)
		told    string
	}{
		"nothing": {func(*world.World, *world.Process) {}, "held"},
		"isolated, cancelled": {func(w *world.World, p *world.Process) {
			w.Tag()
			w.Grow(p, "da1")
			w.Advance(time.Minute)
			w.FinishAll(machine.Cancelled)
			w.Follow(p)
			w.Drain(p, 20)
		}, "held, requested, cancelled, held"},
		"another reason": {func(w *world.World, p *world.Process) {
			w.Tag("never-isolate-either")
			w.Grow(p, "da1")
		}, "held, held, held"},
		"a permission is missing": {func(w *world.World, p *world.Process) {
			w.Tag()
			w.OnPost = func() error { return &world.APIError{Kind: machine.Denied, Text: "403 Forbidden"} }
			w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 9 })
			w.Some(p, 2)
			w.OnPost = nil
		}, "held, denied, held"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.NewWorldWith(t,
				strings.Replace(world.IsolateHigh, "[never-isolate]", "[never-isolate, never-isolate-either]", 1))
			p := w.Start(-1, false)
			w.ProtectedAlert(p, "da1", alert.High)
			c.between(w, p)
			w.Tag("never-isolate")
			w.Edited(p, "da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
			w.Edited(p, "da1", func(a *alert.Alert) { a.Status = alert.StatusNew })
			for range 3 {
				w.Grow(p, "da1")
			}
			if w.Kinds() != c.told {
				t.Errorf("told %q, want %q", w.Kinds(), c.told)
			}
		})
	}
}

// TestWhatIsHeldWhileTheMachineIsIsolatedForAnotherAlertIsTold has an alert held while another alert's isolation is
// under way or in force: nobody else would hear of it, then or when that ends.
func TestWhatIsHeldWhileTheMachineIsIsolatedForAnotherAlertIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stands notice.Standing
		words  string
		end    func(w *world.World)
		told   string
	}{
		"lifted": {notice.InForce, "; the machine is isolated, as was asked for for another alert (run da0:v1)",
			func(w *world.World) { w.Advance(world.Lift) }, "requested, isolated, held, lifted, held"},
		"failed": {
			notice.UnderWay, "; an isolation that was asked for for another alert (run da0:v1) is still under way",
			func(w *world.World) { w.FinishAll(machine.Failed) }, "requested, held, failed, held, held",
		},
		"released": {
			notice.InForce, "; the machine is isolated, as was asked for for another alert (run da0:v1)",
			func(w *world.World) {
				w.Advance(time.Hour)
				w.Mu.Lock()
				w.Add(machine.Unisolate, "m1", "clean", "", "Portal")
				w.Mu.Unlock()
				w.FinishAll(machine.Succeeded)
			}, "requested, isolated, held, released, held",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start(-1, false)
			w.AlertOn("da0", "m1", alert.High)
			w.Drain(p, 5)
			if c.stands == notice.InForce {
				w.FinishAll(machine.Succeeded)
				w.Follow(p)
			}
			w.ProtectedAlert(p, "da1", alert.High)
			w.Grow(p, "da1")
			news := w.NewsOf("da1")
			if len(news) != 1 || news[0].Kind != notice.Held || news[0].Stands != c.stands ||
				!strings.Contains(news[0].Detail, c.words) {
				t.Fatalf("told %+v", news)
			}
			if run := w.Run("da1", 2); run.Outcome != "held" || !strings.Contains(run.Reason, c.words) {
				t.Errorf("run %+v", run)
			}
			c.end(w)
			w.Follow(p)
			w.Drain(p, 20)
			w.Grow(p, "da1")
			w.Grow(p, "da1")
			if w.Kinds() != c.told {
				t.Errorf("told %q", w.Kinds())
			}
		})
	}
}

// TestPeopleHearOnceThatAnIsolationWaitsForARelease has releases that wait for an offline machine: a person's, which
// ends, and one that a rule asked for. The alert is taken into another incident meanwhile.
func TestPeopleHearOnceThatAnIsolationWaitsForARelease(t *testing.T) {
	long.Test(t)
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.Mu.Lock()
	w.Add(machine.Unisolate, "m1", "clean", "", "Portal")
	w.Mu.Unlock()
	w.Advance(time.Hour)
	w.AlertOn("da1", "m1", alert.High)
	w.Polled(p)
	w.Play(p, 4*time.Hour, true)
	w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 8 })
	w.Play(p, time.Hour, true)
	news := w.NewsOf("da1")
	if w.Kinds() != "waits" || news[0].ActionID != "action-1" ||
		!strings.Contains(news[0].Detail, "Portal asked for the opposite (Unisolate, action action-1)") {
		t.Fatalf("told %q: %+v", w.Kinds(), news)
	}
	w.FinishAll(machine.Succeeded)
	w.Settled(p)
	if w.Kinds() != "waits, requested, isolated" {
		t.Errorf("told %q", w.Kinds())
	}
}

func TestPeopleHearOnceThatAnIsolationWaitsForARulesRelease(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, releaseBenign)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Settled(p)
	w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	w.Some(p, 1)
	w.AlertOn("da2", "m1", alert.High)
	w.Some(p, 20)
	news := w.NewsOf("da2")
	if len(news) != 1 || news[0].Kind != notice.Waits ||
		!strings.HasPrefix(news[0].Detail, "Cordon asked for the opposite (Unisolate, action ") {
		t.Errorf("told %q: %+v", w.Kinds(), news)
	}
}
