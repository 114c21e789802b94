package episode_test

import (
	"fmt"
	"testing"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// every calls do with every row of a latch that a run may find, whatever can be combined.
func every(do func(latches.Latch)) {
	flags := func(n int) (is func() bool) { return func() bool { bit := n&1 == 1; n >>= 1; return bit } }
	states := []latches.State{"", latches.Preparing, latches.Intended, latches.Acting, latches.Achieved, latches.Ended}
	for _, state := range states {
		for _, status := range []machine.ActionStatus{"", machine.Pending, machine.Succeeded, machine.Failed} {
			for n := range 1 << 6 {
				is := flags(n)
				l := latches.Latch{MachineID: "m1", Kind: latches.Isolation, Desired: machine.Isolate}
				l.State, l.ActionStatus, l.EndedAt = state, status, noon.Add(-time.Minute)
				if is() {
					l.Episode = 1 // the run's own
				} else {
					l.Episode = 2
				}
				if is() {
					l.Holder, l.HeldUntil = "other", noon.Add(time.Minute)
				}
				if is() {
					l.UndoneBy = "da9:v1"
				}
				if is() {
					l.EndKind = string(notice.Failed)
				}
				if is() {
					l.EndRun = "da8:v1"
				}
				if is() {
					l.LiftedAt = noon.Add(-time.Hour)
				}
				do(l)
			}
		}
	}
}

func view(l latches.Latch, action machine.ActionType) episode.View {
	spec, _ := machine.SpecOf(action)
	l.Desired, l.Kind = action, spec.LatchOf(machine.Quick)
	return episode.View{
		Spec:  spec,
		Latch: l,
		Run: runs.Run{
			AlertID: "da1",
			Version: 1,
			Episode: 1,
			Steps:   runs.Steps{{Key: "step", Latch: l.Kind, Episode: 1}},
		},
		Token:  "mine",
		Now:    noon,
		Limits: episode.Limits{Lift: 7 * 24 * time.Hour, RecheckAfter: 2 * time.Minute, PendingAfter: 15 * time.Minute},
	}
}

// answered asks until no fact is missing, with facts that say as little as they can.
func answered(t *testing.T, v episode.View, undoing, lasting latches.Latch) episode.Next {
	t.Helper()
	for range 5 {
		next := episode.Enter(v)
		read, missing := next.(episode.Read)
		if !missing {
			return next
		}
		switch read.Fact {
		case episode.TheRecord:
			v.Record = &runs.Record{}
		case episode.TheJoiners:
			v.Joiners = &[]latches.Joiner{}
		case episode.TheUndoing:
			v.Undoing = &undoing
		case episode.TheLasting:
			v.Lasting = &lasting
		}
	}
	t.Fatalf("it asks for ever about %+v", v.Latch)
	return nil
}

// TestNoLatchIsTakenThatIsNotFree holds every row of a latch, for every kind of action, against what must never be
// answered.
func TestNoLatchIsTakenThatIsNotFree(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, spec := range machine.Catalogue() {
		every(func(l latches.Latch) {
			v := view(l, spec.Type)
			reached := l.State == latches.Acting || l.State == latches.Achieved
			held := l.Held("mine", noon)
			for _, undoing := range []latches.Latch{{}, {State: latches.Acting}, {State: latches.Intended}} {
				for _, lasting := range []latches.Latch{{}, {State: latches.Acting}, {State: latches.Achieved}} {
					next := answered(t, v, undoing, lasting)
					seen[fmt.Sprintf("%T", next)]++
					wrong := ""
					switch next.(type) {
					case episode.Take:
						if reached || held {
							wrong = "takes a latch that is not free"
						}
					case episode.Join:
						if !reached || l.UndoneBy != "" {
							wrong = "joins what is not there, or is about to end"
						}
					case episode.ClearMark:
						if undoing.State == latches.Intended || undoing.State == latches.Acting {
							wrong = "clears the mark of a request that may be out"
						}
					case episode.Wait, episode.WaitForRelease:
						if !held && l.UndoneBy == "" && spec.Undoes == "" {
							wrong = "waits for nothing"
						}
					case episode.Done, episode.AskAgain:
						if l.State != latches.Ended || held {
							wrong = "ends with an episode that is not over"
						}
					case episode.Finish:
						if spec.Undoes == "" {
							wrong = "ends a step that undoes nothing"
						}
					default:
						wrong = "is no answer to this"
					}
					if wrong != "" {
						t.Fatalf("%s: %T %s: %+v", spec.Type, next, wrong, l)
					}
				}
			}
		})
	}
	if len(seen) < 8 {
		t.Errorf("the rows reach only %v", seen)
	}
}

// TestOnlyAFreeMachineIsAskedFor holds every pair of actions that a machine may show against the first look.
func TestOnlyAFreeMachineIsAskedFor(t *testing.T) {
	t.Parallel()
	types := []machine.ActionType{machine.Isolate, machine.Unisolate}
	statuses := []machine.ActionStatus{machine.Pending, machine.InProgress, machine.Succeeded, machine.Failed, "News"}
	var all []machine.Action
	for _, kind := range types {
		for _, status := range statuses {
			all = append(all, machine.Action{Type: kind, Status: status, MachineID: "m1"})
		}
	}
	l := latches.Latch{MachineID: "m1", State: latches.Preparing, Episode: 1}
	for i, first := range all {
		for j, second := range all {
			first.ID, first.Created = "1", noon.Add(-time.Hour)
			second.ID, second.Created = "2", noon.Add(-time.Minute)
			actions := []machine.Action{first, second}
			open := func(kind machine.ActionType) bool {
				return first.Type == kind && !first.Status.Final() || second.Type == kind && !second.Status.Final()
			}
			isolated := machine.StateOf(machine.Isolate, actions, noon, 7*24*time.Hour, nil).Is
			next := episode.FirstLook(view(l, machine.Isolate), actions)
			want := "episode.Ask"
			switch {
			case open(machine.Unisolate):
				want = "episode.WaitForRelease"
			case isolated || open(machine.Isolate):
				want = "episode.Adopt"
			}
			if got := fmt.Sprintf("%T", next); got != want {
				t.Errorf("%d, %d: %s %s, %s %s: %s, want %s", i, j, first.Type, first.Status, second.Type,
					second.Status, got, want)
			}
		}
	}
}

// TestWhatTheRunItselfAskedForIsNotRepeated has a ledger that knows nothing of an action that the run asked for, which
// is over and whose machine was released since.
func TestWhatTheRunItselfAskedForIsNotRepeated(t *testing.T) {
	t.Parallel()
	l := latches.Latch{MachineID: "m1", State: latches.Preparing, Episode: 2}
	v := view(l, machine.Isolate)
	of := func(run string, episodeNumber int, machineID string) machine.Action {
		marked := v.Latch
		marked.Episode = episodeNumber
		return machine.Action{
			ID:        "1",
			Type:      machine.Isolate,
			Status:    machine.Succeeded,
			MachineID: machineID,
			Comment:   episode.Mark(run, marked),
			Created:   noon.Add(-2 * time.Hour),
		}
	}
	release := machine.Action{
		ID:        "2",
		Type:      machine.Unisolate,
		Status:    machine.Succeeded,
		MachineID: "m1",
		Created:   noon.Add(-time.Hour),
	}
	for what, test := range map[string]struct {
		own  machine.Action
		want string
	}{
		"its own":                 {of("da1:v1", 2, "m1"), "episode.Adopt"},
		"its own, of a later one": {of("da1:v1", 3, "m1"), "episode.Adopt"},
		"of an episode before":    {of("da1:v1", 1, "m1"), "episode.Ask"},
		"another run's":           {of("da1:v2", 2, "m1"), "episode.Ask"},
		"on another machine":      {of("da1:v1", 2, "m2"), "episode.Ask"},
	} {
		next := episode.FirstLook(v, []machine.Action{test.own, release})
		if got := fmt.Sprintf("%T", next); got != test.want {
			t.Errorf("%s: %s, want %s", what, got, test.want)
		}
	}
}

// TestNothingIsRepeatedBeforeItsTime looks again for a request of unknown fate at every second around the recheck time.
func TestNothingIsRepeatedBeforeItsTime(t *testing.T) {
	t.Parallel()
	intent := latches.Latch{MachineID: "m1", State: latches.Intended, Episode: 1, FirstIntentAt: noon, IntentAt: noon}
	v := view(intent, machine.Isolate)
	own := machine.Action{
		ID:        "1",
		Type:      machine.Isolate,
		Status:    machine.Pending,
		MachineID: "m1",
		Comment:   episode.Mark("da1:v1", v.Latch),
		Created:   noon,
	}
	for second := range 180 {
		v.Now = noon.Add(time.Duration(second) * time.Second)
		if next := episode.AfterIntent(v, []machine.Action{own}); next != (episode.Adopt{Action: own}) {
			t.Errorf("after %d seconds its own action is answered with %+v", second, next)
		}
		_, asks := episode.AfterIntent(v, nil).(episode.Ask)
		if asks != (second >= 120) {
			t.Errorf("after %d seconds the request is repeated: %v", second, asks)
		}
	}
}
