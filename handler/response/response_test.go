package response

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

func TestHighAlertIsolatesItsMachineOnceAndIsToldAsFarAsItIsTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 5)
	if run := w.run("da1", 1); run.State != ledger.Waiting || run.Episode != 1 || len(run.Begun) != 0 {
		t.Errorf("before the outcome the run is %+v", run)
	}
	if got := w.kinds(); got != "requested" {
		t.Errorf("told %q before the outcome", got)
	}
	w.follow(p)
	if run := w.run("da1", 1); run.State != ledger.Waiting {
		t.Errorf("a pending action closed the run: %+v", run)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.follow(p)
	run := w.run("da1", 1)
	if run.State != ledger.Closed || run.Outcome != "isolated" || run.Rule != "contain-high-severity" || run.Mode != "enforce" {
		t.Errorf("run = %+v", run)
	}
	if got := w.kinds(); got != "requested, isolated" {
		t.Errorf("told %q", got)
	}
	if w.posts != 1 {
		t.Errorf("%d isolate requests", w.posts)
	}
	if comment := w.actions[0].Comment; comment != "[cordon da1:v1 e1] Alert da1" {
		t.Errorf("comment = %q", comment)
	}
}

func TestAlertsBelowTheRuleCloseWithTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alertOn("da1", "m1", alert.Medium)
	w.drain(w.start(-1, false), 2)
	if run := w.run("da1", 1); run.State != ledger.Closed || run.Outcome != "no rule" || run.Reason == "" {
		t.Errorf("run = %+v", run)
	}
	if w.posts != 0 || w.kinds() != "" {
		t.Errorf("%d requests, told %q", w.posts, w.kinds())
	}
}

func TestSeveralAlertsOfOneMachineShareOneIsolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for i := range 4 {
		w.alertOn(fmt.Sprintf("da%d", i), "m1", alert.High)
	}
	w.drain(p, 10)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.alertOn("da9", "m1", alert.High)
	w.drain(p, 5)
	if w.posts != 1 {
		t.Errorf("%d isolate requests for one machine", w.posts)
	}
	for _, id := range []string{"da0", "da1", "da2", "da3", "da9"} {
		if run := w.run(id, 1); run.State != ledger.Closed || run.Outcome != "isolated" {
			t.Errorf("run of %s = %+v", id, run)
		}
	}
}

func TestRepeatedDeliveriesChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	m, _ := w.take()
	for range 5 {
		if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
			t.Fatal(err)
		}
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if w.posts != 1 || w.kinds() != "requested, isolated" {
		t.Errorf("%d requests, told %q", w.posts, w.kinds())
	}
}

func TestProtectedMachineIsHeldAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.machines["m1"] = machine.Machine{ID: "m1", ComputerDNSName: "m1", OSPlatform: "Windows11", Tags: []string{"Never-Isolate"}}
	w.queue[0].Message.Machine = nil // the snapshot is gone, the machine is read
	w.drain(p, 3)
	if run := w.run("da1", 1); run.Outcome != "held" || w.posts != 0 || w.kinds() != "held" {
		t.Errorf("run = %+v, %d requests, told %q", run, w.posts, w.kinds())
	}
}

func TestSnapshotThatTheLedgerDoesNotVouchForIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.Medium)
	forged := w.alerts["da1"]
	forged.Severity = alert.High
	w.queue[0].Message.Alert, _ = alert.Snapshot(forged)
	w.drain(p, 3)
	if w.posts != 0 {
		t.Error("a forged snapshot isolated a machine")
	}
}

func TestOldSnapshotIsReadAgainAndAChangeIsTheNextVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.advance(10 * time.Minute)
	resolved := w.alerts["da1"]
	resolved.Status, resolved.Updated = alert.StatusResolved, w.clock()
	w.alerts["da1"] = resolved
	w.drain(p, 5)
	if w.posts != 0 {
		t.Error("an alert that was resolved meanwhile isolated its machine")
	}
	if one, two := w.run("da1", 1), w.run("da1", 2); one.Outcome != "superseded" || two.Outcome != "no rule" {
		t.Errorf("version 1: %+v; version 2: %+v", one, two)
	}
}

