package respond_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/respond"
)

func TestHighAlertIsolatesItsMachineOnceAndIsToldAsFarAsItIsTrue(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 5)
	if run := w.Run("da1", 1); run.State != runs.Waiting || run.Episode != 1 || len(run.Begun) != 0 {
		t.Errorf("before the outcome the run is %+v", run)
	}
	if got := w.Kinds(); got != "requested" {
		t.Errorf("told %q before the outcome", got)
	}
	w.Follow(p)
	if run := w.Run("da1", 1); run.State != runs.Waiting {
		t.Errorf("a pending action closed the run: %+v", run)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Follow(p)
	run := w.Run("da1", 1)
	if run.State != runs.Closed || run.Outcome != "isolated" || run.Rule != "contain-high-severity" ||
		run.Mode != "enforce" {
		t.Errorf("run = %+v", run)
	}
	if got := w.Kinds(); got != "requested, isolated" {
		t.Errorf("told %q", got)
	}
	if w.Posts != 1 {
		t.Errorf("%d isolate requests", w.Posts)
	}
	if comment := w.Actions[0].Comment; comment != "[cordon da1:v1 e1] Alert da1" {
		t.Errorf("comment = %q", comment)
	}
}

func TestAlertsBelowTheRuleCloseWithTheReason(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.Medium)
	w.Drain(w.Start(-1, false), 2)
	if run := w.Run("da1", 1); run.State != runs.Closed || run.Outcome != "no rule" || run.Reason == "" {
		t.Errorf("run = %+v", run)
	}
	if w.Posts != 0 || w.Kinds() != "" {
		t.Errorf("%d requests, told %q", w.Posts, w.Kinds())
	}
}

func TestSeveralAlertsOfOneMachineShareOneIsolation(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for i := range 4 {
		w.AlertOn(fmt.Sprintf("da%d", i), "m1", alert.High)
	}
	w.Drain(p, 10)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.AlertOn("da9", "m1", alert.High)
	w.Drain(p, 5)
	if w.Posts != 1 {
		t.Errorf("%d isolate requests for one machine", w.Posts)
	}
	for _, id := range []string{"da0", "da1", "da2", "da3", "da9"} {
		if run := w.Run(id, 1); run.State != runs.Closed || run.Outcome != "isolated" {
			t.Errorf("run of %s = %+v", id, run)
		}
	}
}

func TestRepeatedDeliveriesChangeNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	m, _ := w.Take()
	for range 5 {
		if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if w.Posts != 1 || w.Kinds() != "requested, isolated" {
		t.Errorf("%d requests, told %q", w.Posts, w.Kinds())
	}
}

func TestProtectedMachineIsHeldAndTold(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Machines["m1"] = machine.Machine{
		ID:              "m1",
		ComputerDNSName: "m1",
		OSPlatform:      "Windows11",
		Tags:            []string{"Never-Isolate"},
	}
	w.Queue[0].Message.Machine = nil // the snapshot is gone, the machine is read
	w.Drain(p, 3)
	if run := w.Run("da1", 1); run.Outcome != "held" || w.Posts != 0 || w.Kinds() != "held" {
		t.Errorf("run = %+v, %d requests, told %q", run, w.Posts, w.Kinds())
	}
}

func TestSnapshotThatTheLedgerDoesNotVouchForIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.Medium)
	forged := w.Alerts["da1"]
	forged.Severity = alert.High
	w.Queue[0].Message.Alert, _ = alert.Snapshot(forged)
	w.Drain(p, 3)
	if w.Posts != 0 {
		t.Error("a forged snapshot isolated a machine")
	}
}

func TestOldSnapshotIsReadAgainAndAChangeIsTheNextVersion(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Advance(10 * time.Minute)
	resolved := w.Alerts["da1"]
	resolved.Status, resolved.Updated = alert.StatusResolved, w.Clock()
	w.Alerts["da1"] = resolved
	w.Drain(p, 5)
	if w.Posts != 0 {
		t.Error("an alert that was resolved meanwhile isolated its machine")
	}
	if one, two := w.Run("da1", 1), w.Run("da1", 2); one.Outcome != "superseded" || two.Outcome != "no rule" {
		t.Errorf("version 1: %+v; version 2: %+v", one, two)
	}
}

