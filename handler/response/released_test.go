package response

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// byHand releases a machine as a person does, and lets it be noticed.
func (w *world) byHand(p *process, machineID string) {
	w.t.Helper()
	w.mu.Lock()
	release := w.add(machine.Unisolate, machineID, "reimaged", "", "Portal")
	w.finish(release.ID, machine.Succeeded)
	w.mu.Unlock()
	w.advance(time.Minute)
	w.follow(p)
	w.advance(10 * time.Minute)
}

// editAlert changes an alert at the API and lets ingest see it.
func (w *world) editAlert(id string, change func(*alert.Alert)) {
	w.t.Helper()
	w.advance(time.Minute)
	w.mu.Lock()
	a := w.alerts[id]
	w.mu.Unlock()
	change(&a)
	a.Updated = w.clock()
	w.change(a)
}

// The changes of an alert that are no reason to isolate a machine again that was released.
func smallChanges() map[string]func(*alert.Alert) {
	return map[string]func(*alert.Alert){
		"another incident": func(a *alert.Alert) { a.IncidentID = 77 },
		"in progress":      func(a *alert.Alert) { a.Status = alert.StatusInProgress },
		"evidence":         func(a *alert.Alert) { a.Evidence = append(a.Evidence, alert.Evidence{Kind: "Process", ProcessID: 7}) },
		"false positive":   func(a *alert.Alert) { a.Classification = "FalsePositive" },
		"true positive":    func(a *alert.Alert) { a.Classification = "TruePositive" },
		"resolved":         func(a *alert.Alert) { a.Status = alert.StatusResolved },
	}
}

func TestWhatAPersonReleasedStaysReleasedWhateverHappensToItsAlert(t *testing.T) {
	t.Parallel()
	for name, change := range smallChanges() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := isolated(t)
			w.byHand(p, "m1")
			for range 3 {
				w.editAlert("da1", change)
				w.editAlert("da1", func(a *alert.Alert) { a.IncidentID++ })
				w.settled(p)
			}
			if n := w.isolations("m1"); n != 1 {
				t.Errorf("isolated %d times; told %s", n, w.kinds())
			}
			if name == "resolved" {
				return // no rule asks for it
			}
			record, err := p.ledger.Alert(t.Context(), "da1")
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
	for name, again := range map[string]func(w *world, p *process){
		"severity rose": func(w *world, p *process) {
			w.editAlert("da2", func(a *alert.Alert) { a.Severity = alert.High })
		},
		"another machine": func(w *world, p *process) {
			w.alertOn("other", "m2", alert.Low)
			w.editAlert("da1", func(a *alert.Alert) { a.MachineID = "m2" })
			w.settled(p)
			if w.isolations("m2") != 1 {
				w.t.Errorf("m2 is isolated %d times", w.isolations("m2"))
			}
			w.alertOn("da3", "m1", alert.High)
		},
		"opened again": func(w *world, p *process) {
			w.editAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
			w.settled(p)
			w.editAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusInProgress })
		},
		"opened again, seen at once": func(w *world, p *process) {
			w.editAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
			w.editAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusNew })
			w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 8 })
		},
		"another alert": func(w *world, p *process) { w.alertOn("da3", "m1", alert.High) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := isolated(t)
			w.alertOn("da2", "m1", alert.Medium)
			w.settled(p)
			w.byHand(p, "m1")
			again(w, p)
			w.settled(p)
			if n := w.isolations("m1"); n != 2 {
				t.Errorf("isolated %d times; told %s", n, w.kinds())
			}
		})
	}
}

// TestReleaseForOneAlertOutlivesTheEpisodesOfOthers has other alerts isolate the machine after the release, in vain or until a
// second release.
func TestReleaseForOneAlertOutlivesTheEpisodesOfOthers(t *testing.T) {
	t.Parallel()
	for _, end := range []machine.ActionStatus{machine.Cancelled, machine.Succeeded} {
		w, p := isolated(t)
		w.byHand(p, "m1")
		w.alertOn("da2", "m1", alert.High)
		w.drain(p, 5)
		// While it is asked for again for another alert, the first one has no part in it.
		w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 77 })
		w.drain(p, 5)
		if run := w.run("da1", 2); run.Outcome != "released" || run.Episode != 0 {
			t.Errorf("%s: version 2 is %q in episode %d: %s", end, run.Outcome, run.Episode, run.Reason)
		}
		w.finishAll(end)
		w.follow(p)
		if end == machine.Succeeded {
			w.byHand(p, "m1")
		}
		w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 78 })
		w.editAlert("da2", func(a *alert.Alert) { a.IncidentID = 78 })
		w.settled(p)
		want := 2
		if end == machine.Cancelled {
			want = 3 // what a person cancelled is begun anew by a version that is observed later, as ever
		}
		if n := w.isolations("m1"); n != want || w.run("da1", 3).Outcome != "released" {
			t.Errorf("%s: isolated %d times, run %+v", end, n, w.run("da1", 3))
		}
	}
}

