package response

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// readsActions is a playbook with a rule that has no answer if the API refuses to list actions.
const readsActions = `version: 1
mode: enforce
rules:
  - {name: contain, on: alert, when: alert.severity == "High" && !machine.isolated, do: [isolate: {type: Full}, mail: {}]}
`

// numbered answers everything about actions with a refusal of its own number.
type numbered struct {
	API
	n int
}

func (r *numbered) refuse() error {
	r.n++
	return &apiError{trouble: machine.Refused, text: fmt.Sprintf("400 BadRequest: no [correlation 7f3a-%d]", r.n)}
}

func (r *numbered) ActionsOn(context.Context, string, time.Time) ([]machine.Action, error) {
	return nil, r.refuse()
}

// newsOf are the events that people were told about an alert.
func (w *world) newsOf(id string) []notice.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var news []notice.Event
	for _, e := range w.order {
		if e.AlertID == id {
			news = append(news, e)
		}
	}
	return news
}

// edit changes what the API says of a machine.
func (w *world) edit(id string, change func(*machine.Machine)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.machines[id]
	change(&m)
	w.machines[id] = m
}

// grow adds evidence to an alert, as Defender does many times an hour, and answers the version that this makes.
func (w *world) grow(p *process, id string) {
	w.t.Helper()
	w.advance(150 * time.Second)
	w.mu.Lock()
	a := w.alerts[id]
	a.Evidence = append(a.Evidence, alert.Evidence{Kind: "Process", ProcessID: int64(len(a.Evidence) + 1)})
	a.Updated = w.now
	w.mu.Unlock()
	w.change(a)
	w.drain(p, 8)
}

// TestThatNothingIsDoneIsToldOnce has an alert for which nothing is done, for every reason that there is, and Defender adds
// evidence to it twenty times within an hour.
func TestThatNothingIsDoneIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		book    string
		prepare func(w *world, p *process)
		kind    notice.Kind
	}{
		"protected": {"", func(w *world, _ *process) {
			w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
		}, notice.Held},
		"observe mode":                      {"", func(_ *world, p *process) { p.responder.Ceiling = "" }, notice.WouldIsolate},
		"observe mode, another step":        {everyStep, func(_ *world, p *process) { p.responder.Ceiling = "" }, notice.WouldDo},
		"stale, and older with each update": {"", func(_ *world, p *process) { p.responder.StaleAfter = time.Minute }, notice.Held},
		"paused": {"", func(w *world, p *process) {
			if _, err := p.ledger.SetPause(context.Background(), true, "bob", "import 7 is wrong", w.clock()); err != nil {
				w.t.Fatal(err)
			}
		}, notice.Held},
		"a cap is reached": {"", func(w *world, p *process) {
			for i := range 5 {
				w.alertOn(fmt.Sprintf("other%d", i), fmt.Sprintf("mo%d", i), alert.High)
			}
			w.drain(p, 20)
		}, notice.Held},
		"a rule without an answer": {readsActions, func(_ *world, p *process) { p.responder.API = &numbered{API: p.responder.API} }, notice.Held},
		"not supported":            {"", func(w *world, _ *process) { w.edit("m1", func(m *machine.Machine) { m.OSPlatform = "Windows7" }) }, notice.Skipped},
		"refused by the API, each time under another number": {strings.Replace(isolateHigh, "perHour: 5, perDay: 9", "perHour: 50, perDay: 90", 1), func(w *world, _ *process) { w.onPost = (&numbered{}).refuse }, notice.Refused},
		"the machine does not exist":                         {"", func(w *world, _ *process) { delete(w.machines, "m1") }, notice.NotFound},
		"no machine": {"", func(w *world, _ *process) {
			a := w.alerts["da1"]
			a.MachineID = ""
			w.alerts["da1"] = a
		}, notice.NoMachine},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.book != "" {
				w = newWorldWith(t, c.book)
			}
			p := w.start(-1, false)
			w.categoryOn("da1", "m1", "scan")
			w.queue = nil // the first version that is answered comes with what c prepares
			c.prepare(w, p)
			for i := range 20 {
				w.grow(p, "da1")
				if i == 10 { // the alert is taken into another incident, whose notices are a group of their own
					a := w.alerts["da1"]
					a.IncidentID = 7
					w.alerts["da1"] = a
				}
			}
			if news := w.newsOf("da1"); len(news) != 1 || news[0].Kind != c.kind {
				t.Errorf("people were told %d times: %+v", len(news), news)
			}
			if run := w.run("da1", 21); run.Outcome == "" || run.Reason == "" {
				t.Errorf("the last version has no outcome: %+v", run)
			}
		})
	}
}

// TestAMissingPermissionIsToldOnce has one that is missing for hours, with every refusal under a number of its own. The
// operator hears of it besides, when the run has not got on for a while.
func TestAMissingPermissionIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	n := 0
	w.onPost = func() error {
		n++
		return &apiError{trouble: machine.Denied, text: fmt.Sprintf("403 Forbidden [correlation 1-%d]", n)}
	}
	w.alertOn("da1", "m1", alert.High)
	for range 30 {
		w.some(p, 1)
	}
	if n < 20 || w.kinds() != "denied, not answered yet" {
		t.Errorf("%d tries, told %q", n, w.kinds())
	}
}

