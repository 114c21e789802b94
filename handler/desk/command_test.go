package desk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// ordered is one kind of order: how the world is before it, how it is given, and how often it was carried out.
type ordered struct {
	before func(t *testing.T) *world.World
	give   func(d *desk.Desk, c desk.Command) ([]desk.Outcome, error)
	did    func(w *world.World) int
	object string
}

const commandID = "c0ffee00-1"

func order() desk.Command {
	return desk.Command{
		ID:     commandID,
		Reason: "reimaged",
		By:     journal.Author{Name: "operator@contoso.com", ID: "o1", Client: "cli", Address: "192.0.2.7"},
	}
}

func orders() map[string]ordered {
	return map[string]ordered{
		desk.VerbRelease: {
			before: func(t *testing.T) *world.World {
				w, _ := world.Isolated(t)
				w.Advance(5 * time.Minute)
				return w
			},
			give: func(d *desk.Desk, c desk.Command) ([]desk.Outcome, error) {
				return d.Releases(context.Background(), c, []string{"m1"})
			},
			did:    func(w *world.World) int { return count(w, machine.Unisolate) },
			object: "m1",
		},
		desk.VerbCancel: {
			before: func(t *testing.T) *world.World {
				w := world.New(t)
				w.AlertOn("da1", "m1", alert.High)
				w.Drain(w.Start(-1, false), 3)
				w.Advance(5 * time.Minute)
				return w
			},
			give: func(d *desk.Desk, c desk.Command) ([]desk.Outcome, error) {
				return d.Cancels(context.Background(), c, []string{"action-1"})
			},
			did: func(w *world.World) int {
				return strings.Count(w.Actions[0].CancelComment, "[command "+commandID+"]")
			},
			object: "action-1",
		},
		desk.VerbContinue: {
			before: heldWorld,
			give: func(d *desk.Desk, c desk.Command) ([]desk.Outcome, error) {
				return d.Continues(context.Background(), c, []string{"da1"})
			},
			did: func(w *world.World) int {
				if strings.Contains(w.Run("da1", 1).Leave, "operator@contoso.com: reimaged") {
					return 1
				}
				return 0
			},
			object: "da1",
		},
		desk.VerbDrop: {
			before: heldWorld,
			give: func(d *desk.Desk, c desk.Command) ([]desk.Outcome, error) {
				return d.Drops(context.Background(), c, []string{"da1"})
			},
			did: func(w *world.World) int {
				return strings.Count(w.Run("da1", 1).Reason, "dropped by operator@contoso.com: reimaged")
			},
			object: "da1",
		},
		desk.VerbEnqueue: {
			before: func(t *testing.T) *world.World {
				w := world.New(t)
				if err := w.Start(-1, false).Ledger.Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
				return w
			},
			give: func(d *desk.Desk, c desk.Command) ([]desk.Outcome, error) {
				return d.Enqueues(context.Background(), c, []string{"da7"})
			},
			// The queue may have it twice: an alert is answered once, however often it is asked for.
			did:    func(w *world.World) int { return min(len(w.Queue), 1) },
			object: "da7",
		},
		desk.VerbPause:  pauses(true, notice.Paused),
		desk.VerbResume: pauses(false, notice.Resumed),
	}
}

func pauses(paused bool, kind notice.Kind) ordered {
	return ordered{
		before: func(t *testing.T) *world.World {
			w := world.New(t)
			ledger := w.Start(-1, false).Ledger
			turn := switches.Turn{Paused: !paused, By: "bob", Reason: "x", At: w.Clock()}
			if err := ledger.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := ledger.Switches.SetPause(t.Context(), turn); err != nil {
				t.Fatal(err)
			}
			return w
		},
		give: func(d *desk.Desk, c desk.Command) ([]desk.Outcome, error) {
			outcome, _, err := d.SetPause(context.Background(), c, paused)
			return []desk.Outcome{outcome}, err
		},
		did: func(w *world.World) int {
			p, err := w.Start(-1, false).Ledger.Switches.Pause(context.Background())
			if err != nil || p.Command != commandID {
				return 0
			}
			if p.Paused != paused || len(w.ToldOf(kind)) != 1 {
				return -1
			}
			return 1
		},
	}
}

func count(w *world.World, kind machine.ActionType) (n int) {
	for _, a := range w.Actions {
		if a.Type == kind {
			n++
		}
	}
	return n
}

