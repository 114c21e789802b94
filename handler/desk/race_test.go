package desk_test

import (
	"context"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/desk"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/journal"
	"cordon/handler/ledger/switches"
	"cordon/handler/machine"
)

// between runs something once, before the n-th call that a process makes.
func between(p *world.Process, n int, run func()) {
	p.Between = func() {
		if n--; n == -1 {
			run()
		}
	}
}

// TestARepeatAtAnyCallOfTheFirstTryIsTheSameOrder gives every order a second time, to another process, between any two
// calls of the first: it is carried out once, and the journal and whoever is answered last know that it is.
func TestARepeatAtAnyCallOfTheFirstTryIsTheSameOrder(t *testing.T) {
	t.Parallel()
	for verb, o := range orders() {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			for n, ran := 0, true; ran; n++ {
				ran = false
				w := o.before(t)
				p := w.Start(-1, false)
				between(p, n, func() {
					ran = true
					d, _ := w.Desk()
					if _, err := o.give(d, order()); err != nil {
						t.Errorf("given again before call %d: %v", n+1, err)
					}
				})
				outcomes, err := o.give(p.AtDesk(), order())
				if err != nil || outcomes[0].State != journal.Done {
					t.Errorf("given again before call %d: %+v, %v", n+1, outcomes, err)
				}
				w.Advance(2 * time.Hour)
				d, _ := w.Desk()
				if err := d.Settle(t.Context()); err != nil {
					t.Fatal(err)
				}
				if did, e := o.did(w), entry(t, w); did != 1 || e.State != journal.Done {
					t.Errorf("given again before call %d: carried out %d times, and the journal says %s: %s",
						n+1, did, e.State, e.Result)
				}
			}
		})
	}
}

// TestOfTwoPeopleWhoDecideOnTheSameHeldRunOneIsToldThatTheOtherDid has one person decide between any two calls of the
// other.
func TestOfTwoPeopleWhoDecideOnTheSameHeldRunOneIsToldThatTheOtherDid(t *testing.T) {
	t.Parallel()
	other := order()
	other.ID, other.By.Name = "c0ffee00-2", "other@contoso.com"
	verbs := []string{desk.VerbContinue, desk.VerbDrop}
	for i, verb := range verbs {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			mine, theirs := orders()[verb], orders()[verbs[1-i]]
			for n, ran := 0, true; ran; n++ {
				ran = false
				w := mine.before(t)
				p := w.Start(-1, false)
				var they []desk.Outcome
				between(p, n, func() {
					ran = true
					var err error
					d, _ := w.Desk()
					they, err = theirs.give(d, other)
					if err != nil {
						t.Error(err)
					}
				})
				mineIs, err := mine.give(p.AtDesk(), order())
				if err != nil || !ran {
					continue
				}
				if (mineIs[0].State == journal.Done) == (they[0].State == journal.Done) {
					t.Errorf("before call %d: mine is %s: %s; theirs is %s: %s", n+1, mineIs[0].State, mineIs[0].Result,
						they[0].State, they[0].Result)
				}
				if (mineIs[0].State == journal.Done) != (mine.did(w) == 1) {
					t.Errorf("before call %d: mine is %s, done %d times", n+1, mineIs[0].State, mine.did(w))
				}
			}
		})
	}
}

// TestTwoTriesAtOnceAreOneOrder lets the first try stand still where it has written down what it is about to do, and go
// on between any two calls of the second.
func TestTwoTriesAtOnceAreOneOrder(t *testing.T) {
	t.Parallel()
	for verb, o := range orders() {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			for n, ran := 0, true; ran; n++ {
				ran = false
				w := o.before(t)
				w.Lag = 90 * time.Second
				first := w.Start(-1, false)
				begun, goOn, ended := make(chan bool), make(chan bool), make(chan bool)
				stopped := false
				first.Between = func() {
					if stopped || entry(t, w).State != journal.Begun {
						return
					}
					stopped = true
					begun <- true
					<-goOn
				}
				go func() {
					defer close(ended)
					_, _ = o.give(first.AtDesk(), order())
				}()
				<-begun
				second := w.Start(-1, false)
				between(second, n, func() {
					ran = true
					close(goOn)
					<-ended
				})
				_, err := o.give(second.AtDesk(), order())
				if err != nil {
					t.Errorf("the first goes on before call %d: %v", n+1, err)
				}
				if !ran {
					close(goOn)
					<-ended
				}
				if did, e := o.did(w), entry(t, w); did != 1 || e.State != journal.Done {
					t.Errorf("the first goes on before call %d: carried out %d times, and the journal says %s: %s",
						n+1, did, e.State, e.Result)
				}
			}
		})
	}
}

