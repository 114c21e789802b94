package respond_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// everyStep is a playbook in which each alert category asks for one step, and All for all that can be asked for
// together.
const everyStep = `version: 1
mode: enforce
rules:
  - {name: give-back, on: alert, when: alert.status == "Resolved", do: [release: {}, unrestrictApps: {}, mail: {}]}
  - {name: isolate, on: alert, when: alert.category == "isolate", do: [isolate: {type: Full}, mail: {}]}
  - {name: restrict, on: alert, when: alert.category == "restrictApps", do: [restrictApps: {}, mail: {}]}
  - {name: scan, on: alert, when: alert.category == "scan", do: [scan: {type: Quick}, mail: {}]}
  - {name: collect, on: alert, when: alert.category == "collectPackage", do: [collectPackage: {}, mail: {}]}
  - {name: tag, on: alert, when: alert.category == "tag", do: [tag: {add: seen}, mail: {}]}
  - name: update
    on: alert
    when: alert.category == "updateAlert"
    do: [updateAlert: {status: InProgress, comment: "by rule {{.Rule}}"}, mail: {}]
  - name: all
    on: alert
    when: alert.category == "all"
    do:
      - scan: {type: Quick}
      - collectPackage: {}
      - restrictApps: {}
      - isolate: {type: Full}
      - tag: {add: seen}
      - updateAlert: {status: InProgress, comment: hello}
      - mail: {text: "Look here."}
protect: {tags: [never-isolate]}
`

func TestStepsAreAskedForInOrderAndTheRunEndsWithTheLast(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "all")
	w.Drain(p, 5)
	if got := w.Asked("m1"); got != "RunAntiVirusScan CollectInvestigationPackage RestrictCodeExecution Isolate" {
		t.Errorf("asked for %s", got)
	}
	run := w.Run("da1", 1)
	if run.State != runs.Waiting || !strings.Contains(run.Reason, "isolate: waiting for action action-4") {
		t.Errorf("before the outcomes the run is %+v", run)
	}
	w.Mu.Lock()
	w.Finish("action-1", machine.Failed)
	w.Finish("action-4", machine.Succeeded)
	w.Mu.Unlock()
	w.Follow(p)
	if run := w.Run("da1", 1); run.State == runs.Closed {
		t.Errorf("closed with steps under way: %+v", run)
	}
	w.Drain(p, 5) // the scan again
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	run = w.Run("da1", 1)
	if run.State != runs.Closed || run.Outcome != "scanned, collected, restricted, isolated, tagged, updated" {
		t.Errorf("run = %+v", run)
	}
	if got := w.Kinds(); strings.Count(got, "requested") != 5 || strings.Count(got, "failed") != 1 ||
		strings.Count(got, "isolated") != 1 || strings.Count(got, "done") != 5 {
		t.Errorf("told %s", got)
	}
	if !slices.ContainsFunc(w.Order, func(e notice.Event) bool { return e.Note == "Look here." }) {
		t.Error("the mail's text is told nowhere")
	}
	if a := w.Alerts["da1"]; a.Status != alert.StatusInProgress || len(w.Comments) != 1 ||
		w.Comments[0] != "[cordon da1:v1] hello" {
		t.Errorf("alert %+v, comments %q", a, w.Comments)
	}
}

func TestTroubleWithOneStepDelaysNoOther(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	first := true
	w.OnPost = func() error {
		if first {
			first = false
			return &world.APIError{Kind: machine.Transient, Text: "429", After: 40 * time.Second}
		}
		return nil
	}
	w.CategoryOn("da1", "m1", "all")
	m, _ := w.Take()
	p := w.Start(-1, false)
	if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if got := w.Asked("m1"); got != "CollectInvestigationPackage RestrictCodeExecution Isolate" {
		t.Errorf("asked for %s", got)
	}
	w.Drain(p, 5)
	if got := w.Asked("m1"); got != "CollectInvestigationPackage RestrictCodeExecution Isolate RunAntiVirusScan" {
		t.Errorf("at last asked for %s", got)
	}
	if run := w.Run("da1", 1); run.State != runs.Waiting {
		t.Errorf("run = %+v", run)
	}
}

func TestObserveOverEveryStepChangesNothing(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, strings.Replace(everyStep, "mode: enforce", "mode: observe", 1))
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "all")
	w.Drain(p, 5)
	w.Resolve("da1")
	w.Drain(p, 5)
	if w.Posts != 0 || len(w.Actions) != 0 {
		t.Errorf("%d requests, %d actions", w.Posts, len(w.Actions))
	}
	run := w.Run("da1", 1)
	if run.Outcome != "would scan, would collect an investigation package, would restrict apps, would isolate, "+
		"would tag, would update the alert" {
		t.Errorf("outcome %q", run.Outcome)
	}
	if got := w.Kinds(); got != "would do, would do, would do, would isolate, would do, would do" {
		t.Errorf("told %s", got)
	}
}