// heldWorld is a world in which an isolation is held.
func heldWorld(t *testing.T) *world.World {
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	for _, paused := range []bool{true, false} {
		turn := switches.Turn{Paused: paused, By: "bob", Reason: "x", At: w.Clock()}
		if _, err := p.Ledger.Switches.SetPause(t.Context(), turn); err != nil {
			t.Fatal(err)
		}
		w.Drain(p, 5)
	}
	return w
}

// entry is the one entry of the journal.
func entry(t *testing.T, w *world.World) journal.Entry {
	t.Helper()
	found, next, err := w.Start(-1, false).Ledger.Journal.Page(t.Context(), 10, "")
	if err != nil || next != "" || len(found) > 1 {
		t.Fatalf("the journal has %d entries: %v", len(found), err)
	}
	if len(found) == 0 {
		return journal.Entry{}
	}
	return found[0]
}

// TestWhatAPersonOrdersIsDoneOnceAndInTheJournal gives every order twice under one id, and another under the same id.
func TestWhatAPersonOrdersIsDoneOnceAndInTheJournal(t *testing.T) {
	t.Parallel()
	for verb, o := range orders() {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			w := o.before(t)
			for i := range 3 {
				d, _ := w.Desk()
				outcomes, err := o.give(d, order())
				if err != nil || len(outcomes) != 1 || outcomes[0].State != journal.Done ||
					outcomes[0].Before != (i > 0) {
					t.Fatalf("given for the %d. time: %+v, %v", i+1, outcomes, err)
				}
			}
			if n := o.did(w); n != 1 {
				t.Errorf("carried out %d times", n)
			}
			e := entry(t, w)
			if e.Verb != verb || e.Object != o.object || e.By != "operator@contoso.com" || e.ByID != "o1" ||
				e.Client != "cli" || e.Address != "192.0.2.7" || e.Reason != "reimaged" || e.State != journal.Done ||
				e.Result == "" || e.Ended.IsZero() {
				t.Errorf("the journal says %+v", e)
			}
			other := order()
			other.Reason = "another"
			d, _ := w.Desk()
			if _, err := o.give(d, other); !errors.Is(err, desk.ErrOtherOrder) {
				t.Errorf("another order under the same id: %v", err)
			}
		})
	}
}

// TestKilledAtAnyCallAnOrderIsDoneOnceOrNotAtAllAndTheJournalSaysWhich kills the desk before every call and after it
// with the answer lost. Either the person asks again, or nobody does and the journal finds out by itself.
func TestKilledAtAnyCallAnOrderIsDoneOnceOrNotAtAllAndTheJournalSaysWhich(t *testing.T) {
	t.Parallel()
	for verb, o := range orders() {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			for breaths := range 40 {
				for _, mute := range []bool{false, true} {
					lived := killed(t, o, breaths, mute, true)
					killed(t, o, breaths, mute, false)
					if lived && !mute {
						return
					}
				}
			}
			t.Error("the order was never carried out without a kill")
		})
	}
}

