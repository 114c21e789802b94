package respond_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// The changes of an alert that are no reason to isolate a machine again that was released.
func smallChanges() map[string]func(*alert.Alert) {
	return map[string]func(*alert.Alert){
		"another incident": func(a *alert.Alert) { a.IncidentID = 77 },
		"in progress":      func(a *alert.Alert) { a.Status = alert.StatusInProgress },
		"evidence": func(a *alert.Alert) {
			a.Evidence = append(a.Evidence, alert.Evidence{Kind: "Process", ProcessID: 7})
		},
		"false positive": func(a *alert.Alert) { a.Classification = "FalsePositive" },
		"true positive":  func(a *alert.Alert) { a.Classification = "TruePositive" },
		"resolved":       func(a *alert.Alert) { a.Status = alert.StatusResolved },
	}
}

func TestWhatAPersonReleasedStaysReleasedWhateverHappensToItsAlert(t *testing.T) {
	t.Parallel()
	for name, change := range smallChanges() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := world.Isolated(t)
			w.ByHand(p, "m1")
			for range 3 {
				w.EditAlert("da1", change)
				w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID++ })
				w.Settled(p)
			}
			if n := w.Isolations("m1"); n != 1 {
				t.Errorf("isolated %d times; told %s", n, w.Kinds())
			}
			if name == "resolved" {
				return // no rule asks for it
			}
			record, err := p.Ledger.Runs.Alert(t.Context(), "da1")
			if err != nil {
				t.Fatal(err)
			}
			want := "released"
			if name == "false positive" {
				want = "skipped"
			}
			if run, _ := record.Latest(); run.Outcome != want {
				t.Errorf("the newest version is %q: %s", run.Outcome, run.Reason)
			}
		})
	}
}

func TestReleasedMachineIsIsolatedAgainForWhatIsMoreThanBefore(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(w *world.World, p *world.Process){
		"severity rose": func(w *world.World, p *world.Process) {
			w.EditAlert("da2", func(a *alert.Alert) { a.Severity = alert.High })
		},
		"another machine": func(w *world.World, p *world.Process) {
			w.AlertOn("other", "m2", alert.Low)
			w.EditAlert("da1", func(a *alert.Alert) { a.MachineID = "m2" })
			w.Settled(p)
			if w.Isolations("m2") != 1 {
				w.T.Errorf("m2 is isolated %d times", w.Isolations("m2"))
			}
			w.AlertOn("da3", "m1", alert.High)
		},
		"opened again": func(w *world.World, p *world.Process) {
			w.EditAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
			w.Settled(p)
			w.EditAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusInProgress })
		},
		"opened again, seen at once": func(w *world.World, p *world.Process) {
			w.EditAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
			w.EditAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusNew })
			w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 8 })
		},
		"another alert": func(w *world.World, p *world.Process) { w.AlertOn("da3", "m1", alert.High) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := world.Isolated(t)
			w.AlertOn("da2", "m1", alert.Medium)
			w.Settled(p)
			w.ByHand(p, "m1")
			again(w, p)
			w.Settled(p)
			if n := w.Isolations("m1"); n != 2 {
				t.Errorf("isolated %d times; told %s", n, w.Kinds())
			}
		})
	}
}

// TestReleaseForOneAlertOutlivesTheEpisodesOfOthers has other alerts isolate the machine after the release, in vain or
// until a second release.
func TestReleaseForOneAlertOutlivesTheEpisodesOfOthers(t *testing.T) {
	t.Parallel()
	for _, end := range []machine.ActionStatus{machine.Cancelled, machine.Succeeded} {
		w, p := world.Isolated(t)
		w.ByHand(p, "m1")
		w.AlertOn("da2", "m1", alert.High)
		w.Drain(p, 5)
		// While it is asked for again for another alert, the first one has no part in it.
		w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 77 })
		w.Drain(p, 5)
		if run := w.Run("da1", 2); run.Outcome != "released" || run.Episode != 0 {
			t.Errorf("%s: version 2 is %q in episode %d: %s", end, run.Outcome, run.Episode, run.Reason)
		}
		w.FinishAll(end)
		w.Follow(p)
		if end == machine.Succeeded {
			w.ByHand(p, "m1")
		}
		w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 78 })
		w.EditAlert("da2", func(a *alert.Alert) { a.IncidentID = 78 })
		w.Settled(p)
		want := 2
		if end == machine.Cancelled {
			want = 3 // what a person cancelled is begun anew by a version that is observed later, as ever
		}
		if n := w.Isolations("m1"); n != want || w.Run("da1", 3).Outcome != "released" {
			t.Errorf("%s: isolated %d times, run %+v", end, n, w.Run("da1", 3))
		}
	}
}