func TestMessageBelowTheNewestVersionIsSuperseded(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Advance(time.Second)
	resolved := w.Alerts["da1"]
	resolved.Status, resolved.Updated = alert.StatusResolved, w.Clock()
	w.Change(resolved)
	// Version 2 overtakes version 1.
	w.Queue[0], w.Queue[1] = w.Queue[1], w.Queue[0]
	w.Drain(p, 5)
	if w.Posts != 0 || w.Run("da1", 1).Outcome != "superseded" || w.Run("da1", 2).Outcome != "no rule" {
		t.Errorf("%d requests, version 1 %q, version 2 %q", w.Posts, w.Run("da1", 1).Outcome, w.Run("da1", 2).Outcome)
	}
}

func TestBareMessageAsksTheAPIAndJoinsTheRunThatExists(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Queue = nil
	for range 3 {
		if err := p.Responder.Respond(context.Background(), []byte(`{"alertId":"da1"}`), 1); err != nil {
			t.Fatal(err)
		}
	}
	if w.Posts != 1 || w.Run("da1", 1).State != runs.Waiting {
		t.Errorf("%d requests, run %+v", w.Posts, w.Run("da1", 1))
	}
}

func TestBareMessageOfAnAlertNeverSeenIsAnswered(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.Machines["m1"] = machine.Machine{ID: "m1", ComputerDNSName: "m1", OSPlatform: "Windows11"}
	w.Alerts["da1"] = alert.Alert{ID: "da1", MachineID: "m1", Severity: alert.High, Created: w.Now, Updated: w.Now}
	if err := p.Responder.Respond(context.Background(), []byte(`{"alertId":"da1"}`), 1); err != nil {
		t.Fatal(err)
	}
	if w.Posts != 1 || w.Run("da1", 1).State != runs.Waiting {
		t.Errorf("%d requests, run %+v", w.Posts, w.Run("da1", 1))
	}
}

func TestUnknownMachineClosesAsNotFound(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	delete(w.Machines, "m1")
	w.Queue[0].Message.Machine = nil
	w.Drain(p, 6)
	if run := w.Run("da1", 1); run.Outcome != "not found" || w.Posts != 0 {
		t.Errorf("run = %+v", run)
	}
}

func TestAlertWithoutMachineIsToldAndActsOnNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.Change(alert.Alert{ID: "da1", Severity: alert.High, Created: w.Now, Updated: w.Now})
	w.Drain(p, 3)
	if run := w.Run("da1", 1); run.Outcome != "no machine" || w.Kinds() != "no machine" || w.Posts != 0 {
		t.Errorf("run = %+v, told %q", run, w.Kinds())
	}
}

func TestUndecodableMessageIsRefusedAndDoesNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for _, body := range []string{"", "x", `{"alertId":"../x"}`, `{"alertId":"da1","tenant":"another"}`} {
		var undecodable *alert.UndecodableError
		if err := p.Responder.Respond(context.Background(), []byte(body), 1); !errors.As(err, &undecodable) {
			t.Errorf("Respond(%q) = %v", body, err)
		}
	}
	if err := p.Responder.Respond(context.Background(), []byte(`{"format":99,"alertId":"da1"}`),
		1); !errors.Is(err, alert.ErrUnknownFormat) || len(w.Queue) != 0 {
		t.Errorf("a newer format: %v, %+v", err, w.Queue)
	}
}

func TestOpenIsolationOfSomebodyElseIsAdopted(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Add(machine.Isolate, "m1", "by hand", machine.Full, "Portal")
	w.Drain(p, 3)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if w.Posts != 0 || w.Run("da1", 1).Outcome != "isolated" {
		t.Errorf("%d requests, run %+v", w.Posts, w.Run("da1", 1))
	}
}

func TestMachineBeingReleasedIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	release := w.Add(machine.Unisolate, "m1", "by hand", "", "Portal")
	m, _ := w.Take()
	if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil || w.Posts != 0 ||
		len(w.Queue) != 1 {
		t.Fatalf("%v, %d requests, %d copies", err, w.Posts, len(w.Queue))
	}
	w.Finish(release.ID, machine.Succeeded)
	w.Advance(time.Minute)
	w.Drain(p, 3)
	if w.Posts != 1 {
		t.Errorf("%d requests after the release", w.Posts)
	}
}

