package runs

import (
	"testing"
	"time"

	"cordon/handler/ledger/latches"
)

// TestPatientWaitEndsWhoeverWasAway has nobody try the run in the hours in which its last try was due.
func TestPatientWaitEndsWhoeverWasAway(t *testing.T) {
	t.Parallel()
	const most = 4 * 24 * time.Hour
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for name, away := range map[string]time.Duration{
		"nobody away":           0,
		"away for half an hour": 30 * time.Minute,
		"away for a day":        24 * time.Hour,
	} {
		var run Run
		ended := time.Duration(-1)
		for d := time.Duration(0); d < 40*24*time.Hour && ended < 0; d += 2 * time.Minute {
			switch {
			case d > most-time.Minute && d < most+away:
			case run.IsLastTry(now.Add(d)):
				ended = d
			default:
				run.WaitPatiently(now.Add(d), most)
			}
		}
		if ended < most || ended > 2*most+away+time.Hour {
			t.Errorf("%s: it ends after %s, last try to be %s", name, ended, run.LastTryAt)
		}
	}
}

// TestRunThatWaitsForItsActionIsNeverStuck has messages of such a run meet trouble, and rows that were written as
// stuck.
func TestRunThatWaitsForItsActionIsNeverStuck(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	run := Run{State: Waiting}
	run.Stick(now, time.Hour, false)
	run.WaitPatiently(now, time.Hour)
	if !run.StuckSince.IsZero() || !run.LastTryAt.IsZero() {
		t.Errorf("it is %+v", run)
	}
	run.StuckSince, run.LastTryAt = now, now.Add(time.Hour)
	if run.IsLastTry(now.Add(time.Hour)) {
		t.Error("its next try is the last")
	}
}

// TestWaitForATurnIsNeutral has a run in trouble get its turn promised time and again.
func TestWaitForATurnIsNeutral(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	var run Run
	run.WaitTurn(now, time.Hour)
	if !run.StuckSince.IsZero() || !run.LastTryAt.IsZero() {
		t.Errorf("a turn is waited for: %+v", run)
	}
	now = now.Add(time.Hour)
	run.Stick(now, 24*time.Hour, false)
	now = now.Add(10 * time.Minute)
	run.WaitTurn(now, 2*time.Hour)
	now = now.Add(2 * time.Hour)
	if stuck, left := now.Sub(run.StuckSince), run.LastTryAt.Sub(now); stuck != 10*time.Minute ||
		left != 24*time.Hour-10*time.Minute {
		t.Errorf("after ten minutes of trouble and two hours of a turn it is stuck for %s and tried for %s", stuck,
			left)
	}
	if !run.TurnsFor(now, 4*time.Hour) || run.TurnsFor(now, 3*time.Hour) {
		t.Errorf("turns since %s at %s", run.TurnSince, now)
	}
	run.Again(latches.Isolation, "", now)
	if !run.TurnsFor(now, time.Minute) {
		t.Error("it got on and its turns still count")
	}
}
