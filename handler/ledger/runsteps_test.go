package ledger

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
)

func twoSteps() Run {
	return Run{AlertID: "da1", Version: 1, State: Started, Steps: StepStates{{Key: "scan:Quick", Latch: "scan:Quick"}, {Key: "isolate", Latch: Isolation}}}
}

func TestRunEndsWithItsLastStep(t *testing.T) {
	t.Parallel()
	r := twoSteps()
	r.Wait("scan:Quick", 3, "waiting for action a", noon)
	if r.State != Started {
		t.Errorf("waits with a step to be done: %+v", r)
	}
	r.Wait(Isolation, 2, "waiting for action b", noon)
	if r.State != Waiting || r.Episode != 2 || r.EpisodeOf("scan:Quick") != 3 || r.Reason != "scan:Quick: waiting for action a; isolate: waiting for action b" {
		t.Errorf("%+v", r)
	}
	r.FinishLatch(Isolation, "isolated", "by b", noon)
	if r.State != Waiting || !r.IsOver(Isolation) || r.IsOver("scan:Quick") {
		t.Errorf("%+v", r)
	}
	r.Again("scan:Quick", "failed", noon)
	if r.State != Started || r.EpisodeOf("scan:Quick") != 0 || r.Episode != 2 {
		t.Errorf("%+v", r)
	}
	r.Finish("scan:Quick", "refused", "no", noon)
	if r.State != Closed || r.Outcome != "refused, isolated" || r.Reason != "scan:Quick: no; isolate: by b" || !r.ClosedAt.Equal(noon) {
		t.Errorf("%+v", r)
	}
}

func TestRunFromBeforeStepsEndsWithItsIsolation(t *testing.T) {
	t.Parallel()
	r := Run{AlertID: "da1", Version: 1, State: Waiting, Episode: 4}
	if got := r.WaitsFor(); len(got) != 1 || got[0] != Isolation || !r.Wants(Latch{Kind: Isolation, Episode: 4}) || r.Wants(Latch{Kind: Isolation, Episode: 5}) {
		t.Errorf("waits for %q", got)
	}
	r.FinishLatch(Isolation, "isolated", "by b", noon)
	if r.State != Closed || r.Outcome != "isolated" || r.Reason != "by b" {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsHeldIsOpenedOrDroppedAlone(t *testing.T) {
	t.Parallel()
	held := func() Run {
		r := twoSteps()
		r.Finish("scan:Quick", "scanned", "by a", noon)
		r.Finish("isolate", HeldOutcome, "protected", noon)
		return r
	}
	r := held()
	if !r.IsHeld() || r.Outcome != "scanned, held" {
		t.Errorf("%+v", r)
	}
	r.Unhold(noon)
	if state, _ := r.StepOf("scan:Quick"); r.IsHeld() || r.State != Started || state.Outcome != "scanned" {
		t.Errorf("%+v", r)
	}
	r = held()
	r.Drop("; dropped by alice: x")
	if r.IsHeld() || r.Outcome != "scanned, dropped" {
		t.Errorf("%+v", r)
	}
}

func TestPlanKeepsWhatIsKnownOfItsSteps(t *testing.T) {
	t.Parallel()
	r := twoSteps()
	r.Finish("isolate", "isolated", "by b", noon)
	again := r.Steps.Plan([]StepState{{Key: "isolate", Latch: Isolation}, {Key: "tag:add:x"}})
	if diff := cmp.Diff(StepStates{{Key: "isolate", Latch: Isolation, Outcome: "isolated", Reason: "by b"}, {Key: "tag:add:x"}}, again); diff != "" {
		t.Error(diff)
	}
	// In a row they are one text.
	row, err := json.Marshal(Run{Steps: again})
	var fields map[string]any
	var back Run
	if err != nil || json.Unmarshal(row, &fields) != nil || json.Unmarshal(row, &back) != nil {
		t.Fatal(err, string(row))
	}
	if _, text := fields["Steps"].(string); !text || !cmp.Equal(again, back.Steps) {
		t.Errorf("%T %+v", fields["Steps"], back.Steps)
	}
}

// ownChanges: what Cordon changed itself is seen, what others changed besides is not.
func ownChanges(t *testing.T, s *Store) {
	ctx := context.Background()
	a := alert.Alert{ID: "da1", Severity: alert.High, Status: alert.StatusNew, Updated: noon}
	observe := func(a alert.Alert) ObservedVersion {
		t.Helper()
		v, err := s.Observe(ctx, Observation{Alert: a, Hash: alert.DecisionHash(a), At: noon})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	observe(a)
	was := alert.DecisionHash(a)
	a.Status, a.Updated = alert.StatusInProgress, noon.Add(1)
	for range 2 {
		if err := s.NoteOwnChange(ctx, "da1", OwnChange{Version: 1, Was: was, Is: alert.DecisionHash(a), Updated: a.Updated}); err != nil {
			t.Fatal(err)
		}
	}
	if v := observe(a); v.Changed || v.Seen.Version != 1 {
		t.Errorf("its own change is version %d", v.Seen.Version)
	}
	other := a
	other.Severity, other.Updated = alert.Low, noon.Add(2)
	if v := observe(other); !v.Changed {
		t.Error("somebody else's change is none")
	}
	if err := s.NoteOwnChange(ctx, "da1", OwnChange{Version: 1, Was: alert.DecisionHash(a), Is: was, Updated: noon.Add(3)}); err != nil {
		t.Fatal(err)
	}
	if seen, _, err := s.Seen(ctx, "da1"); err != nil || seen.Hash != alert.DecisionHash(other) {
		t.Errorf("a change of an older version was noted: %+v, %v", seen, err)
	}
}