func killed(t *testing.T, o ordered, breaths int, mute, again bool) (lived bool) {
	t.Helper()
	w := o.before(t)
	w.Lag = 90 * time.Second
	what := fmt.Sprintf("killed after %d calls (answer lost: %v, asked again: %v)", breaths, mute, again)
	dying := w.Start(breaths, mute)
	_, _ = o.give(dying.AtDesk(), order()) // what it answers reaches nobody
	lived = !dying.Died()
	for _, later := range []time.Duration{time.Second, 3 * time.Minute, 3 * time.Minute} {
		if !again {
			break
		}
		w.Advance(later)
		d, _ := w.Desk()
		if outcomes, err := o.give(d, order()); err != nil || outcomes[0].State == journal.Failed {
			t.Fatalf("%s, then asked again: %+v, %v", what, outcomes, err)
		}
	}
	for range 2 {
		w.Advance(2 * time.Hour)
		d, _ := w.Desk()
		if err := d.Settle(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	did, e := o.did(w), entry(t, w)
	switch {
	case again && did != 1:
		t.Errorf("%s: carried out %d times", what, did)
	case e.Verb == desk.VerbEnqueue && e.State == journal.Unknown: // it leaves no trace
	case did == 1 && e.State != journal.Done, did == 0 && e.State != journal.Failed && e.State != "":
		t.Errorf("%s: carried out %d times, and the journal says %s: %s", what, did, e.State, e.Result)
	case did != 0 && did != 1:
		t.Errorf("%s: carried out %d times", what, did)
	}
	w.CheckRecord("da1")
	return lived
}

// TestAnOrderAboutWhatDoesNotExistEndsToo kills the desk at every call of an order that has to be refused.
func TestAnOrderAboutWhatDoesNotExistEndsToo(t *testing.T) {
	t.Parallel()
	for verb, o := range orders() {
		for breaths := 0; ; breaths++ {
			w := world.New(t)
			if err := w.Start(-1, false).Ledger.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			dying := w.Start(breaths, false)
			_, _ = o.give(dying.AtDesk(), order())
			w.Advance(2 * time.Hour)
			d, _ := w.Desk()
			if err := d.Settle(t.Context()); err != nil {
				t.Errorf("%s killed after %d calls: %v", verb, breaths, err)
			}
			if e := entry(t, w); e.State == journal.Begun {
				t.Errorf("%s killed after %d calls: the journal says %s", verb, breaths, e.State)
			}
			if !dying.Died() {
				break
			}
		}
	}
}

// TestKilledBetweenTwoMachinesEachIsReleasedOnceOrNotAtAll kills the desk at every call of one order about two machines.
func TestKilledBetweenTwoMachinesEachIsReleasedOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	for breaths := range 60 {
		w := world.New(t)
		p := w.Start(-1, false)
		for _, m := range []string{"m1", "m2"} {
			w.AlertOn("d"+m, m, alert.High)
		}
		w.Drain(p, 6)
		w.FinishAll(machine.Succeeded)
		w.Follow(p)
		w.Advance(5 * time.Minute)
		w.Lag = 90 * time.Second
		dying := w.Start(breaths, breaths%2 == 0)
		_, _ = dying.AtDesk().Releases(context.Background(), order(), []string{"m1", "m2"})
		w.Advance(2 * time.Hour)
		d, _ := w.Desk()
		if err := d.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		entries, _, err := w.Start(-1, false).Ledger.Journal.Page(t.Context(), 10, "")
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]journal.State{}
		for _, e := range entries {
			told[e.Object] = e.State
		}
		for _, m := range []string{"m1", "m2"} {
			asked := 0
			for _, a := range w.Actions {
				if a.Type == machine.Unisolate && a.MachineID == m {
					asked++
				}
			}
			if asked > 1 || (asked == 1) != (told[m] == journal.Done) {
				t.Errorf("killed after %d calls: %s was released %d times, and the journal says %q", breaths, m, asked, told[m])
			}
		}
		if !dying.Died() {
			return
		}
	}
	t.Error("the order was never carried out without a kill")
}

// TestWhatIsDoneAlthoughItsMessageIsNotSentIsToldSo has the queue take nothing: the run is open again all the same, and
// the sweep sends it.
func TestWhatIsDoneAlthoughItsMessageIsNotSentIsToldSo(t *testing.T) {
	t.Parallel()
	w := heldWorld(t)
	d, _ := w.Desk()
	d.Queue = full{}
	outcomes, err := d.Continues(t.Context(), order(), []string{"da1"})
	if err != nil || len(outcomes) != 1 || outcomes[0].State != journal.Done ||
		!strings.Contains(outcomes[0].Result, "the sweep sends it: the queue is full") {
		t.Errorf("%+v, %v", outcomes, err)
	}
}

// full is a queue that takes nothing.
type full struct{}

func (full) SendAlerts(context.Context, []alert.Envelope) error {
	return errors.New("the queue is full")
}

// TestWhatIsNotIsolatedIsNotReleased orders releases of a machine that is only about to be isolated, of one that is
// being released and of one that is not isolated at all: nothing is asked of Defender.
func TestWhatIsNotIsolatedIsNotReleased(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.High)
	w.AlertOn("da2", "m2", alert.High)
	p := w.Start(-1, false)
	w.Drain(p, 6)
	w.Mu.Lock()
	w.Finish("action-2", machine.Succeeded)
	w.Add(machine.Unisolate, "m2", "by hand", "", "Portal")
	w.Mu.Unlock()
	w.Follow(p)
	asked := len(w.Actions)
	d, _ := w.Desk()
	outcomes, err := d.Releases(t.Context(), order(), []string{"m1", "m2", "m3"})
	if err != nil || len(outcomes) != 3 || len(w.Actions) != asked {
		t.Fatalf("%+v, %v, %d actions instead of %d", outcomes, err, len(w.Actions), asked)
	}
	for i, want := range []string{"is not isolated yet", "a release of", "no isolated machine has the id m3"} {
		if o := outcomes[i]; o.State != journal.Refused || !strings.Contains(o.Result, want) {
			t.Errorf("%s: %s, %s", o.Object, o.State, o.Result)
		}
	}
}
