package response

import (
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// givesUp lets Defender give up an offline machine, as it does three days and a quarter of an hour after the request.
func (w *world) givesUp(p *process) {
	w.t.Helper()
	for range 72 {
		w.advance(time.Hour)
		w.follow(p)
	}
	w.advance(14 * time.Minute)
	w.failOpen(p, machine.TimeOut)
	w.drain(p, 20)
}

// promises counts how often people were told that something is asked for again.
func (w *world) promises() int {
	n := 0
	for _, e := range w.order {
		if strings.Contains(e.Detail, "asked for again (try") {
			n++
		}
	}
	return n
}

func TestTimedOutIsolationIsAskedForAgainForNineDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	begun := w.clock()
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	for try := 1; try <= maxReissues+1; try++ {
		if n := w.isolations("m1"); n != try || w.run("da1", 1).State != ledger.Waiting {
			t.Fatalf("try %d: %d isolations, run %+v", try, n, w.run("da1", 1))
		}
		w.givesUp(p)
	}
	if age := w.clock().Sub(begun); age < 9*24*time.Hour {
		t.Errorf("only %s were played", age)
	}
	if run := w.run("da1", 1); run.Outcome != "not isolated" || w.promises() != maxReissues || w.isolations("m1") != maxReissues+1 {
		t.Errorf("%d isolations, %d promises, run %+v, told %s", w.isolations("m1"), w.promises(), run, w.kinds())
	}
}

// TestWhatIsAskedForAgainIsLookedAtAnew changes the alert or the machine while the first request waits for the machine.
// Whatever becomes of the promise to ask again, it is kept or taken back in words.
func TestWhatIsAskedForAgainIsLookedAtAnew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change     func(w *world, p *process)
		isolations int
		told       string // of the end
	}{
		"nothing": {func(*world, *process) {}, 2, "requested"},
		"evidence on the second day": {func(w *world, p *process) {
			w.advance(30 * time.Hour)
			w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 5 })
			w.drain(p, 5)
		}, 2, "requested"},
		"protected": {func(w *world, p *process) {
			w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
		}, 1, "held"},
		"a false positive": {func(w *world, p *process) {
			w.editAlert("da1", func(a *alert.Alert) { a.Classification = "FalsePositive" })
			w.drain(p, 5)
		}, 1, "timed out"},
		"resolved": {func(w *world, p *process) {
			w.editAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
			w.drain(p, 5)
		}, 1, "timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.start(-1, false)
			w.alertOn("da1", "m1", alert.High)
			w.drain(p, 3)
			test.change(w, p)
			w.givesUp(p)
			last := w.order[len(w.order)-1]
			if w.isolations("m1") != test.isolations || !strings.Contains(string(last.Kind), test.told) {
				t.Errorf("%d isolations, told %s, at last %+v", w.isolations("m1"), w.kinds(), last)
			}
			if last.Kind == notice.TimedOut && w.promises() != 0 {
				t.Errorf("promised and not kept: %+v", last)
			}
		})
	}
}

// TestPromiseThatIsTakenBackIsTold has the alert resolved between the promise and its keeping, and again with the messages of
// the new version lost, so that the old one's come first.
func TestPromiseThatIsTakenBackIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.advance(74 * time.Hour)
	w.failOpen(p, machine.TimeOut)
	w.editAlert("da1", func(a *alert.Alert) { a.Status = alert.StatusResolved })
	w.drain(p, 9)
	last := w.order[len(w.order)-1]
	if w.promises() != 1 || w.isolations("m1") != 1 || last.Kind != notice.Skipped || !strings.Contains(last.Detail, "not asked for again") {
		t.Errorf("%d promises, told %s, at last %+v", w.promises(), w.kinds(), last)
	}
}

// TestVersionThatComesWhileItIsAskedForAgainKeepsThePromise has the alert change in the minute between the failure and the next
// request, when it is three days old.
func TestVersionThatComesWhileItIsAskedForAgainKeepsThePromise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.advance(74 * time.Hour)
	w.failOpen(p, machine.TimeOut)
	w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 5 })
	w.drain(p, 9)
	if run := w.run("da1", 2); w.isolations("m1") != 2 || run.State != ledger.Waiting {
		t.Errorf("%d isolations, told %s, run %+v", w.isolations("m1"), w.kinds(), run)
	}
	// A later version of an alert whose tries are over is as old as it is.
	for range 2 {
		w.advance(74 * time.Hour)
		w.failOpen(p, machine.Failed)
		w.drain(p, 20)
	}
	w.advance(time.Hour)
	n := w.isolations("m1")
	w.failOpen(p, machine.Failed)
	w.drain(p, 20)
	w.editAlert("da1", func(a *alert.Alert) { a.IncidentID = 6 })
	w.drain(p, 9)
	if run := w.run("da1", 3); w.isolations("m1") != n || run.Outcome != "held" {
		t.Errorf("%d isolations instead of %d, run %+v", w.isolations("m1"), n, run)
	}
}

// TestRequestOfUnknownFateIsRepeatedThoughTheAlertHasBecomeOld sends the first request a minute before the alert is stale.
func TestRequestOfUnknownFateIsRepeatedThoughTheAlertHasBecomeOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.advance(24*time.Hour - time.Minute)
	lost := true
	w.onPost = func() error {
		if lost {
			lost = false
			return &apiError{trouble: machine.UnknownFate, text: "connection reset"}
		}
		return nil
	}
	w.drain(p, 9)
	if run := w.run("da1", 1); run.State != ledger.Waiting || w.isolations("m1") != 1 {
		t.Errorf("%d isolations, told %s, run %+v", w.isolations("m1"), w.kinds(), run)
	}
}

// TestWhatAPersonLetGoOnIsAskedForAgain has a person continue with an alert that is stale; the machine is offline.
func TestWhatAPersonLetGoOnIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.advance(48 * time.Hour)
	w.drain(p, 3)
	held, found, err := p.ledger.HeldOf(t.Context(), "da1", 1)
	if err != nil || !found {
		t.Fatalf("nothing is held: %v", err)
	}
	d := &desk.Desk{API: p, Queue: p, Ledger: p.ledger, Now: w.clock}
	if err := d.Continue(t.Context(), held, "ana", "spoke to the owner"); err != nil {
		t.Fatal(err)
	}
	w.drain(p, 5)
	// Another tag: the leave was for the machine as it was, but the request is under way.
	w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"floor 3"} })
	w.givesUp(p)
	if w.promises() != 1 || w.isolations("m1") != 2 {
		t.Errorf("%d promises, %d isolations, told %s", w.promises(), w.isolations("m1"), w.kinds())
	}
}
