package response

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// everyStep is a playbook in which each alert category asks for one step, and All for all that can be asked for together.
const everyStep = `version: 1
mode: enforce
rules:
  - {name: give-back, on: alert, when: alert.status == "Resolved", do: [release: {}, unrestrictApps: {}, mail: {}]}
  - {name: isolate, on: alert, when: alert.category == "isolate", do: [isolate: {type: Full}, mail: {}]}
  - {name: restrict, on: alert, when: alert.category == "restrictApps", do: [restrictApps: {}, mail: {}]}
  - {name: scan, on: alert, when: alert.category == "scan", do: [scan: {type: Quick}, mail: {}]}
  - {name: collect, on: alert, when: alert.category == "collectPackage", do: [collectPackage: {}, mail: {}]}
  - {name: tag, on: alert, when: alert.category == "tag", do: [tag: {add: seen}, mail: {}]}
  - {name: update, on: alert, when: alert.category == "updateAlert", do: [updateAlert: {status: InProgress, comment: "by rule {{.Rule}}"}, mail: {}]}
  - name: all
    on: alert
    when: alert.category == "all"
    do: [scan: {type: Quick}, collectPackage: {}, restrictApps: {}, isolate: {type: Full}, tag: {add: seen}, updateAlert: {status: InProgress, comment: hello}, mail: {text: "Look here."}]
protect: {tags: [never-isolate]}
`

// categoryOn shows an alert that asks for what its category names.
func (w *world) categoryOn(id, machineID, category string) alert.Alert {
	w.t.Helper()
	w.mu.Lock()
	if _, known := w.machines[machineID]; !known {
		w.machines[machineID] = machine.Machine{ID: machineID, ComputerDNSName: machineID + ".corp.contoso.com", OSPlatform: "Windows11"}
	}
	w.mu.Unlock()
	a := alert.Alert{ID: id, MachineID: machineID, Category: category, Severity: alert.High, Status: alert.StatusNew, Title: "t", Created: w.clock(), Updated: w.clock()}
	w.change(a)
	return a
}

func (w *world) resolve(id string) {
	w.t.Helper()
	w.advance(time.Minute)
	w.mu.Lock()
	a := w.alerts[id]
	w.mu.Unlock()
	a.Status, a.Updated = alert.StatusResolved, w.clock()
	w.change(a)
}

// asked lists what was asked of the API, in order.
func (w *world) asked(machineID string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var types []string
	for _, a := range w.actions {
		if a.MachineID == machineID {
			types = append(types, string(a.Type))
		}
	}
	return strings.Join(types, " ")
}

func TestStepsAreAskedForInOrderAndTheRunEndsWithTheLast(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "all")
	w.drain(p, 5)
	if got := w.asked("m1"); got != "RunAntiVirusScan CollectInvestigationPackage RestrictCodeExecution Isolate" {
		t.Errorf("asked for %s", got)
	}
	run := w.run("da1", 1)
	if run.State != ledger.Waiting || !strings.Contains(run.Reason, "isolate: waiting for action action-4") {
		t.Errorf("before the outcomes the run is %+v", run)
	}
	w.mu.Lock()
	w.finish("action-1", machine.Failed)
	w.finish("action-4", machine.Succeeded)
	w.mu.Unlock()
	w.follow(p)
	if run := w.run("da1", 1); run.State == ledger.Closed {
		t.Errorf("closed with steps under way: %+v", run)
	}
	w.drain(p, 5) // the scan again
	w.finishAll(machine.Succeeded)
	w.follow(p)
	run = w.run("da1", 1)
	if run.State != ledger.Closed || run.Outcome != "scanned, collected, restricted, isolated, tagged, updated" {
		t.Errorf("run = %+v", run)
	}
	if got := w.kinds(); strings.Count(got, "requested") != 5 || strings.Count(got, "failed") != 1 || strings.Count(got, "isolated") != 1 || strings.Count(got, "done") != 5 {
		t.Errorf("told %s", got)
	}
	if !slices.ContainsFunc(w.order, func(e notice.Event) bool { return e.Note == "Look here." }) {
		t.Error("the mail's text is told nowhere")
	}
	if a := w.alerts["da1"]; a.Status != alert.StatusInProgress || len(w.comments) != 1 || w.comments[0] != "[cordon da1:v1] hello" {
		t.Errorf("alert %+v, comments %q", a, w.comments)
	}
}

func TestTroubleWithOneStepDelaysNoOther(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	first := true
	w.onPost = func() error {
		if first {
			first = false
			return &apiError{trouble: machine.Transient, text: "429", after: 40 * time.Second}
		}
		return nil
	}
	w.categoryOn("da1", "m1", "all")
	m, _ := w.take()
	p := w.start(-1, false)
	if err := p.responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if got := w.asked("m1"); got != "CollectInvestigationPackage RestrictCodeExecution Isolate" {
		t.Errorf("asked for %s", got)
	}
	w.drain(p, 5)
	if got := w.asked("m1"); got != "CollectInvestigationPackage RestrictCodeExecution Isolate RunAntiVirusScan" {
		t.Errorf("at last asked for %s", got)
	}
	if run := w.run("da1", 1); run.State != ledger.Waiting {
		t.Errorf("run = %+v", run)
	}
}

func TestObserveOverEveryStepChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, strings.Replace(everyStep, "mode: enforce", "mode: observe", 1))
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "all")
	w.drain(p, 5)
	w.resolve("da1")
	w.drain(p, 5)
	if w.posts != 0 || len(w.actions) != 0 {
		t.Errorf("%d requests, %d actions", w.posts, len(w.actions))
	}
	run := w.run("da1", 1)
	if run.Outcome != "would scan, would collect an investigation package, would restrict apps, would isolate, would tag, would update the alert" {
		t.Errorf("outcome %q", run.Outcome)
	}
	if got := w.kinds(); got != "would do, would do, would do, would isolate, would do, would do" {
		t.Errorf("told %s", got)
	}
}

func TestWhatIsDoneForAnAlertIsNotDoneAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	a := w.categoryOn("da1", "m1", "all")
	w.drain(p, 5)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	posts := w.posts
	// A person takes the tag off and sets the alert back.
	w.mu.Lock()
	m := w.machines["m1"]
	m.Tags = nil
	w.machines["m1"] = m
	w.mu.Unlock()
	w.advance(3 * time.Hour)
	a.Title, a.Updated = "another title", w.clock()
	w.change(a)
	w.drain(p, 5)
	w.follow(p)
	if w.posts != posts {
		t.Errorf("%d more requests: %s", w.posts-posts, w.asked("m1"))
	}
	if run := w.run("da1", 2); run.Outcome != "scanned, collected, restricted, isolated, tagged, updated" {
		t.Errorf("run = %+v", run)
	}
}

func TestOwnChangeOfAnAlertIsNoNewVersion(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "updateAlert")
	w.drain(p, 5)
	w.advance(time.Minute)
	w.mu.Lock()
	a := w.alerts["da1"]
	w.mu.Unlock()
	w.change(a) // as the next poll finds it
	w.queue = nil
	record, err := p.ledger.Alert(t.Context(), "da1")
	if err != nil || len(record.Runs) != 1 || a.Status != alert.StatusInProgress {
		t.Errorf("%d runs, status %s, %v", len(record.Runs), a.Status, err)
	}
}

func TestScanWillDoForOtherAlertsForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.categoryOn("da1", "m1", "scan")
	w.categoryOn("da2", "m1", "scan")
	w.drain(p, 5)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.advance(50 * time.Minute)
	w.categoryOn("da3", "m1", "scan")
	w.drain(p, 5)
	if got := w.asked("m1"); got != "RunAntiVirusScan" {
		t.Errorf("asked for %s", got)
	}
	for _, id := range []string{"da1", "da2", "da3"} {
		if run := w.run(id, 1); run.Outcome != "scanned" {
			t.Errorf("run %+v", run)
		}
	}
	w.advance(20 * time.Minute)
	w.categoryOn("da4", "m1", "scan")
	w.drain(p, 5)
	if got := w.asked("m1"); got != "RunAntiVirusScan RunAntiVirusScan" {
		t.Errorf("after more than an hour asked for %s", got)
	}
}

// TestEveryStepMeetsEveryError has the first request of every step answered with every sort of trouble.
func TestEveryStepMeetsEveryError(t *testing.T) {
	t.Parallel()
	done := map[string]string{"isolate": "isolated", "restrictApps": "restricted", "scan": "scanned", "collectPackage": "collected", "tag": "tagged", "updateAlert": "updated"}
	for category, word := range done {
		for _, c := range []struct {
			trouble machine.Trouble
			outcome string
			told    string // a kind that has to be among what is told
			posts   int    // requests in all; -1: as many as it takes
		}{
			{machine.Transient, word, "", 1},
			{machine.Denied, word, "denied", 1},
			{machine.UnknownFate, word, "", 1},
			{machine.Refused, "refused", "refused", 0},
			{machine.Unsupported, "skipped", "skipped", 0},
			{machine.AlreadyActive, word, "", 1},
			{machine.NotFound, word, "", 1}, // once is no proof
		} {
			t.Run(fmt.Sprintf("%s/%s", category, c.trouble), func(t *testing.T) {
				t.Parallel()
				w := newWorldWith(t, everyStep)
				w.strict = true
				first := true
				w.onPost = func() error {
					if first {
						first = false
						return &apiError{trouble: c.trouble, text: "the reason"}
					}
					return nil
				}
				p := w.start(-1, false)
				w.categoryOn("da1", "m1", category)
				w.drain(p, 20)
				w.finishAll(machine.Succeeded)
				w.follow(p)
				run := w.run("da1", 1)
				if run.State != ledger.Closed || run.Outcome != c.outcome || w.posts != c.posts {
					t.Errorf("%d requests, run %+v", w.posts, run)
				}
				if c.outcome != word && !strings.Contains(run.Reason, "the reason") {
					t.Errorf("reason %q", run.Reason)
				}
				if !strings.Contains(w.kinds(), c.told) {
					t.Errorf("told %s", w.kinds())
				}
			})
		}
	}
}

func TestScanWaitsForOneOfAnotherScope(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, everyStep)
	p := w.start(-1, false)
	w.mu.Lock()
	w.add(machine.Scan, "m1", "by hand", machine.Full, "Portal")
	w.mu.Unlock()
	w.strict = true
	w.categoryOn("da1", "m1", "scan")
	w.some(p, 3)
	if run := w.run("da1", 1); run.State != ledger.Started || w.asked("m1") != "RunAntiVirusScan" {
		t.Errorf("run %+v", run)
	}
	w.finishAll(machine.Succeeded)
	w.settled(p)
	if run := w.run("da1", 1); run.Outcome != "scanned" || w.asked("m1") != "RunAntiVirusScan RunAntiVirusScan" {
		t.Errorf("asked for %s, run %+v", w.asked("m1"), run)
	}
}
