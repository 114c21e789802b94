package respond_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/notice"
	"cordon/handler/respond"
)

// readsActions is a playbook with a rule that has no answer if the API refuses to list actions.
const readsActions = `version: 1
mode: enforce
rules:
  - {name: contain, on: alert, when: alert.severity == "High" && !machine.isolated, do: [isolate: {type: Full}, mail: {}]}
`

// TestThatNothingIsDoneIsToldOnce has an alert for which nothing is done, for every reason that there is, and Defender
// adds evidence to it twenty times within an hour.
func TestThatNothingIsDoneIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		book    string
		prepare func(w *world.World, p *world.Process)
		kind    notice.Kind
	}{
		"protected": {"", func(w *world.World, _ *world.Process) {
			w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
		}, notice.Held},
		"observe mode": {"", func(_ *world.World, p *world.Process) {
			p.Change(func(options *respond.Options) { options.Ceiling = "" })
		}, notice.WouldIsolate},
		"observe mode, another step": {everyStep, func(_ *world.World, p *world.Process) {
			p.Change(func(options *respond.Options) { options.Ceiling = "" })
		}, notice.WouldDo},
		"stale, and older with each update": {"", func(_ *world.World, p *world.Process) {
			p.Change(func(options *respond.Options) { options.StaleAfter = time.Minute })
		}, notice.Held},
		"paused": {"", func(w *world.World, p *world.Process) {
			if _, err := p.Ledger.Switches.SetPause(context.Background(),
				switches.Turn{Paused: true, By: "bob", Reason: "import 7 is wrong", At: w.Clock()}); err != nil {
				w.T.Fatal(err)
			}
		}, notice.Held},
		"a cap is reached": {"", func(w *world.World, p *world.Process) {
			for i := range 5 {
				w.AlertOn(fmt.Sprintf("other%d", i), fmt.Sprintf("mo%d", i), alert.High)
			}
			w.Drain(p, 20)
		}, notice.Held},
		"a rule without an answer": {readsActions, func(_ *world.World, p *world.Process) {
			p.Change(func(options *respond.Options) { options.API = &world.Numbered{API: options.API} })
		}, notice.Held},
		"not supported": {"", func(w *world.World, _ *world.Process) {
			w.Edit("m1", func(m *machine.Machine) { m.OSPlatform = "Windows7" })
		}, notice.Skipped},
		"refused by the API, each time under another number": {
			strings.Replace(world.IsolateHigh, "perHour: 5, perDay: 9", "perHour: 50, perDay: 90", 1),
			func(w *world.World, _ *world.Process) {
				w.OnPost = (&world.Numbered{}).Refuse
			}, notice.Refused,
		},
		"the machine does not exist": {"", func(w *world.World, _ *world.Process) {
			delete(w.Machines, "m1")
		}, notice.NotFound},
		"no machine": {"", func(w *world.World, _ *world.Process) {
			a := w.Alerts["da1"]
			a.MachineID = ""
			w.Alerts["da1"] = a
		}, notice.NoMachine},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			if c.book != "" {
				w = world.NewWorldWith(t, c.book)
			}
			p := w.Start(-1, false)
			w.CategoryOn("da1", "m1", "scan")
			w.Queue = nil // the first version that is answered comes with what c prepares
			c.prepare(w, p)
			for i := range 20 {
				w.Grow(p, "da1")
				if i == 10 { // the alert is taken into another incident, whose notices are a group of their own
					a := w.Alerts["da1"]
					a.IncidentID = 7
					w.Alerts["da1"] = a
				}
			}
			if news := w.NewsOf("da1"); len(news) != 1 || news[0].Kind != c.kind {
				t.Errorf("people were told %d times: %+v", len(news), news)
			}
			if news := w.NewsOf("da1"); c.kind != notice.NoMachine && news[0].MachineID != "m1" {
				t.Errorf("the news is about machine %q", news[0].MachineID)
			}
			if run := w.Run("da1", 21); run.Outcome == "" || run.Reason == "" {
				t.Errorf("the last version has no outcome: %+v", run)
			}
		})
	}
}

// TestAMissingPermissionIsToldOnce has one that is missing for hours, with every refusal under a number of its own. The
// operator hears of it besides, when the run has not got on for a while.
func TestAMissingPermissionIsToldOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	n := 0
	w.OnPost = func() error {
		n++
		return &world.APIError{Kind: machine.Denied, Text: fmt.Sprintf("403 Forbidden [correlation 1-%d]", n)}
	}
	w.AlertOn("da1", "m1", alert.High)
	for range 30 {
		w.Some(p, 1)
	}
	if n < 20 || w.Kinds() != "denied, not answered yet" {
		t.Errorf("%d tries, told %q", n, w.Kinds())
	}
}

// TestWhatChangesIsTold changes the reason, the decision and the machine of an alert for which nothing is done.
func TestWhatChangesIsTold(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Queue = nil
	for i, change := range []func(){
		func() { w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} }) },
		func() { w.Edit("m1", func(m *machine.Machine) { m.Tags, m.ComputerDNSName = nil, "" }) },
		func() {
			w.Edit("m1", func(m *machine.Machine) { m.ComputerDNSName = "pc1" })
			p.Change(func(options *respond.Options) { options.Ceiling = "" })
		},
		func() {
			w.Edit("m2", func(m *machine.Machine) {
				*m = machine.Machine{ID: "m2", ComputerDNSName: "pc2", OSPlatform: "Windows11"}
			})
			a := w.Alerts["da1"]
			a.MachineID = "m2"
			w.Alerts["da1"] = a
		},
	} {
		change()
		w.Grow(p, "da1")
		w.Grow(p, "da1")
		if news := w.NewsOf("da1"); len(news) != i+1 {
			t.Errorf("after change %d people were told %d times: %+v", i+1, len(news), news)
		}
	}
}