// left is a world in which the process that took an order ended before it did anything.
func left(t *testing.T, o ordered) *world.World {
	t.Helper()
	for breaths := 0; ; breaths++ {
		w := o.before(t)
		w.Lag = 90 * time.Second
		dying := w.Start(breaths, false)
		_, _ = o.give(dying.AtDesk(), order()) // what it answers reaches nobody
		if entry(t, w).State == journal.Begun {
			return w
		}
		if !dying.Died() {
			t.Fatal("it ended before anybody could end it")
		}
	}
}

// TestOfTwoLaterTriesOneIsMade tries what was left undone twice at the same time: the second try comes between any two
// calls of the first.
func TestOfTwoLaterTriesOneIsMade(t *testing.T) {
	t.Parallel()
	for verb, o := range orders() {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			for n, ran := 0, true; ran; n++ {
				ran = false
				w := left(t, o)
				w.Advance(3 * time.Minute)
				p := w.Start(-1, false)
				between(p, n, func() {
					ran = true
					d, _ := w.Desk()
					if _, err := o.give(d, order()); err != nil {
						t.Errorf("before call %d: %v", n+1, err)
					}
				})
				if _, err := o.give(p.AtDesk(), order()); err != nil {
					t.Errorf("before call %d: %v", n+1, err)
				}
				w.Advance(5 * time.Minute)
				d, _ := w.Desk()
				if _, err := o.give(d, order()); err != nil {
					t.Errorf("before call %d: %v", n+1, err)
				}
				if did, e := o.did(w), entry(t, w); did != 1 || e.State != journal.Done {
					t.Errorf("before call %d: carried out %d times, and the journal says %s: %s", n+1, did, e.State, e.Result)
				}
			}
		})
	}
}

// TestWhatIsTriedAgainIsNotGivenUp has the journal settle what was left undone between any two calls of a late try.
func TestWhatIsTriedAgainIsNotGivenUp(t *testing.T) {
	t.Parallel()
	for verb, o := range orders() {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			for n, ran := 0, true; ran; n++ {
				ran = false
				w := left(t, o)
				w.Advance(2 * time.Hour)
				p := w.Start(-1, false)
				between(p, n, func() {
					ran = true
					d, _ := w.Desk()
					if err := d.Settle(t.Context()); err != nil {
						t.Error(err)
					}
				})
				if _, err := o.give(p.AtDesk(), order()); err != nil {
					t.Errorf("before call %d: %v", n+1, err)
				}
				did, e := o.did(w), entry(t, w)
				if (did == 1) != (e.State == journal.Done) {
					t.Errorf("before call %d: carried out %d times, and the journal says %s: %s", n+1, did, e.State, e.Result)
				}
			}
		})
	}
}

// TestALongOrderIsTriedByOneAtATime gives an order about two machines again while the first try is so slow that the
// second machine is asked for late.
func TestALongOrderIsTriedByOneAtATime(t *testing.T) {
	t.Parallel()
	w := twoIsolated(t)
	slow := w.Start(-1, false)
	given := false
	slow.Between = func() {
		if given || count(w, machine.Unisolate) == 0 || told(t, w)["m1"] != journal.Done {
			return
		}
		given = true
		w.Advance(130 * time.Second)
		d, _ := w.Desk()
		if _, err := d.Releases(t.Context(), order(), []string{"m1", "m2"}); err != nil {
			t.Error(err)
		}
	}
	outcomes, err := slow.AtDesk().Releases(t.Context(), order(), []string{"m1", "m2"})
	if err != nil || outcomes[1].State != journal.Done {
		t.Errorf("answered with %+v, %v", outcomes, err)
	}
	if n := count(w, machine.Unisolate); !given || n != 2 {
		t.Errorf("%d releases of two machines", n)
	}
}

