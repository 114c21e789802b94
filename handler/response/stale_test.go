package response

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
)

// reading counts single reads.
type reading struct {
	API
	alerts, machines int
}

func (c *reading) Alert(ctx context.Context, id string) (alert.Alert, error) {
	c.alerts++
	return c.API.Alert(ctx, id)
}

func (c *reading) Machine(ctx context.Context, id string) (machine.Machine, error) {
	c.machines++
	return c.API.Machine(ctx, id)
}

// oneAMinute starts a process that may isolate one machine a minute.
func (w *world) oneAMinute() (*process, *reading) {
	p := w.start(-1, false)
	reads := &reading{API: p}
	p.responder.API, p.responder.Quota = reads, ledger.Quota{PerMinute: 1, PerHour: 100}
	return p, reads
}

func TestRunThatWaitsReadsNothingUntilItsTurnHasCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 8 {
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i%4), alert.High)
	}
	p, reads := w.oneAMinute()
	w.drain(p, 100)
	// The turns come after 0, 61, 122 and 183 s; snapshots are good for two minutes.
	if reads.alerts != 2 || reads.machines != 2 || w.posts != 4 {
		t.Errorf("%d alerts and %d machines were read for %d requests, want 2 and 2 for 4", reads.alerts, reads.machines, w.posts)
	}
}

func TestOldSnapshotIsGoodEnoughToDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alertOn("da1", "m1", alert.Low)
	w.advance(time.Hour)
	p, reads := w.oneAMinute()
	w.drain(p, 2)
	if run := w.run("da1", 1); run.Outcome != "no rule" || reads.alerts+reads.machines != 0 {
		t.Errorf("%d reads, run %+v", reads.alerts+reads.machines, run)
	}
}

func TestWhatIsToldIsReadAgainIfItIsOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alertOn("da1", "m1", alert.High)
	w.mu.Lock()
	m := w.machines["m1"]
	m.Tags = []string{"never-isolate"}
	w.machines["m1"] = m
	w.mu.Unlock()
	w.change(alert.Alert{ID: "da2", MachineID: "m1", Severity: alert.High, Status: alert.StatusNew, Created: w.clock(), Updated: w.clock()})
	w.advance(10 * time.Minute)
	p, reads := w.oneAMinute()
	w.drain(p, 5)
	for _, id := range []string{"da1", "da2"} {
		if run := w.run(id, 1); run.Outcome != "held" || !strings.Contains(run.Reason, "never-isolate") {
			t.Errorf("run of %s: %+v", id, run)
		}
	}
	if reads.alerts != 2 || reads.machines != 2 || w.posts != 0 {
		t.Errorf("%d alerts and %d machines were read, %d requests", reads.alerts, reads.machines, w.posts)
	}
}

func TestAlertThatWasResolvedMeanwhileIsolatesNothingAndUsesUpNoCap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 6 { // the cap is 5 an hour
		w.alertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.advance(10 * time.Minute)
	w.mu.Lock()
	a := w.alerts["da0"]
	a.Status, a.Updated = alert.StatusResolved, w.now
	w.alerts["da0"] = a
	w.mu.Unlock()
	p, _ := w.oneAMinute()
	w.drain(p, 100)
	if run := w.run("da0", 1); run.Outcome != "superseded" || w.isolations("m0") != 0 {
		t.Errorf("%d isolations of m0, run %+v", w.isolations("m0"), run)
	}
	if w.posts != 5 || strings.Contains(w.kinds(), "held") {
		t.Errorf("%d of 5 machines were isolated, told %q", w.posts, w.kinds())
	}
}
