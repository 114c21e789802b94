package respond_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/playbook"
	"cordon/handler/respond"
)

// What belongs together is not used apart: facts and the plan made of them, an episode's end and the run that ended
// it, the age of an alert and the action and machine that it was judged for, a rail and the person who passes it.

const scanAndIsolate = `version: 1
mode: enforce
rules:
  - name: both
    on: alert
    when: alert.severity == "High"
    unless: machine.isolated
    do: [scan: {type: Quick}, isolate: {type: Full}, mail: {}]
protect: {tags: [never-isolate]}
`

// once lets the nth call of a kind fail in a way that passes.
type once struct {
	respond.API
	machines, lists int
}

func (o *once) Machine(ctx context.Context, id string) (machine.Machine, error) {
	if o.machines--; o.machines == 0 {
		return machine.Machine{}, &world.APIError{Kind: machine.Transient, Text: "429"}
	}
	return o.API.Machine(ctx, id)
}

func (o *once) ActionsOn(ctx context.Context, id string, since time.Time) ([]machine.Action, error) {
	if o.lists--; o.lists == 0 {
		return nil, &world.APIError{Kind: machine.Transient, Text: "429"}
	}
	return o.API.ActionsOn(ctx, id, since)
}

// TestAStepIsNotCarriedOutByThePlanOfBefore has the facts read anew for the first step while the decision about them
// fails.
func TestAStepIsNotCarriedOutByThePlanOfBefore(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"protected", "false positive"} {
		w := world.NewWorldWith(t, scanAndIsolate)
		p := w.Start(-1, false)
		w.AlertOn("da1", "m1", alert.High)
		w.Advance(10 * time.Minute)
		if what == "protected" {
			w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
		} else {
			w.Mu.Lock()
			a := w.Alerts["da1"]
			a.Classification = "FalsePositive"
			w.Alerts["da1"] = a
			w.Mu.Unlock()
		}
		p.Change(func(options *respond.Options) { options.API = &once{API: options.API, lists: 2} })
		w.Drain(p, 20)
		if w.Isolations("m1") > 0 {
			t.Errorf("isolated although %s; told %s", what, w.Kinds())
		}
	}
}

func TestTroubleWithTheMachineInOneStepIsNoMissingMachineInTheNext(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, strings.Replace(scanAndIsolate, "    unless: machine.isolated\n", "", 1))
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Advance(10 * time.Minute)
	p.Change(func(options *respond.Options) { options.API = &once{API: options.API, machines: 1} })
	w.Drain(p, 20)
	if !strings.Contains(w.Asked("m1"), "Isolate") {
		t.Errorf("not isolated: %+v; told %s", w.Run("da1", 1).Steps, w.Kinds())
	}
}

// takesOver writes the latch as another process does, while the machine is read for the first time.
type takesOver struct {
	respond.API
	w    *world.World
	done bool
}

func (o *takesOver) Machine(ctx context.Context, id string) (machine.Machine, error) {
	if o.done {
		return o.API.Machine(ctx, id)
	}
	o.done = true
	other := o.w.Start(-1, false)
	l, err := other.Ledger.Latches.Of(ctx, id, latches.Isolation)
	if err == nil {
		err = other.Ledger.Latches.Save(ctx, &l)
	}
	if err != nil {
		return machine.Machine{}, err
	}
	return machine.Machine{}, &world.APIError{Kind: machine.Transient, Text: "429"}
}

func TestALatchThatIsLostWhileTheMachineCannotBeReadIsTakenAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Advance(10 * time.Minute)
	p.Change(func(options *respond.Options) { options.API = &takesOver{API: options.API, w: w} })
	w.Drain(p, 20)
	if w.Isolations("m1") != 1 {
		t.Errorf("isolated %d times; told %s", w.Isolations("m1"), w.Kinds())
	}
}

const highAndMedium = `version: 1
mode: enforce
rules:
  - {name: high, on: alert, when: alert.severity == "High", do: [isolate: {type: Full}, mail: {}]}
  - {name: medium, on: alert, when: alert.severity == "Medium", do: [isolate: {type: Selective}, mail: {}]}
limits:
  isolate: { perHour: 50, perDay: 90, perRule: { perHour: 1 }, then: hold }
`

