package follow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/long"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

func TestReleaseThatTakesHoursIsSeenWhenItEnds(t *testing.T) {
	t.Parallel()
	w, p := world.Isolated(t)
	w.Add(machine.Unisolate, "m1", "clean", "", "Portal")
	for range 120 {
		w.Follow(p)
		w.Advance(time.Minute)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if !strings.HasSuffix(w.Kinds(), "released") {
		t.Fatalf("told %q", w.Kinds())
	}
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 3)
	if w.Posts != 2 {
		t.Errorf("a new alert after the release made %d requests in all", w.Posts)
	}
}

func TestReleaseThatWasQueuedBehindTheIsolationIsSeen(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.Advance(5 * time.Minute)
	w.Add(machine.Unisolate, "m1", "clean", "", "Portal")
	for range 60 {
		w.Follow(p)
		w.Advance(time.Minute)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if !strings.HasSuffix(w.Kinds(), "isolated, released") {
		t.Errorf("told %q", w.Kinds())
	}
}

// TestReleaseKilledAnywhereBeginsTheNewRunAgain kills the follow that notices a release before and after every call.
func TestReleaseKilledAnywhereBeginsTheNewRunAgain(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		points := 0
		for killed := true; killed; points++ {
			w, p := world.Isolated(t)
			w.Add(machine.Unisolate, "m1", "clean", "", "Portal")
			w.FinishAll(machine.Succeeded)
			w.Advance(time.Minute)
			w.AlertOn("da2", "m1", alert.High)
			w.Drain(p, 3) // joins: nobody has noticed the release yet
			mortal := w.Start(points, mute)
			_ = mortal.Follower.Follow(context.Background())
			killed = mortal.Died()
			for range 2 {
				w.Follow(p)
				w.Drain(p, 5)
			}
			w.FinishAll(machine.Succeeded)
			w.Follow(p)
			if run := w.Run("da2", 1); w.Posts != 2 || run.Outcome != "isolated" || run.Episode != 2 {
				t.Errorf("killed at %d (answer lost %v): %d requests, run %+v", points, mute, w.Posts, run)
			}
		}
		if points < 12 {
			t.Errorf("only %d kill points", points)
		}
	}
}

func TestMachineThatIsNotFoundByTheRequestIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	first := true
	w.OnPost = func() error {
		if first {
			first = false
			return &world.APIError{Kind: machine.NotFound, Text: "Machine m1 was not found"}
		}
		return nil
	}
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 5)
	if w.Posts != 1 || w.Run("da1", 1).State != runs.Waiting {
		t.Errorf("%d requests, run %+v", w.Posts, w.Run("da1", 1))
	}
}

// TestHeldRunIsToldWhereverTheProcessDies kills the process around the end of an episode that sent nothing.
func TestHeldRunIsToldWhereverTheProcessDies(t *testing.T) {
	long.Test(t)
	t.Parallel()
	for _, mute := range []bool{false, true} {
		for k, killed := 0, true; killed; k++ {
			w := world.New(t)
			w.OnPost = (&world.Numbered{}).Refuse // the same reason in other words each time
			w.AlertOn("da1", "m1", alert.High)
			mortal := w.Start(k, mute)
			w.Work(mortal)
			killed = mortal.Died()
			w.Advance(2 * time.Minute)
			w.Work(w.Start(-1, false))
			if run := w.Run("da1", 1); run.State != runs.Closed || w.Kinds() != "refused" {
				t.Errorf("killed at %d (answer lost %v): run %+v, told %q", k, mute, run, w.Kinds())
			}
		}
	}
}

func TestActionOfTheEpisodeBeforeIsNotAdoptedFromAnOldList(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da0", "m0", alert.High)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 5)
	w.Advance(40 * time.Second)
	w.AlertOn("da2", "m2", alert.High)
	w.Drain(p, 5) // lists the open actions, the one on m1 among them
	w.FinishAll(machine.Failed)
	w.Follow(p)
	w.AlertOn("da3", "m1", alert.High)
	w.Drain(p, 5)
	if run := w.Run("da3", 1); w.Isolations("m1") != 2 || run.State != runs.Waiting {
		t.Errorf("%d isolations of m1, run %+v", w.Isolations("m1"), run)
	}
}

func TestIsolationOfUnknownFateIsToldThoughTheAlertWasResolvedMeanwhile(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	lose := true
	w.OnPost = func() error {
		if lose {
			lose = false
			return world.ErrLost
		}
		return nil
	}
	w.AlertOn("da1", "m1", alert.High)
	m, _ := w.Take()
	if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Second)
	resolved := w.Alerts["da1"]
	resolved.Status, resolved.Updated = alert.StatusResolved, w.Clock()
	w.Change(resolved)
	w.Drain(p, 5)
	w.Follow(p)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if !strings.Contains(w.Kinds(), "isolated") || w.Isolations("m1") != 1 {
		t.Errorf("%d isolations, told %q", w.Isolations("m1"), w.Kinds())
	}
}