// TestKilledAnywhereItIsToldOnceThatNothingIsDone kills the process at every call that it makes on the way through the
// first version of an alert on a protected machine, and has the next one answer it together with its second version.
func TestKilledAnywhereItIsToldOnceThatNothingIsDone(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		for k, killed := 0, true; killed; k++ {
			w := world.New(t)
			w.AlertOn("da1", "m1", alert.High)
			w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
			w.Queue[0].Message.Machine = nil
			mortal := w.Start(k, mute)
			w.Work(mortal)
			killed = mortal.Died()
			w.Advance(2 * time.Minute)
			p := w.Start(-1, false)
			if k%2 == 0 {
				w.Work(p)
			}
			w.Grow(p, "da1")
			if run := w.Run("da1", 2); w.Kinds() != "held" || run.Outcome != "held" {
				t.Errorf("killed at %d (answer lost %v): told %q, run %+v", k, mute, w.Kinds(), run)
			}
		}
	}
}

// TestWhatIsHeldIsListedOnceAsTheNewestVersion has twenty versions that are held, then one that nobody wants anything
// of, and one that is held again.
func TestWhatIsHeldIsListedOnceAsTheNewestVersion(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
	w.Queue[0].Message.Machine = nil
	for range 20 {
		w.Grow(p, "da1")
	}
	if got := w.Listed("da1"); !slices.Equal(got, []int{21}) {
		t.Errorf("versions %v are listed", got)
	}
	for _, change := range []struct {
		to   alert.Severity
		want []int
	}{{alert.Low, nil}, {alert.High, []int{23}}} {
		a := w.Alerts["da1"]
		a.Severity = change.to
		w.Alerts["da1"] = a
		w.Grow(p, "da1")
		if got := w.Listed("da1"); !slices.Equal(got, change.want) {
			t.Errorf("%s: versions %v are listed, want %v", change.to, got, change.want)
		}
	}
}

// TestKilledAnywhereNothingStaysListedThatIsAnsweredOtherwise kills the process at every call on the way to the list,
// before the alert becomes one that no rule asks about. Its messages come in either order, and a process that sleeps
// meanwhile wakes up.
func TestKilledAnywhereNothingStaysListedThatIsAnsweredOtherwise(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, first := range []int{1, 2} {
		for k, killed := 0, true; killed; k++ {
			w := world.New(t)
			w.AlertOn("da1", "m1", alert.High)
			w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
			w.Queue[0].Message.Machine = nil
			mortal := w.Start(k, true)
			w.Work(mortal)
			killed = mortal.Died()
			w.Advance(2 * time.Minute)
			a := w.Alerts["da1"]
			a.Severity, a.Updated = alert.Low, w.Clock()
			w.Change(a)
			slices.SortStableFunc(w.Queue, func(a, b alert.Envelope) int {
				return (a.Message.Version - b.Message.Version) * (3 - 2*first)
			})
			w.Work(w.Start(-1, false))
			if got := w.Listed("da1"); got != nil || w.Run("da1", 2).Outcome != "no rule" {
				t.Errorf("killed at %d, version %d first: versions %v are listed, run %+v", k, first, got,
					w.Run("da1", 2))
			}
		}
	}
}

// TestAVersionThatComesWhileAnOlderOneIsHeldLeavesNoneOfItListed has the newer version answered between any two calls
// of the older.
func TestAVersionThatComesWhileAnOlderOneIsHeldLeavesNoneOfItListed(t *testing.T) {
	t.Parallel()
	for k, came := 0, true; came; k++ {
		w := world.New(t)
		w.AlertOn("da1", "m1", alert.High)
		w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
		w.Queue[0].Message.Machine = nil
		p, calls := w.Start(-1, false), 0
		came = false
		p.Between = func() {
			if calls++; calls != k+1 {
				return
			}
			came = true
			a := w.Alerts["da1"]
			a.Severity, a.Updated = alert.Low, w.Clock().Add(time.Second)
			w.Change(a)
			w.Work(w.Start(-1, false))
		}
		w.Work(p)
		w.Work(w.Start(-1, false))
		if got := w.Listed("da1"); came && got != nil {
			t.Errorf("after %d calls: versions %v are listed", k, got)
		}
	}
}

// TestWhatAPersonLetGoOnIsToldIfItIsHeldAgain has the machine renamed before the app acts, so that its tag protects it
// again.
func TestWhatAPersonLetGoOnIsToldIfItIsHeldAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
	w.Queue[0].Message.Machine = nil
	w.Drain(p, 5)
	d, _ := w.Desk()
	if err := d.Continue(t.Context(), w.HeldOf("da1"), world.Says("alice", "x")); err != nil {
		t.Fatal(err)
	}
	w.Edit("m1", func(m *machine.Machine) { m.ComputerDNSName = "renamed" })
	w.Drain(p, 5)
	if w.Kinds() != "held, held" || w.Posts != 0 {
		t.Errorf("told %q, %d requests", w.Kinds(), w.Posts)
	}
}