func TestMessageBelowTheNewestVersionIsSuperseded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.advance(time.Second)
	resolved := w.alerts["da1"]
	resolved.Status, resolved.Updated = alert.StatusResolved, w.clock()
	w.change(resolved)
	// Version 2 overtakes version 1.
	w.queue[0], w.queue[1] = w.queue[1], w.queue[0]
	w.drain(p, 5)
	if w.posts != 0 || w.run("da1", 1).Outcome != "superseded" || w.run("da1", 2).Outcome != "no rule" {
		t.Errorf("%d requests, version 1 %q, version 2 %q", w.posts, w.run("da1", 1).Outcome, w.run("da1", 2).Outcome)
	}
}

func TestBareMessageAsksTheAPIAndJoinsTheRunThatExists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.queue = nil
	for range 3 {
		if err := p.responder.Respond(context.Background(), []byte(`{"alertId":"da1"}`), 1); err != nil {
			t.Fatal(err)
		}
	}
	if w.posts != 1 || w.run("da1", 1).State != ledger.Waiting {
		t.Errorf("%d requests, run %+v", w.posts, w.run("da1", 1))
	}
}

func TestBareMessageOfAnAlertNeverSeenIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.machines["m1"] = machine.Machine{ID: "m1", ComputerDNSName: "m1", OSPlatform: "Windows11"}
	w.alerts["da1"] = alert.Alert{ID: "da1", MachineID: "m1", Severity: alert.High, Created: w.now, Updated: w.now}
	if err := p.responder.Respond(context.Background(), []byte(`{"alertId":"da1"}`), 1); err != nil {
		t.Fatal(err)
	}
	if w.posts != 1 || w.run("da1", 1).State != ledger.Waiting {
		t.Errorf("%d requests, run %+v", w.posts, w.run("da1", 1))
	}
}

func TestUnknownMachineClosesAsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	delete(w.machines, "m1")
	w.queue[0].Message.Machine = nil
	w.drain(p, 6)
	if run := w.run("da1", 1); run.Outcome != "not found" || w.posts != 0 {
		t.Errorf("run = %+v", run)
	}
}

func TestAlertWithoutMachineIsToldAndActsOnNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.change(alert.Alert{ID: "da1", Severity: alert.High, Created: w.now, Updated: w.now})
	w.drain(p, 3)
	if run := w.run("da1", 1); run.Outcome != "no machine" || w.kinds() != "no machine" || w.posts != 0 {
		t.Errorf("run = %+v, told %q", run, w.kinds())
	}
}

func TestUndecodableMessageIsRefusedAndDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for _, body := range []string{"", "x", `{"alertId":"../x"}`, `{"alertId":"da1","tenant":"another"}`} {
		var undecodable *alert.UndecodableError
		if err := p.responder.Respond(context.Background(), []byte(body), 1); !errors.As(err, &undecodable) {
			t.Errorf("Respond(%q) = %v", body, err)
		}
	}
	if err := p.responder.Respond(context.Background(), []byte(`{"format":99,"alertId":"da1"}`), 1); !errors.Is(err, alert.ErrUnknownFormat) || len(w.queue) != 0 {
		t.Errorf("a newer format: %v, %+v", err, w.queue)
	}
}

func TestOpenIsolationOfSomebodyElseIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.add(machine.Isolate, "m1", "by hand", machine.Full, "Portal")
	w.drain(p, 3)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if w.posts != 0 || w.run("da1", 1).Outcome != "isolated" {
		t.Errorf("%d requests, run %+v", w.posts, w.run("da1", 1))
	}
}

func TestMachineBeingReleasedIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	release := w.add(machine.Unisolate, "m1", "by hand", "", "Portal")
	m, _ := w.take()
	if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil || w.posts != 0 || len(w.queue) != 1 {
		t.Fatalf("%v, %d requests, %d copies", err, w.posts, len(w.queue))
	}
	w.finish(release.ID, machine.Succeeded)
	w.advance(time.Minute)
	w.drain(p, 3)
	if w.posts != 1 {
		t.Errorf("%d requests after the release", w.posts)
	}
}