// TestWhatThereIsNoTimeForIsNotDoneAndSaidSo ends the time for an order between two machines.
func TestWhatThereIsNoTimeForIsNotDoneAndSaidSo(t *testing.T) {
	t.Parallel()
	w := twoIsolated(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := w.Start(-1, false)
	p.Between = func() {
		if told(t, w)["m1"] == journal.Done {
			cancel()
		}
	}
	outcomes, err := p.AtDesk().Releases(ctx, order(), []string{"m1", "m2"})
	if err != nil || outcomes[0].State != journal.Done || outcomes[1].State != journal.Failed {
		t.Errorf("answered with %+v, %v", outcomes, err)
	}
	is := told(t, w)
	if n := count(w, machine.Unisolate); n != 1 || is["m1"] != journal.Done || is["m2"] != journal.Failed {
		t.Errorf("%d releases, and the journal says %v", n, is)
	}
}

// TestManyCommandsAreLookedForWithOneListing ends the process when two releases are begun, and counts what Defender is
// asked by whoever finds out.
func TestManyCommandsAreLookedForWithOneListing(t *testing.T) {
	t.Parallel()
	w := twoIsolated(t)
	dying := w.Start(-1, false)
	dying.Between = func() {
		if len(told(t, w)) == 2 {
			dying.Kill()
		}
	}
	_, _ = dying.AtDesk().Releases(t.Context(), order(), []string{"m1", "m2"}) // what it answers reaches nobody
	if n := count(w, machine.Unisolate); n != 0 {
		t.Fatalf("%d were released", n)
	}
	w.Advance(4 * time.Minute)
	d, p := w.Desk()
	listed := 0
	p.OnList = func() { listed++ }
	if err := d.Settle(t.Context()); err != nil || listed != 1 {
		t.Errorf("settled with %d listings, %v", listed, err)
	}
	w.Advance(-3 * time.Minute) // too early to be tried again
	listed = 0
	if _, err := d.Releases(t.Context(), order(), []string{"m1", "m2"}); err != nil || listed > 2 {
		t.Errorf("given again with %d listings, %v", listed, err) // one is for what is isolated
	}
}

// twoIsolated is a world with two isolated machines.
func twoIsolated(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t)
	p := w.Start(-1, false)
	for _, m := range []string{"m1", "m2"} {
		w.AlertOn("d"+m, m, alert.High)
	}
	w.Drain(p, 6)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(5 * time.Minute)
	return w
}

// told is what the journal says of each object.
func told(t *testing.T, w *world.World) map[string]journal.State {
	t.Helper()
	entries, _, err := w.Start(-1, false).Ledger.Journal.Page(context.Background(), 10, "")
	if err != nil {
		t.Error(err)
	}
	said := map[string]journal.State{}
	for _, e := range entries {
		said[e.Object] = e.State
	}
	return said
}

// TestARepeatedPauseSaysWhatItChangedThen gives one order twice that pauses, and one that finds acting paused.
func TestARepeatedPauseSaysWhatItChangedThen(t *testing.T) {
	t.Parallel()
	w := orders()[desk.VerbPause].before(t)
	second := order()
	second.ID = "c0ffee00-2"
	for _, given := range []struct {
		command desk.Command
		changed bool
	}{
		{order(), true},
		{order(), true},
		{second, false},
		{second, false},
		{order(), true},
	} {
		d, _ := w.Desk()
		outcome, changed, err := d.SetPause(t.Context(), given.command, true)
		if err != nil || outcome.State != journal.Done || changed != given.changed {
			t.Errorf("%s: %+v, changed %v, %v", given.command.ID, outcome, changed, err)
		}
	}
}

// TestWhatIsHeldAgainAtOnceIsStillListed answers whatever is queued between any two calls of somebody who continues,
// while acting is paused again.
func TestWhatIsHeldAgainAtOnceIsStillListed(t *testing.T) {
	t.Parallel()
	again := false
	for n, ran := 0, true; ran; n++ {
		ran = false
		w := heldWorld(t)
		p := w.Start(-1, false)
		between(p, n, func() {
			ran = true
			other := w.Start(-1, false)
			turn := switches.Turn{Paused: true, By: "bob", Reason: "x", At: w.Clock()}
			if _, err := other.Ledger.Switches.SetPause(t.Context(), turn); err != nil {
				t.Error(err)
			}
			w.Drain(other, 5)
		})
		if _, err := p.AtDesk().Continues(t.Context(), order(), []string{"da1"}); err != nil {
			t.Error(err)
		}
		if !w.Run("da1", 1).IsHeld() {
			continue
		}
		_, found, err := w.Start(-1, false).Ledger.Held.Of(t.Context(), "da1", 1)
		if err != nil || !found {
			t.Errorf("answered before call %d: the run is held and not listed: %v", n+1, err)
		}
		again = again || w.Run("da1", 1).Command != ""
	}
	if !again {
		t.Error("it was never held again")
	}
}