// TestReleaseIsTheSameAnswerWhateverBecameOfTheMessages loses the messages of the versions, in every combination, and gives
// those that are left twice; the sweep makes up for what was lost last.
func TestReleaseIsTheSameAnswerWhateverBecameOfTheMessages(t *testing.T) {
	t.Parallel()
	for lost := range 16 {
		w, p := isolated(t)
		w.byHand(p, "m1")
		for i := range 4 {
			w.editAlert("da1", func(a *alert.Alert) {
				a.Evidence = append(a.Evidence, alert.Evidence{Kind: "Process", ProcessID: int64(i)})
			})
			m, _ := w.take()
			if lost>>i&1 == 1 {
				continue
			}
			for range 2 {
				if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.responder.Respond(t.Context(), alert.Message{AlertID: "da1", Version: 5}.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		w.settled(p)
		if run := w.run("da1", 5); run.Outcome != "released" || w.isolations("m1") != 1 {
			t.Errorf("lost %04b: isolated %d times, run %+v", lost, w.isolations("m1"), run)
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
	w := newWorldWith(t, restrictHigh)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.settled(p)
	w.advance(time.Minute)
	w.mu.Lock()
	end := w.add(machine.Unrestrict, "m1", "needs its tools", "", "Portal")
	w.finish(end.ID, machine.Succeeded)
	w.mu.Unlock()
	w.advance(time.Minute)
	w.follow(p)
	w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 77 })
	w.settled(p)
	if run := w.run("da1", 2); w.posts != 1 || run.Outcome != "released" {
		t.Errorf("%d requests, run %+v", w.posts, run)
	}
	w.alertOn("da2", "m1", alert.High)
	w.settled(p)
	if w.posts != 2 {
		t.Errorf("%d requests after another alert", w.posts)
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
	w := newWorldWith(t, releaseBenign)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.settled(p)
	w.editAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	w.settled(p)
	w.editAlert("da1", func(a *alert.Alert) { a.Classification = "TruePositive" })
	w.settled(p)
	if run := w.run("da1", 3); w.isolations("m1") != 1 || run.Outcome != "released" {
		t.Errorf("isolated %d times, run %+v", w.isolations("m1"), run)
	}
	w.alertOn("da2", "m1", alert.High)
	w.settled(p)
	if w.isolations("m1") != 2 {
		t.Errorf("isolated %d times after another alert", w.isolations("m1"))
	}
}

// TestAlertThatWaitedForARulesReleaseIsIsolatedThoughItChanged has a second alert that came while a rule was releasing the
// machine, and changed before its turn came.
func TestAlertThatWaitedForARulesReleaseIsIsolatedThoughItChanged(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, releaseBenign)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.settled(p)
	w.editAlert("da1", func(a *alert.Alert) { a.Classification = "InformationalExpectedActivity" })
	m, _ := w.take()
	if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.queue = nil
	w.mu.Unlock()
	w.alertOn("da2", "m1", alert.High)
	m, _ = w.take()
	if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.editAlert("da2", func(a *alert.Alert) { a.IncidentID = 77 })
	w.settled(p)
	if run := w.run("da2", 2); w.isolations("m1") != 2 || run.Outcome != "isolated" {
		t.Errorf("isolated %d times, run %+v", w.isolations("m1"), run)
	}
}

func TestFalsePositiveOfAnIsolatedMachineIsNotToldAsNotIsolated(t *testing.T) {
	t.Parallel()
	w, p := isolated(t)
	w.editAlert("da1", func(a *alert.Alert) { a.Classification = "FalsePositive" })
	w.settled(p)
	if run := w.run("da1", 2); run.Outcome != "skipped" || !strings.Contains(run.Reason, "false positive; an isolation that was asked for before goes on") {
		t.Errorf("run %+v", run)
	}
	if w.kinds() != "requested, isolated" {
		t.Errorf("told %q", w.kinds())
	}
	w.alertOn("da9", "m9", alert.Low)
	w.editAlert("da9", func(a *alert.Alert) { a.Severity, a.Classification = alert.High, "FalsePositive" })
	w.settled(p)
	if run := w.run("da9", 2); w.isolations("m9") != 0 || run.Outcome != "skipped" || !strings.HasSuffix(w.kinds(), "skipped") {
		t.Errorf("told %q, run %+v", w.kinds(), run)
	}
}

// TestOwnResolvingCountsAsResolved has a rule resolve the alert of the machine that it isolates. Somebody who opens it again
// wants it answered again.
func TestOwnResolvingCountsAsResolved(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, strings.Replace(isolateHigh, "- mail: {}", "- updateAlert: { status: Resolved }\n      - mail: {}", 1))
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.settled(p)
	w.advance(time.Minute)
	w.byHand(p, "m1")
	w.editAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusInProgress })
	w.settled(p)
	if n := w.isolations("m1"); n != 2 {
		t.Errorf("isolated %d times, told %q, run %+v", n, w.kinds(), w.run("da1", 2))
	}
}

func TestLatchOfTheVersionBeforeIsRead(t *testing.T) {
	t.Parallel()
	// A row without the list of releases, and runs without the alert's status.
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	l := ledger.Latch{Kind: ledger.Isolation, Episode: 1, State: ledger.Ended, ReleasedAt: noon, EndReason: "Released by ana"}
	v1 := ledger.Run{AlertID: "da1", Version: 1, ObservedAt: noon.Add(-time.Hour), Severity: "High", MachineID: "m1", Book: "b", Episode: 1}
	v2 := ledger.Run{AlertID: "da1", Version: 2, ObservedAt: noon.Add(time.Hour), Severity: "High", MachineID: "m1"}
	if release, stays := (ledger.Record{Runs: []ledger.Run{v1, v2}}).StaysReleased(v2, l); !stays || release.Why != "Released by ana" {
		t.Errorf("%+v, %v", release, stays)
	}
	if got := ledger.NextEpisode(ledger.NextEpisode(l)).AllReleases(); len(got) != 1 || !got[0].At.Equal(noon) {
		t.Errorf("two episodes later: %+v", got)
	}
}