func TestFailedActionIsToldAsFailed(t *testing.T) {
	t.Parallel()
	for status, want := range map[machine.ActionStatus]string{
		machine.Failed:    "failed",
		machine.TimeOut:   "timed out",
		machine.Cancelled: "cancelled",
	} {
		w := world.New(t)
		p := w.Start(-1, false)
		w.AlertOn("da1", "m1", alert.High)
		w.Drain(p, 3)
		w.FinishAll(status)
		w.Follow(p)
		if run := w.Run("da1", 1); run.Outcome == "isolated" || w.Kinds() != "requested, "+want {
			t.Errorf("%s: run %+v, told %q", status, run, w.Kinds())
		}
		open, err := p.Ledger.Latches.OpenEpisodes(context.Background())
		if err != nil || len(open) != 0 {
			t.Errorf("%s: the index still has %v, %v", status, open, err)
		}
	}
}

func TestLongPendingActionIsToldOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.Advance(16 * time.Minute)
	w.Follow(p)
	w.Follow(p)
	if got := w.Kinds(); got != "requested, still pending" {
		t.Errorf("told %q", got)
	}
}

func TestReleaseEndsTheEpisodeAndOldAlertsDoNotIsolateAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.AlertOn("da2", "m1", alert.High)
	late := w.Queue[1]
	w.Queue = w.Queue[:1]
	w.Drain(p, 3)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(time.Minute)
	w.Add(machine.Unisolate, "m1", "clean", "", "Portal")
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if got := w.Kinds(); got != "requested, isolated, released" {
		t.Errorf("told %q", got)
	}
	w.Queue = append(w.Queue, late)
	w.Drain(p, 3)
	if w.Posts != 1 || w.Run("da2", 1).Outcome != "released" {
		t.Errorf("%d requests, run of the old alert %+v", w.Posts, w.Run("da2", 1))
	}
	w.Advance(time.Minute)
	w.AlertOn("da3", "m1", alert.High)
	w.Drain(p, 3)
	if w.Posts != 2 || w.Run("da3", 1).Episode != 2 {
		t.Errorf("a new alert after the release: %d requests, run %+v", w.Posts, w.Run("da3", 1))
	}
}

func TestRunThatJoinedAfterAnUnnoticedReleaseBeginsAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	w.Advance(time.Minute)
	w.Add(machine.Unisolate, "m1", "clean", "", "Portal")
	w.FinishAll(machine.Succeeded)
	w.Advance(time.Minute)
	w.AlertOn("da2", "m1", alert.High)
	w.Drain(p, 3) // closes as isolated: nobody has noticed the release yet
	w.Follow(p)
	w.Drain(p, 3)
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if w.Posts != 2 || w.Run("da2", 1).Outcome != "isolated" || w.Run("da2", 1).Episode != 2 {
		t.Errorf("%d requests, run %+v", w.Posts, w.Run("da2", 1))
	}
}

func TestCapHoldsWhatIsBeyondIt(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	for i := range 8 {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.Drain(p, 20)
	held := 0
	for i := range 8 {
		if run := w.Run(fmt.Sprintf("da%d", i), 1); run.Outcome == "held" && strings.Contains(run.Reason, "cap") {
			held++
		}
	}
	if w.Posts != 5 || held != 3 {
		t.Errorf("%d requests and %d held, want 5 and 3", w.Posts, held)
	}
	if n := strings.Count(w.Kinds(), "cap reached"); n != 1 {
		t.Errorf("the operator is told %d times", n)
	}
}

func TestObserveDecisionIsNeverActedOnLater(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	p.Change(func(options *respond.Options) { options.Ceiling = "" })
	w.AlertOn("da1", "m1", alert.High)
	m, _ := w.Take()
	if err := p.Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.Run("da1", 1); run.Outcome != "would isolate" || run.Mode != "observe" || w.Kinds() != "would isolate" {
		t.Errorf("run = %+v, told %q", run, w.Kinds())
	}
	if err := w.Start(-1, false).Responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil ||
		w.Posts != 0 {
		t.Errorf("after the switch to enforce: %v, %d requests", err, w.Posts)
	}
}

func TestTroubleBeforeTheRequestComesBackAndActsOnce(t *testing.T) {
	t.Parallel()
	for _, trouble := range []machine.Trouble{machine.Transient, machine.Denied} {
		w := world.New(t)
		p := w.Start(-1, false)
		failures := 3
		w.OnPost = func() error {
			if failures--; failures >= 0 {
				return &world.APIError{Kind: trouble, Text: "no", After: 40 * time.Second}
			}
			return nil
		}
		w.AlertOn("da1", "m1", alert.High)
		w.Drain(p, 10)
		if w.Posts != 1 || w.Run("da1", 1).State != runs.Waiting {
			t.Errorf("%s: %d requests, run %+v", trouble, w.Posts, w.Run("da1", 1))
		}
	}
}

func TestRefusedRequestIsToldAndNotRepeated(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.OnPost = func() error {
		return &world.APIError{
			Kind: machine.Refused,
			Text: "OsPlatformNotSupported: OS Platform X isn't supported for this action.",
		}
	}
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 3)
	if run := w.Run("da1", 1); run.Outcome != "refused" || !strings.Contains(run.Reason, "OsPlatformNotSupported") ||
		w.Kinds() != "refused" {
		t.Errorf("run = %+v, told %q", run, w.Kinds())
	}
}