func TestWhatIsDoneForAnAlertIsNotDoneAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	a := w.CategoryOn("da1", "m1", "all")
	w.Drain(p, 5)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	posts := w.Posts
	// A person takes the tag off and sets the alert back.
	w.Mu.Lock()
	m := w.Machines["m1"]
	m.Tags = nil
	w.Machines["m1"] = m
	w.Mu.Unlock()
	w.Advance(3 * time.Hour)
	a.Title, a.Updated = "another title", w.Clock()
	w.Change(a)
	w.Drain(p, 5)
	w.Follow(p)
	if w.Posts != posts {
		t.Errorf("%d more requests: %s", w.Posts-posts, w.Asked("m1"))
	}
	if run := w.Run("da1", 2); run.Outcome != "scanned, collected, restricted, isolated, tagged, updated" {
		t.Errorf("run = %+v", run)
	}
}

func TestOwnChangeOfAnAlertIsNoNewVersion(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "updateAlert")
	w.Drain(p, 5)
	w.Advance(time.Minute)
	w.Mu.Lock()
	a := w.Alerts["da1"]
	w.Mu.Unlock()
	w.Change(a) // as the next poll finds it
	w.Queue = nil
	record, err := p.Ledger.Runs.Alert(t.Context(), "da1")
	if err != nil || len(record.Runs) != 1 || a.Status != alert.StatusInProgress {
		t.Errorf("%d runs, status %s, %v", len(record.Runs), a.Status, err)
	}
}

func TestScanWillDoForOtherAlertsForAWhile(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.CategoryOn("da1", "m1", "scan")
	w.CategoryOn("da2", "m1", "scan")
	w.Drain(p, 5)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(50 * time.Minute)
	w.CategoryOn("da3", "m1", "scan")
	w.Drain(p, 5)
	if got := w.Asked("m1"); got != "RunAntiVirusScan" {
		t.Errorf("asked for %s", got)
	}
	for _, id := range []string{"da1", "da2", "da3"} {
		if run := w.Run(id, 1); run.Outcome != "scanned" {
			t.Errorf("run %+v", run)
		}
	}
	w.Advance(20 * time.Minute)
	w.CategoryOn("da4", "m1", "scan")
	w.Drain(p, 5)
	if got := w.Asked("m1"); got != "RunAntiVirusScan RunAntiVirusScan" {
		t.Errorf("after more than an hour asked for %s", got)
	}
}

// TestEveryStepMeetsEveryError has the first request of every step answered with every sort of trouble.
func TestEveryStepMeetsEveryError(t *testing.T) {
	t.Parallel()
	done := map[string]string{
		"isolate":        "isolated",
		"restrictApps":   "restricted",
		"scan":           "scanned",
		"collectPackage": "collected",
		"tag":            "tagged",
		"updateAlert":    "updated",
	}
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
				w := world.NewWorldWith(t, everyStep)
				w.Strict = true
				first := true
				w.OnPost = func() error {
					if first {
						first = false
						return &world.APIError{Kind: c.trouble, Text: "the reason"}
					}
					return nil
				}
				p := w.Start(-1, false)
				w.CategoryOn("da1", "m1", category)
				w.Drain(p, 20)
				w.FinishAll(machine.Succeeded)
				w.Follow(p)
				run := w.Run("da1", 1)
				if run.State != runs.Closed || run.Outcome != c.outcome || w.Posts != c.posts {
					t.Errorf("%d requests, run %+v", w.Posts, run)
				}
				if c.outcome != word && !strings.Contains(run.Reason, "the reason") {
					t.Errorf("reason %q", run.Reason)
				}
				if !strings.Contains(w.Kinds(), c.told) {
					t.Errorf("told %s", w.Kinds())
				}
			})
		}
	}
}

func TestScanWaitsForOneOfAnotherScope(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, everyStep)
	p := w.Start(-1, false)
	w.Mu.Lock()
	w.Add(machine.Scan, "m1", "by hand", machine.Full, "Portal")
	w.Mu.Unlock()
	w.Strict = true
	w.CategoryOn("da1", "m1", "scan")
	w.Some(p, 3)
	if run := w.Run("da1", 1); run.State != runs.Started || w.Asked("m1") != "RunAntiVirusScan" {
		t.Errorf("run %+v", run)
	}
	w.FinishAll(machine.Succeeded)
	w.Settled(p)
	if run := w.Run("da1", 1); run.Outcome != "scanned" || w.Asked("m1") != "RunAntiVirusScan RunAntiVirusScan" {
		t.Errorf("asked for %s, run %+v", w.Asked("m1"), run)
	}
}