func TestFailedActionIsToldAsFailed(t *testing.T) {
	t.Parallel()
	for status, want := range map[machine.ActionStatus]string{machine.Failed: "failed", machine.TimeOut: "timed out", machine.Cancelled: "cancelled"} {
		w := newWorld(t)
		p := w.start(-1, false)
		w.alertOn("da1", "m1", alert.High)
		w.drain(p, 3)
		w.finishAll(status)
		w.follow(p)
		if run := w.run("da1", 1); run.Outcome == "isolated" || w.kinds() != "requested, "+want {
			t.Errorf("%s: run %+v, told %q", status, run, w.kinds())
		}
		open, err := p.ledger.OpenEpisodes(context.Background())
		if err != nil || len(open) != 0 {
			t.Errorf("%s: the index still has %v, %v", status, open, err)
		}
	}
}

func TestLongPendingActionIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.advance(16 * time.Minute)
	w.follow(p)
	w.follow(p)
	if got := w.kinds(); got != "requested, still pending" {
		t.Errorf("told %q", got)
	}
}

func TestReleaseEndsTheEpisodeAndOldAlertsDoNotIsolateAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.alertOn("da2", "m1", alert.High)
	late := w.queue[1]
	w.queue = w.queue[:1]
	w.drain(p, 3)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.advance(time.Minute)
	w.add(machine.Unisolate, "m1", "clean", "", "Portal")
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if got := w.kinds(); got != "requested, isolated, released" {
		t.Errorf("told %q", got)
	}
	w.queue = append(w.queue, late)
	w.drain(p, 3)
	if w.posts != 1 || w.run("da2", 1).Outcome != "released" {
		t.Errorf("%d requests, run of the old alert %+v", w.posts, w.run("da2", 1))
	}
	w.advance(time.Minute)
	w.alertOn("da3", "m1", alert.High)
	w.drain(p, 3)
	if w.posts != 2 || w.run("da3", 1).Episode != 2 {
		t.Errorf("a new alert after the release: %d requests, run %+v", w.posts, w.run("da3", 1))
	}
}

func TestRunThatJoinedAfterAnUnnoticedReleaseBeginsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	w.advance(time.Minute)
	w.add(machine.Unisolate, "m1", "clean", "", "Portal")
	w.finishAll(machine.Succeeded)
	w.advance(time.Minute)
	w.alertOn("da2", "m1", alert.High)
	w.drain(p, 3) // closes as isolated: nobody has noticed the release yet
	w.follow(p)
	w.drain(p, 3)
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if w.posts != 2 || w.run("da2", 1).Outcome != "isolated" || w.run("da2", 1).Episode != 2 {
		t.Errorf("%d requests, run %+v", w.posts, w.run("da2", 1))
	}
}

func TestCapHoldsWhatIsBeyondIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	for i := range 8 {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.drain(p, 20)
	held := 0
	for i := range 8 {
		if run := w.run(fmt.Sprintf("da%d", i), 1); run.Outcome == "held" && strings.Contains(run.Reason, "cap") {
			held++
		}
	}
	if w.posts != 5 || held != 3 {
		t.Errorf("%d requests and %d held, want 5 and 3", w.posts, held)
	}
	if n := strings.Count(w.kinds(), "cap reached"); n != 1 {
		t.Errorf("the operator is told %d times", n)
	}
}

func TestObserveDecisionIsNeverActedOnLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	p.responder.Ceiling = ""
	w.alertOn("da1", "m1", alert.High)
	m, _ := w.take()
	if err := p.responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil {
		t.Fatal(err)
	}
	if run := w.run("da1", 1); run.Outcome != "would isolate" || run.Mode != "observe" || w.kinds() != "would isolate" {
		t.Errorf("run = %+v, told %q", run, w.kinds())
	}
	if err := w.start(-1, false).responder.Respond(context.Background(), m.Message.Encode(), 1); err != nil || w.posts != 0 {
		t.Errorf("after the switch to enforce: %v, %d requests", err, w.posts)
	}
}

