package desk_test

import (
	"testing"
	"time"

	"cordon/handler/desk"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/journal"
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
