package isolation_test

import (
	"strings"
	"testing"

	"cordon/handler/isolation"
	"cordon/handler/machine"
)

// TestEachSentenceHasOneState holds that a sentence tells its state, whatever follows.
func TestEachSentenceHasOneState(t *testing.T) {
	t.Parallel()
	for _, s := range isolation.States() {
		got, found := isolation.Of(s.Sentence() + ": the action failed")
		if !found || got != s {
			t.Errorf("%q is read as %q, %v", s.Sentence(), got, found)
		}
		for _, other := range isolation.States() {
			if other != s && strings.HasPrefix(string(other), string(s)) {
				t.Errorf("%q is the beginning of %q", s, other)
			}
		}
	}
	if got, found := isolation.Of("Would isolate (observe mode, nothing was done)"); found {
		t.Errorf("what says nothing of the state is read as %q", got)
	}
}

// TestRunsSayWhatMachinesAre holds that the outcome of a run and the state of its machine are the same words.
func TestRunsSayWhatMachinesAre(t *testing.T) {
	t.Parallel()
	for action, want := range map[machine.ActionType]isolation.State{
		machine.Isolate:   isolation.Isolated,
		machine.Unisolate: isolation.Released,
	} {
		if spec, _ := machine.SpecOf(action); spec.Done != string(want) {
			t.Errorf("after %s a run is %q, the machine %q", action, spec.Done, want)
		}
	}
}