func TestTroubleBeforeTheRequestComesBackAndActsOnce(t *testing.T) {
	t.Parallel()
	for _, trouble := range []machine.Trouble{machine.Transient, machine.Denied} {
		w := newWorld(t)
		p := w.start(-1, false)
		failures := 3
		w.onPost = func() error {
			if failures--; failures >= 0 {
				return &apiError{trouble: trouble, text: "no", after: 40 * time.Second}
			}
			return nil
		}
		w.alertOn("da1", "m1", alert.High)
		w.drain(p, 10)
		if w.posts != 1 || w.run("da1", 1).State != ledger.Waiting {
			t.Errorf("%s: %d requests, run %+v", trouble, w.posts, w.run("da1", 1))
		}
	}
}

func TestRefusedRequestIsToldAndNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.onPost = func() error {
		return &apiError{trouble: machine.Refused, text: "OsPlatformNotSupported: OS Platform X isn't supported for this action."}
	}
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 3)
	if run := w.run("da1", 1); run.Outcome != "refused" || !strings.Contains(run.Reason, "OsPlatformNotSupported") || w.kinds() != "refused" {
		t.Errorf("run = %+v, told %q", run, w.kinds())
	}
}

func TestLostAnswerIsLookedForBeforeTheRequestIsRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	w.lag = 60 * time.Second
	lose := true
	w.onPost = func() error {
		if lose {
			lose = false
			return errLost
		}
		return nil
	}
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 10)
	if w.isolations("m1") != 1 || w.posts != 1 || w.run("da1", 1).State != ledger.Waiting {
		t.Errorf("%d actions, %d requests, run %+v", w.isolations("m1"), w.posts, w.run("da1", 1))
	}
}

func TestRequestThatNeverArrivedIsRepeatedOnlyAfterTheRecheckTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(-1, false)
	var at []time.Time
	w.onPost = func() error {
		at = append(at, w.now)
		if len(at) == 1 {
			return &apiError{trouble: machine.UnknownFate, text: "reset before it arrived"}
		}
		return nil
	}
	w.alertOn("da1", "m1", alert.High)
	w.drain(p, 10)
	if len(at) != 2 || at[1].Sub(at[0]) < 120*time.Second || w.isolations("m1") != 1 {
		t.Errorf("requests at %v, %d actions", at, w.isolations("m1"))
	}
}

// TestFollowNeverLosesAnEpisodeThatIsJustBegun lets FollowActions run between any two calls of a response.
func TestFollowNeverLosesAnEpisodeThatIsJustBegun(t *testing.T) {
	t.Parallel()
	for k := range 60 {
		w := newWorld(t)
		w.alertOn("da1", "m1", alert.High)
		p, other := w.start(-1, false), w.start(-1, false)
		calls := 0
		p.between = func() {
			if calls++; calls == k {
				w.follow(other)
			}
		}
		w.drain(p, 5)
		p.between = nil
		w.finishAll(machine.Succeeded)
		w.follow(p)
		if run := w.run("da1", 1); run.Outcome != "isolated" {
			t.Errorf("a follow before call %d: %+v", k, run)
		}
		if calls < k {
			return
		}
	}
	t.Error("the response makes more calls than this test looks between")
}

// TestFollowThatListedBeforeAResponseDoesNotRemoveItsEntry lets the index be listed before and the latch be written after any call of a response.
func TestFollowThatListedBeforeAResponseDoesNotRemoveItsEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alertOn("da1", "m1", alert.High)
	p, other := w.start(-1, false), w.start(-1, false)
	if err := p.ledger.AddOpen(context.Background(), "m1", ledger.Isolation); err != nil {
		t.Fatal(err)
	}
	listed, err := other.ledger.OpenEpisodes(context.Background())
	if err != nil || len(listed) != 1 {
		t.Fatal(listed, err)
	}
	w.drain(p, 5)
	if err := other.ledger.RemoveOpen(context.Background(), listed[0]); err != nil {
		t.Fatal(err)
	}
	w.finishAll(machine.Succeeded)
	w.follow(p)
	if run := w.run("da1", 1); run.Outcome != "isolated" {
		t.Errorf("run = %+v", run)
	}
}
