package response

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// isolated is a world in which machine m1 is isolated for alert da1.
func isolated(t *testing.T) (*world, *process) {
	t.Helper()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.advance(time.Minute)
	return w, p
}

func TestReleaseThatTakesHoursIsSeenWhenItEnds(t *testing.T) {
	t.Parallel()
	w, p := isolated(t)
	w.add(machine.Unisolate, "m1", "clean", "", "Portal")
	for range 120 {
		w.follow(p)
		w.advance(time.Minute)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if !strings.HasSuffix(w.kinds(), "released") {
		t.Fatalf("told %q", w.kinds())
	}
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 3)
	if w.posts != 2 {
		t.Errorf("a new alert after the release made %d requests in all", w.posts)
	}
}

func TestReleaseThatWasQueuedBehindTheIsolationIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.advance(5 * time.Minute)
	w.add(machine.Unisolate, "m1", "clean", "", "Portal")
	for range 60 {
		w.follow(p)
		w.advance(time.Minute)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if !strings.HasSuffix(w.kinds(), "isolated, released") {
		t.Errorf("told %q", w.kinds())
	}
}

// TestReleaseKilledAnywhereBeginsTheNewRunAgain kills the follow that notices a release before and after every call.
func TestReleaseKilledAnywhereBeginsTheNewRunAgain(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w, p := isolated(t)
			w.add(machine.Unisolate, "m1", "clean", "", "Portal")
			w.finishAll(machine.Succeeded)
			w.advance(time.Minute)
			w.alertOn("da2", "m1", alert.High)
			w.drain(p, 3) // joins: nobody has noticed the release yet
			mortal := w.start(points, mute)
			_ = mortal.follower.Follow(context.Background())
			killed = mortal.died()
			for range 2 {
				w.follow(p)
				w.drain(p, 5)
			}
			w.finishAll(machine.Succeeded)
			w.follow(p)
			if run := w.run("da2", 1); w.posts != 2 || run.Outcome != "isolated" || run.Episode != 2 {
				t.Errorf("killed at %d (answer lost %v): %d requests, run %+v", points, mute, w.posts, run)
			}
		}
		if points < 12 {
			t.Errorf("only %d kill points", points)
		}
	}
}

func TestMachineThatIsNotFoundByTheRequestIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	first := true
	w.onPost = func() error {
		if first {
			first = false
			return &apiError{trouble: machine.NotFound, text: "Machine m1 was not found"}
		}
		return nil
	}
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 5)
	if w.posts != 1 || w.run("da1", 1).State != ledger.Waiting {
		t.Errorf("%d requests, run %+v", w.posts, w.run("da1", 1))
	}
}

// TestHeldRunIsToldWhereverTheProcessDies kills the process around the end of an episode that sent nothing.
func TestHeldRunIsToldWhereverTheProcessDies(t *testing.T) {
	t.Parallel()
	for _, mute := range []bool{false, true} {
		for k, killed := 0, true; killed; k++ {
			w := newWorld(t)
			w.onPost = (&numbered{}).refuse // the same reason in other words each time
			w.alertOn("da1", "m1", alert.High)
			mortal := w.start(k, mute)
			w.work(mortal)
			killed = mortal.died()
			w.advance(2 * time.Minute)
			w.work(w.start(-1, false))
			if run := w.run("da1", 1); run.State != ledger.Closed || w.kinds() != "refused" {
				t.Errorf("killed at %d (answer lost %v): run %+v, told %q", k, mute, run, w.kinds())
			}
		}
	}
}

func TestActionOfTheEpisodeBeforeIsNotAdoptedFromAnOldList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da0", "m0", alert.High)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 5)
	w.advance(40 * time.Second)
	w.alertOn("da2", "m2", alert.High)
	w.drain(p, 5) // lists the open actions, the one on m1 among them
	w.finishAll(machine.Failed)
	w.follow(p)
	w.alertOn("da3", "m1", alert.High)
	w.drain(p, 5)
	if run := w.run("da3", 1); w.isolations("m1") != 2 || run.State != ledger.Waiting {
		t.Errorf("%d isolations of m1, run %+v", w.isolations("m1"), run)
	}
}

func TestIsolationOfUnknownFateIsToldThoughTheAlertWasResolvedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	lose := true
	w.onPost = func() error {
		if lose {
			lose = false
			return errLost
		}
		return nil
	}
	w.alertOn("da1", "m1", alert.High)
	m, _ := w.take()
	if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Second)
	resolved := w.alerts["da1"]
	resolved.Status, resolved.Updated = alert.StatusResolved, w.clock()
	w.change(resolved)
	w.drain(p, 5)
	w.follow(p)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if !strings.Contains(w.kinds(), "isolated") || w.isolations("m1") != 1 {
		t.Errorf("%d isolations, told %q", w.isolations("m1"), w.kinds())
	}
}
