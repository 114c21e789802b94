package respond_test

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

func TestTimedOutIsolationIsAskedForAgainForNineDays(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	begun := w.Clock()
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	for try := 1; try <= episode.MaxReissues+1; try++ {
		if n := w.Isolations("m1"); n != try || w.Run("da1", 1).State != runs.Waiting {
			t.Fatalf("try %d: %d isolations, run %+v", try, n, w.Run("da1", 1))
		}
		w.GivesUp(p)
	}
	if age := w.Clock().Sub(begun); age < 9*24*time.Hour {
		t.Errorf("only %s were played", age)
	}
	if run := w.Run("da1", 1); run.Outcome != "not isolated" || w.Promises() != episode.MaxReissues ||
		w.Isolations("m1") != episode.MaxReissues+1 {
		t.Errorf("%d isolations, %d promises, run %+v, told %s", w.Isolations("m1"), w.Promises(), run, w.Kinds())
	}
}

// TestWhatIsAskedForAgainIsLookedAtAnew changes the alert or the machine while the first request waits for the machine.
// Whatever becomes of the promise to ask again, it is kept or taken back in words.
func TestWhatIsAskedForAgainIsLookedAtAnew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change     func(w *world.World, p *world.Process)
		isolations int
		told       string // of the end
	}{
		"nothing": {func(*world.World, *world.Process) {}, 2, "requested"},
		"evidence on the second day": {func(w *world.World, p *world.Process) {
			w.Advance(30 * time.Hour)
			w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 5 })
			w.Drain(p, 5)
		}, 2, "requested"},
		"protected": {func(w *world.World, p *world.Process) {
			w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
		}, 1, "held"},
		"a false positive": {func(w *world.World, p *world.Process) {
			w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "FalsePositive" })
			w.Drain(p, 5)
		}, 1, "timed out"},
		"resolved": {func(w *world.World, p *world.Process) {
			w.EditAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
			w.Drain(p, 5)
		}, 1, "timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start(-1, false)
			w.AlertOn("da1", "m1", alert.High)
			w.Drain(p, 3)
			test.change(w, p)
			w.GivesUp(p)
			last := w.Order[len(w.Order)-1]
			if w.Isolations("m1") != test.isolations || !strings.Contains(string(last.Kind), test.told) {
				t.Errorf("%d isolations, told %s, at last %+v", w.Isolations("m1"), w.Kinds(), last)
			}
			if last.Kind == notice.TimedOut && w.Promises() != 0 {
				t.Errorf("promised and not kept: %+v", last)
			}
		})
	}
}

// TestPromiseThatIsTakenBackIsTold has the alert resolved between the promise and its keeping, and again with the
// messages of the new version lost, so that the old one's come first.
func TestPromiseThatIsTakenBackIsTold(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.Advance(74 * time.Hour)
	w.FailOpen(p, machine.TimeOut)
	w.EditAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
	w.Drain(p, 9)
	last := w.Order[len(w.Order)-1]
	if w.Promises() != 1 || w.Isolations("m1") != 1 || last.Kind != notice.Skipped ||
		!strings.Contains(last.Detail, "not asked for again") {
		t.Errorf("%d promises, told %s, at last %+v", w.Promises(), w.Kinds(), last)
	}
}

// TestVersionThatComesWhileItIsAskedForAgainKeepsThePromise has the alert change in the minute between the failure and
// the next request, when it is three days old.
func TestVersionThatComesWhileItIsAskedForAgainKeepsThePromise(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.Advance(74 * time.Hour)
	w.FailOpen(p, machine.TimeOut)
	w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 5 })
	w.Drain(p, 9)
	if run := w.Run("da1", 2); w.Isolations("m1") != 2 || run.State != runs.Waiting {
		t.Errorf("%d isolations, told %s, run %+v", w.Isolations("m1"), w.Kinds(), run)
	}
	// A later version of an alert whose tries are over is as old as it is.
	for range 2 {
		w.Advance(74 * time.Hour)
		w.FailOpen(p, machine.Failed)
		w.Drain(p, 20)
	}
	w.Advance(time.Hour)
	n := w.Isolations("m1")
	w.FailOpen(p, machine.Failed)
	w.Drain(p, 20)
	w.EditAlert("da1", func(a *alert.Alert) { a.IncidentID = 6 })
	w.Drain(p, 9)
	if run := w.Run("da1", 3); w.Isolations("m1") != n || run.Outcome != "held" {
		t.Errorf("%d isolations instead of %d, run %+v", w.Isolations("m1"), n, run)
	}
}

// TestRequestOfUnknownFateIsRepeatedThoughTheAlertHasBecomeOld sends the first request a minute before the alert is
// stale.
func TestRequestOfUnknownFateIsRepeatedThoughTheAlertHasBecomeOld(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Advance(24*time.Hour - time.Minute)
	lost := true
	w.OnPost = func() error {
		if lost {
			lost = false
			return &world.APIError{Kind: machine.UnknownFate, Text: "connection reset"}
		}
		return nil
	}
	w.Drain(p, 9)
	if run := w.Run("da1", 1); run.State != runs.Waiting || w.Isolations("m1") != 1 {
		t.Errorf("%d isolations, told %s, run %+v", w.Isolations("m1"), w.Kinds(), run)
	}
}

// TestWhatAPersonLetGoOnIsAskedForAgain has a person continue with an alert that is stale; the machine is offline.
func TestWhatAPersonLetGoOnIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Advance(48 * time.Hour)
	w.Drain(p, 3)
	held, found, err := p.Ledger.Held.Of(t.Context(), "da1", 1)
	if err != nil || !found {
		t.Fatalf("nothing is held: %v", err)
	}
	if err := p.AtDesk().Continue(t.Context(), held, world.Says("ana", "spoke to the owner")); err != nil {
		t.Fatal(err)
	}
	w.Drain(p, 5)
	// Another tag: the go-ahead was for the machine as it was, but the request is under way.
	w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"floor 3"} })
	w.GivesUp(p)
	if w.Promises() != 1 || w.Isolations("m1") != 2 {
		t.Errorf("%d promises, %d isolations, told %s", w.Promises(), w.Isolations("m1"), w.Kinds())
	}
}