// TestWhatChangesIsTold changes the reason, the decision and the machine of an alert for which nothing is done.
func TestWhatChangesIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.queue = nil
	for i, change := range []func(){
		func() { w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} }) },
		func() { w.edit("m1", func(m *machine.Machine) { m.Tags, m.ComputerDNSName = nil, "" }) },
		func() {
			w.edit("m1", func(m *machine.Machine) { m.ComputerDNSName = "pc1" })
			p.responder.Ceiling = ""
		},
		func() {
			w.edit("m2", func(m *machine.Machine) {
				*m = machine.Machine{ID: "m2", ComputerDNSName: "pc2", OSPlatform: "Windows11"}
			})
			a := w.alerts["da1"]
			a.MachineID = "m2"
			w.alerts["da1"] = a
		},
	} {
		change()
		w.grow(p, "da1")
		w.grow(p, "da1")
		if news := w.newsOf("da1"); len(news) != i+1 {
			t.Errorf("after change %d people were told %d times: %+v", i+1, len(news), news)
		}
	}
}

// TestKilledAnywhereItIsToldOnceThatNothingIsDone kills the process at every call that it makes on the way through the first
// version of an alert on a protected machine, and has the next one answer it together with its second version.
func TestKilledAnywhereItIsToldOnceThatNothingIsDone(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		for k, killed := 0, true; killed; k++ {
			w := newWorld(t)
			w.alertOn("da1", "m1", alert.High)
			w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
			w.queue[0].Message.Machine = nil
			mortal := w.start(k, mute)
			w.work(mortal)
			killed = mortal.died()
			w.advance(2 * time.Minute)
			p := w.start(-1, false)
			if k%2 == 0 {
				w.work(p)
			}
			w.grow(p, "da1")
			if run := w.run("da1", 2); w.kinds() != "held" || run.Outcome != "held" {
				t.Errorf("killed at %d (answer lost %v): told %q, run %+v", k, mute, w.kinds(), run)
			}
		}
	}
}

// listed are the versions that the list of what is held has of an alert.
func (w *world) listed(id string) []int {
	w.t.Helper()
	d, _ := w.desk()
	states, err := d.List(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var versions []int
	for _, s := range states {
		if s.AlertID == id {
			versions = append(versions, s.Version)
		}
	}
	return versions
}

// TestWhatIsHeldIsListedOnceAsTheNewestVersion has twenty versions that are held, then one that nobody wants anything of, and one
// that is held again.
func TestWhatIsHeldIsListedOnceAsTheNewestVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
	w.queue[0].Message.Machine = nil
	for range 20 {
		w.grow(p, "da1")
	}
	if got := w.listed("da1"); !slices.Equal(got, []int{21}) {
		t.Errorf("versions %v are listed", got)
	}
	for _, change := range []struct {
		to   alert.Severity
		want []int
	}{{alert.Low, nil}, {alert.High, []int{23}}} {
		a := w.alerts["da1"]
		a.Severity = change.to
		w.alerts["da1"] = a
		w.grow(p, "da1")
		if got := w.listed("da1"); !slices.Equal(got, change.want) {
			t.Errorf("%s: versions %v are listed, want %v", change.to, got, change.want)
		}
	}
}

// TestKilledAnywhereNothingStaysListedThatIsAnsweredOtherwise kills the process at every call on the way to the list, before the
// alert becomes one that no rule asks about. Its messages come in either order, and a process that sleeps meanwhile wakes up.
func TestKilledAnywhereNothingStaysListedThatIsAnsweredOtherwise(t *testing.T) {
	t.Parallel()
	for _, first := range []int{1, 2} {
		for k, killed := 0, true; killed; k++ {
			w := newWorld(t)
			w.alertOn("da1", "m1", alert.High)
			w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
			w.queue[0].Message.Machine = nil
			mortal := w.start(k, true)
			w.work(mortal)
			killed = mortal.died()
			w.advance(2 * time.Minute)
			a := w.alerts["da1"]
			a.Severity, a.Updated = alert.Low, w.clock()
			w.change(a)
			slices.SortStableFunc(w.queue, func(a, b alert.Envelope) int {
				return (a.Message.Version - b.Message.Version) * (3 - 2*first)
			})
			w.work(w.start(-1, false))
			if got := w.listed("da1"); got != nil || w.run("da1", 2).Outcome != "no rule" {
				t.Errorf("killed at %d, version %d first: versions %v are listed, run %+v", k, first, got, w.run("da1", 2))
			}
		}
	}
}

// TestAVersionThatComesWhileAnOlderOneIsHeldLeavesNoneOfItListed has the newer version answered between any two calls of the older.
func TestAVersionThatComesWhileAnOlderOneIsHeldLeavesNoneOfItListed(t *testing.T) {
	t.Parallel()
	for k, came := 0, true; came; k++ {
		w := newWorld(t)
		w.alertOn("da1", "m1", alert.High)
		w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
		w.queue[0].Message.Machine = nil
		p, calls := w.start(-1, false), 0
		came = false
		p.between = func() {
			if calls++; calls != k+1 {
				return
			}
			came = true
			a := w.alerts["da1"]
			a.Severity, a.Updated = alert.Low, w.clock().Add(time.Second)
			w.change(a)
			w.work(w.start(-1, false))
		}
		w.work(p)
		w.work(w.start(-1, false))
		if got := w.listed("da1"); came && got != nil {
			t.Errorf("after %d calls: versions %v are listed", k, got)
		}
	}
}

// TestWhatAPersonLetGoOnIsToldIfItIsHeldAgain has the machine renamed before the app acts, so that its tag protects it again.
func TestWhatAPersonLetGoOnIsToldIfItIsHeldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
	w.queue[0].Message.Machine = nil
	w.drain(p, 5)
	d, _ := w.desk()
	if err := d.Continue(t.Context(), w.heldOf("da1"), "alice", "x"); err != nil {
		t.Fatal(err)
	}
	w.edit("m1", func(m *machine.Machine) { m.ComputerDNSName = "renamed" })
	w.drain(p, 5)
	if w.kinds() != "held, held" || w.posts != 0 {
		t.Errorf("told %q, %d requests", w.kinds(), w.posts)
	}
}