func TestLostAnswerIsLookedForBeforeTheRequestIsRepeated(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	w.Lag = 60 * time.Second
	lose := true
	w.OnPost = func() error {
		if lose {
			lose = false
			return world.ErrLost
		}
		return nil
	}
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 10)
	if w.Isolations("m1") != 1 || w.Posts != 1 || w.Run("da1", 1).State != runs.Waiting {
		t.Errorf("%d actions, %d requests, run %+v", w.Isolations("m1"), w.Posts, w.Run("da1", 1))
	}
}

func TestRequestThatNeverArrivedIsRepeatedOnlyAfterTheRecheckTime(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	var at []time.Time
	w.OnPost = func() error {
		at = append(at, w.Now)
		if len(at) == 1 {
			return &world.APIError{Kind: machine.UnknownFate, Text: "reset before it arrived"}
		}
		return nil
	}
	w.AlertOn("da1", "m1", alert.High)
	w.Drain(p, 10)
	if len(at) != 2 || at[1].Sub(at[0]) < 120*time.Second || w.Isolations("m1") != 1 {
		t.Errorf("requests at %v, %d actions", at, w.Isolations("m1"))
	}
}

// TestFollowNeverLosesAnEpisodeThatIsJustBegun lets FollowActions run between any two calls of a response.
func TestFollowNeverLosesAnEpisodeThatIsJustBegun(t *testing.T) {
	t.Parallel()
	for k := range 60 {
		w := world.New(t)
		w.AlertOn("da1", "m1", alert.High)
		p, other := w.Start(-1, false), w.Start(-1, false)
		calls := 0
		p.Between = func() {
			if calls++; calls == k {
				w.Follow(other)
			}
		}
		w.Drain(p, 5)
		p.Between = nil
		w.FinishAll(machine.Succeeded)
		w.Follow(p)
		if run := w.Run("da1", 1); run.Outcome != "isolated" {
			t.Errorf("a follow before call %d: %+v", k, run)
		}
		if calls < k {
			return
		}
	}
	t.Error("the response makes more calls than this test looks between")
}

// TestFollowThatListedBeforeAResponseDoesNotRemoveItsEntry lets the index be listed before and the latch be written
// after any call of a response.
func TestFollowThatListedBeforeAResponseDoesNotRemoveItsEntry(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.High)
	p, other := w.Start(-1, false), w.Start(-1, false)
	if err := p.Ledger.Latches.AddOpen(context.Background(), "m1", latches.Isolation); err != nil {
		t.Fatal(err)
	}
	listed, err := other.Ledger.Latches.OpenEpisodes(context.Background())
	if err != nil || len(listed) != 1 {
		t.Fatal(listed, err)
	}
	w.Drain(p, 5)
	if err := other.Ledger.Latches.RemoveOpen(context.Background(), listed[0]); err != nil {
		t.Fatal(err)
	}
	w.FinishAll(machine.Succeeded)
	w.Follow(p)
	if run := w.Run("da1", 1); run.Outcome != "isolated" {
		t.Errorf("run = %+v", run)
	}
}