// TestReleaseIsTheSameAnswerWhateverBecameOfTheMessages loses the messages of the versions, in every combination, and
// gives those that are left twice; the sweep makes up for what was lost last.
func TestReleaseIsTheSameAnswerWhateverBecameOfTheMessages(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for lost := range 16 {
		w, p := world.Isolated(t)
		w.ByHand(p, "m1")
		for i := range 4 {
			w.EditAlert("da1", func(a *alert.Alert) {
				a.Evidence = append(a.Evidence, alert.Evidence{Kind: "Process", ProcessID: int64(i)})
			})
			m, _ := w.Take()
			if lost>>i&1 == 1 {
				continue
			}
			for range 2 {
				if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.Responder.Respond(t.Context(), alert.Message{AlertID: "da1", Version: 5}.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		w.Settled(p)
		if run := w.Run("da1", 5); run.Outcome != "released" || w.Isolations("m1") != 1 {
			t.Errorf("lost %04b: isolated %d times, run %+v", lost, w.Isolations("m1"), run)
		}
	}
}

const restrictHigh = `version: 1
mode: enforce
rules:
  - name: restrict
    on: alert
    when: alert.severity == "High" && alert.status != "Resolved"
    do: [restrictApps: {}, mail: {}]
`

func TestRestrictionThatSomebodyEndedStaysEnded(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, restrictHigh)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Settled(p)
	w.Advance(time.Minute)
	w.Mu.Lock()
	end := w.Add(machine.Unrestrict, "m1", "needs its tools", "", "Portal")
	w.Finish(end.ID, machine.Succeeded)
	w.Mu.Unlock()
	w.Advance(time.Minute)
	w.Follow(p)
	w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 77 })
	w.Settled(p)
	if run := w.Run("da1", 2); w.Posts != 1 || run.Outcome != "released" {
		t.Errorf("%d requests, run %+v", w.Posts, run)
	}
	w.AlertOn("da2", "m1", alert.High)
	w.Settled(p)
	if w.Posts != 2 {
		t.Errorf("%d requests after another alert", w.Posts)
	}
}

const releaseBenign = `version: 1
mode: enforce
rules:
  - name: let-go
    on: alert
    when: alert.classification == "InformationalExpectedActivity"
    do: [release: {}, mail: {}]
  - name: contain
    on: alert
    when: alert.severity == "High" && alert.status != "Resolved"
    do: [isolate: {type: Full}, mail: {}]
`

func TestWhatARuleReleasedStaysReleasedForItsAlertAlone(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, releaseBenign)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Settled(p)
	w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	w.Settled(p)
	w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "TruePositive" })
	w.Settled(p)
	if run := w.Run("da1", 3); w.Isolations("m1") != 1 || run.Outcome != "released" {
		t.Errorf("isolated %d times, run %+v", w.Isolations("m1"), run)
	}
	w.AlertOn("da2", "m1", alert.High)
	w.Settled(p)
	if w.Isolations("m1") != 2 {
		t.Errorf("isolated %d times after another alert", w.Isolations("m1"))
	}
}

// TestAlertThatWaitedForARulesReleaseIsIsolatedThoughItChanged has a second alert that came while a rule was releasing
// the machine, and changed before its turn came.
func TestAlertThatWaitedForARulesReleaseIsIsolatedThoughItChanged(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, releaseBenign)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Settled(p)
	w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	m, _ := w.Take()
	if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	w.Mu.Lock()
	w.Queue = nil
	w.Mu.Unlock()
	w.AlertOn("da2", "m1", alert.High)
	m, _ = w.Take()
	if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.EditAlert("da2", func(a *alert.Alert) { a.IncidentID = 77 })
	w.Settled(p)
	if run := w.Run("da2", 2); w.Isolations("m1") != 2 || run.Outcome != "isolated" {
		t.Errorf("isolated %d times, run %+v", w.Isolations("m1"), run)
	}
}

func TestFalsePositiveOfAnIsolatedMachineIsNotToldAsNotIsolated(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "FalsePositive" })
	w.Settled(p)
	if run := w.Run("da1", 2); run.Outcome != "skipped" ||
		!strings.Contains(run.Reason, "false positive; an isolation that was asked for before is still under way") {
		t.Errorf("run %+v", run)
	}
	if w.Kinds() != "requested, isolated" {
		t.Errorf("told %q", w.Kinds())
	}
	w.AlertOn("da9", "m9", alert.Low)
	w.EditAlert("da9", func(a *alert.Alert) { a.Severity, a.Classification = alert.High, "FalsePositive" })
	w.Settled(p)
	if run := w.Run("da9", 2); w.Isolations("m9") != 0 || run.Outcome != "skipped" ||
		!strings.HasSuffix(w.Kinds(), "skipped") {
		t.Errorf("told %q, run %+v", w.Kinds(), run)
	}
}

// TestOwnResolvingCountsAsResolved has a rule resolve the alert of the machine that it isolates. Somebody who opens it
// again wants it answered again.
func TestOwnResolvingCountsAsResolved(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t,
		strings.Replace(world.IsolateHigh, "- mail: {}", "- updateAlert: { status: Resolved }\n      - mail: {}", 1))
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Settled(p)
	w.Advance(time.Minute)
	w.ByHand(p, "m1")
	w.EditAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusInProgress })
	w.Settled(p)
	if n := w.Isolations("m1"); n != 2 {
		t.Errorf("isolated %d times, told %q, run %+v", n, w.Kinds(), w.Run("da1", 2))
	}
}

func TestLatchOfTheVersionBeforeIsRead(t *testing.T) {
	t.Parallel()
	// A row without the list of releases, and runs without the alert's status.
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	l := latches.Latch{
		Kind:       latches.Isolation,
		Episode:    1,
		State:      latches.Ended,
		ReleasedAt: noon,
		EndReason:  "Released by ana",
	}
	v1 := runs.Run{
		AlertID:    "da1",
		Version:    1,
		ObservedAt: noon.Add(-time.Hour),
		Severity:   "High",
		MachineID:  "m1",
		Book:       "b",
		Episode:    1,
	}
	v2 := runs.Run{AlertID: "da1", Version: 2, ObservedAt: noon.Add(time.Hour), Severity: "High", MachineID: "m1"}
	if release, stays := (runs.Record{Runs: []runs.Run{v1, v2}}).StaysReleased(v2, l); !stays ||
		release.Why != "Released by ana" {
		t.Errorf("%+v, %v", release, stays)
	}
	if got := latches.NextEpisode(latches.NextEpisode(l)).AllReleases(); len(got) != 1 || !got[0].At.Equal(noon) {
		t.Errorf("two episodes later: %+v", got)
	}
}
