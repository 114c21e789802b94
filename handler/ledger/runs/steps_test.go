package runs

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/ledger/latches"
)

func twoSteps() Run {
	return Run{
		AlertID: "da1",
		Version: 1,
		State:   Started,
		Steps:   Steps{{Key: "scan:Quick", Latch: "scan:Quick"}, {Key: "isolate", Latch: latches.Isolation}},
	}
}

func TestRunEndsWithItsLastStep(t *testing.T) {
	t.Parallel()
	r := twoSteps()
	r.Wait("scan:Quick", 3, "waiting for action a", noon)
	if r.State != Started {
		t.Errorf("waits with a step to be done: %+v", r)
	}
	r.Wait(latches.Isolation, 2, "waiting for action b", noon)
	if r.State != Waiting || r.Episode != 2 || r.EpisodeOf("scan:Quick") != 3 ||
		r.Reason != "scan:Quick: waiting for action a; isolate: waiting for action b" {
		t.Errorf("%+v", r)
	}
	r.FinishLatch(latches.Isolation, "isolated", "by b", noon)
	if r.State != Waiting || !r.IsOver(latches.Isolation) || r.IsOver("scan:Quick") {
		t.Errorf("%+v", r)
	}
	r.Again("scan:Quick", "failed", noon)
	if r.State != Started || r.EpisodeOf("scan:Quick") != 0 || r.Episode != 2 {
		t.Errorf("%+v", r)
	}
	r.Finish("scan:Quick", "refused", "no", noon)
	if r.State != Closed || r.Outcome != "refused, isolated" || r.Reason != "scan:Quick: no; isolate: by b" ||
		!r.ClosedAt.Equal(noon) {
		t.Errorf("%+v", r)
	}
}

func TestRunFromBeforeStepsEndsWithItsIsolation(t *testing.T) {
	t.Parallel()
	r := Run{AlertID: "da1", Version: 1, State: Waiting, Episode: 4}
	if got := r.WaitsFor(); len(got) != 1 || got[0] != latches.Isolation ||
		!r.Wants(latches.Latch{Kind: latches.Isolation, Episode: 4}) ||
		r.Wants(latches.Latch{Kind: latches.Isolation, Episode: 5}) {
		t.Errorf("waits for %q", got)
	}
	r.FinishLatch(latches.Isolation, "isolated", "by b", noon)
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
	again := r.Steps.Plan([]Step{{Key: "isolate", Latch: latches.Isolation}, {Key: "tag:add:x"}})
	if diff := cmp.Diff(Steps{
		{Key: "isolate", Latch: latches.Isolation, Outcome: "isolated", Reason: "by b"}, {Key: "tag:add:x"},
	}, again); diff != "" {
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