// TestAnotherAlertsHoldOrRefusalEndsNoRun has a High alert begin an episode and be throttled. A Medium alert takes the
// episode over and ends it.
func TestAnotherAlertsHoldOrRefusalEndsNoRun(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"cap", "refused"} {
		w := world.NewWorldWith(t, highAndMedium)
		p := w.Start(-1, false)
		if end == "cap" {
			w.AlertOn("first", "m0", alert.Medium) // uses up the cap of its rule
			w.Drain(p, 5)
		}
		w.AlertOn("high", "m1", alert.High)
		n := 0
		w.OnPost = func() error {
			switch n++; {
			case n == 1:
				return &world.APIError{Kind: machine.Transient, Text: "429", After: time.Minute}
			case n == 2 && end == "refused":
				return &world.APIError{
					Kind: machine.Refused,
					Text: "selective isolation is not possible on this machine",
				}
			}
			return nil
		}
		m, _ := w.Take()
		if err := p.Responder.Respond(t.Context(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
		w.AlertOn("medium", "m1", alert.Medium)
		w.Drain(p, 20)
		if w.Isolations("m1") != 1 {
			t.Errorf("%s: isolated %d times; high is %q: %s", end, w.Isolations("m1"), w.Run("high", 1).Outcome,
				w.Run("high", 1).Reason)
		}
	}
}

func TestALeaveActsOnNothingInObserveMode(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	p.Change(func(options *respond.Options) { options.Ceiling = playbook.Observe })
	w.AlertOn("da1", "m1", alert.High)
	w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
	w.Queue[0].Message.Machine = nil
	w.Drain(p, 5)
	d, _ := w.Desk()
	if err := d.Continue(t.Context(), w.HeldOf("da1"), world.Says("alice", "go")); err != nil {
		t.Fatal(err)
	}
	w.Drain(p, 20)
	if run := w.Run("da1", 1); w.Isolations("m1") != 0 || run.Outcome != "would isolate" {
		t.Errorf("isolated %d times, run %q: %s", w.Isolations("m1"), run.Outcome, run.Reason)
	}
}

const readsLastSeen = `version: 1
mode: enforce
rules:
  - name: iso
    on: alert
    when: alert.severity == "High" && machine.lastSeenAge < duration("300h")
    do: [isolate: {type: Full}, mail: {}]
protect: {tags: [never-isolate]}
`

// TestWhoPassesARuleWithoutAnAnswerSeesWhatElseHolds has a rule that cannot be evaluated, of a machine that is
// protected or an alert that is old besides.
func TestWhoPassesARuleWithoutAnAnswerSeesWhatElseHolds(t *testing.T) {
	t.Parallel()
	for what, says := range map[string]string{
		"protected":      "never-isolate",
		"stale":          "old, the limit is",
		"both":           "never-isolate",
		"false positive": "",
	} {
		w := world.NewWorldWith(t, readsLastSeen)
		p := w.Start(-1, false)
		w.AlertOn("da1", "m1", alert.High)
		if what == "protected" || what == "both" {
			w.Edit("m1", func(m *machine.Machine) { m.Tags = []string{"never-isolate"} })
			w.Queue[0].Message.Machine = nil
		}
		if what == "stale" || what == "both" {
			w.Advance(48 * time.Hour)
		}
		if what == "false positive" {
			w.EditAlert("da1", func(a *alert.Alert) { a.Classification = "FalsePositive" })
		}
		w.Drain(p, 5)
		held, err := p.Ledger.Held.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if what == "false positive" {
			if len(held) != 0 || w.Run("da1", 2).Outcome != "skipped" {
				t.Errorf("%s: held %+v, run %+v", what, held, w.Run("da1", 2))
			}
			continue
		}
		if len(held) != 1 || !strings.Contains(held[0].Reason, "lastSeenAge is not given") ||
			!strings.Contains(held[0].Reason, says) ||
			what == "both" && !strings.Contains(held[0].Reason, "old, the limit is") {
			t.Errorf("%s: held %+v", what, held)
		}
	}
}

const isolateOrScan = `version: 1
mode: enforce
rules:
  - {name: iso, on: alert, when: alert.severity == "High", do: [isolate: {type: Full}, mail: {}]}
  - {name: scan, on: alert, when: alert.severity == "Medium", do: [scan: {type: Quick}, mail: {}]}
`

// TestAnAgeIsForgivenForTheSameActionOnTheSameMachineOnly has an action under way for two days when the alert changes.
func TestAnAgeIsForgivenForTheSameActionOnTheSameMachineOnly(t *testing.T) {
	t.Parallel()
	w := world.NewWorldWith(t, isolateOrScan)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.Medium)
	w.AlertOn("da2", "m2", alert.High)
	w.Drain(p, 5)
	w.Advance(48 * time.Hour)
	w.EditAlert("da1", func(a *alert.Alert) { a.Severity = alert.High })
	w.AlertOn("other", "m3", alert.Low)
	w.EditAlert("da2", func(a *alert.Alert) { a.MachineID = "m3" })
	w.Drain(p, 20)
	for id, m := range map[string]string{"da1": "m1", "da2": "m3"} {
		if run := w.Run(id, 2); w.Isolations(m) != 0 || run.Outcome != "held" {
			t.Errorf("%s: %s is isolated %d times, run %q: %s", id, m, w.Isolations(m), run.Outcome, run.Reason)
		}
	}
}
