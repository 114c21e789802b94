package episode_test

import (
	"fmt"
	"testing"
	"time"

	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
)

// TestWhatAFollowMakesOfAnEpisode has every state of an episode, with what may be listed of its machine.
func TestWhatAFollowMakesOfAnEpisode(t *testing.T) {
	t.Parallel()
	limits := episode.Limits{Lift: 7 * 24 * time.Hour, RecheckAfter: 2 * time.Minute, PendingAfter: 15 * time.Minute}
	latch := func(state latches.State) latches.Latch {
		return latches.Latch{
			MachineID: "m1",
			Kind:      latches.Isolation,
			Desired:   machine.Isolate,
			Episode:   3,
			State:     state,
		}
	}
	since := func(state latches.State, age time.Duration) latches.Latch {
		l := latch(state)
		l.ActionID, l.ActionAt, l.IntentAt = "7", noon.Add(-age), noon.Add(-age)
		return l
	}
	held := func(l latches.Latch) latches.Latch {
		l.Holder, l.HeldUntil = "somebody", noon.Add(time.Second)
		return l
	}
	is := func(status machine.ActionStatus) []machine.Action {
		return []machine.Action{{ID: "7", Type: machine.Isolate, Status: status, MachineID: "m1"}}
	}
	marked := []machine.Action{{
		ID:      "8",
		Type:    machine.Isolate,
		Status:  machine.Pending,
		Comment: episode.Mark("da1:v1", latch("")),
	}}
	for name, c := range map[string]struct {
		latch   latches.Latch
		actions []machine.Action
		want    episode.Next
	}{
		"never used":                 {latch(""), nil, episode.Forget{}},
		"begun and held":             {held(latch(latches.Preparing)), nil, episode.Nothing{}},
		"begun and left":             {latch(latches.Preparing), nil, episode.Free{}},
		"sent and held":              {held(since(latches.Intended, time.Hour)), marked, episode.Nothing{}},
		"sent, its action is listed": {since(latches.Intended, time.Hour), marked, episode.Found{Action: marked[0]}},
		"sent a while ago":           {since(latches.Intended, 31*time.Minute), nil, episode.Nothing{}},
		"sent long ago": {
			since(latches.Intended, 33*time.Minute), nil, episode.GiveUp{Reason: "the request never reached the API"},
		},
		"asked for, not listed yet": {since(latches.Acting, time.Minute), nil, episode.Nothing{}},
		"asked for, not listed":     {since(latches.Acting, 3*time.Minute), nil, episode.ReadAction{}},
		"asked for and open": {
			since(latches.Acting, time.Minute), is(machine.InProgress), episode.Pending{Status: machine.InProgress},
		},
		"asked for, in unknown words": {
			since(latches.Acting, time.Minute), is("Mislaid"), episode.Pending{Status: "Mislaid"},
		},
		"reached": {since(latches.Achieved, time.Hour), nil, episode.WatchState{}},
		"over":    {latch(latches.Ended), nil, episode.Conclude{}},
	} {
		if got := episode.Follow(c.latch, c.actions, noon, limits); got != c.want {
			t.Errorf("%s: %#v, want %#v", name, got, c.want)
		}
	}
	for _, status := range []machine.ActionStatus{
		machine.Succeeded, machine.Failed, machine.TimeOut, machine.Cancelled,
	} {
		next := episode.Follow(since(latches.Acting, time.Minute), is(status), noon, limits)
		if settle, final := next.(episode.Settle); !final || settle.Action.Status != status {
			t.Errorf("%s: %#v", status, next)
		}
	}
}

// TestAnActionThatNobodyKnowsIsGivenUpAfterDays asks at every hour of five days.
func TestAnActionThatNobodyKnowsIsGivenUpAfterDays(t *testing.T) {
	t.Parallel()
	limits := episode.Limits{PendingAfter: 15 * time.Minute}
	l := latches.Latch{State: latches.Acting, Desired: machine.Isolate, ActionID: "7", ActionAt: noon}
	for hour := range 5 * 24 {
		want := "episode.Pending"
		switch {
		case hour == 0:
			want = "episode.Nothing"
		case hour > 4*24:
			want = "episode.Settle"
		}
		next := episode.Unknown(l, noon.Add(time.Duration(hour)*time.Hour), limits)
		if got := fmt.Sprintf("%T", next); got != want {
			t.Errorf("after %d hours %s, want %s", hour, got, want)
		}
	}
}

func ExampleFollow() {
	l := latches.Latch{
		MachineID: "m1",
		Kind:      latches.Isolation,
		Desired:   machine.Isolate,
		State:     latches.Acting,
		ActionID:  "7",
	}
	listed := []machine.Action{{ID: "7", Type: machine.Isolate, Status: machine.Succeeded, Updated: noon}}
	switch next := episode.Follow(l, listed, noon, episode.Limits{}).(type) {
	case episode.Settle:
		fmt.Println(next.Detail)
	default:
		fmt.Printf("%T\n", next)
	}
	// Output: Action 7 is Succeeded since 2026-03-02T12:00:00Z.
}

// TestOnlyWhatCordonAskedForAndHasIsUndone has every state of a latch, of Cordon's own and of somebody else's.
func TestOnlyWhatCordonAskedForAndHasIsUndone(t *testing.T) {
	t.Parallel()
	states := []latches.State{
		"", latches.Preparing, latches.Intended, latches.Acting, latches.Achieved, latches.Ended, "mislaid",
	}
	for _, state := range states {
		for _, adopted := range []bool{false, true} {
			l := latches.Latch{MachineID: "m1", Kind: latches.Isolation, State: state, Adopted: adopted, ActionID: "7"}
			want := "episode.End"
			switch {
			case state == latches.Achieved && !adopted:
				want = "episode.Claim"
			case state == latches.Intended || state == latches.Acting:
				want = "episode.Wait"
			}
			if got := fmt.Sprintf("%T", episode.Undo(l)); got != want {
				t.Errorf("%q, adopted %v: %s, want %s", state, adopted, got, want)
			}
		}
	}
}
