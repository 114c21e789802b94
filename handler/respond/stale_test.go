package respond_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/handler/alert"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/budget"
	"cordon/handler/machine"
	"cordon/handler/respond"
)

// reading counts single reads.
type reading struct {
	respond.API
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
func oneAMinute(w *world.World) (*world.Process, *reading) {
	p := w.Start(-1, false)
	reads := &reading{API: p}
	p.Change(func(options *respond.Options) {
		options.API, options.Quota = reads, budget.Quota{PerMinute: 1, PerHour: 100}
	})
	return p, reads
}

func TestRunThatWaitsReadsNothingUntilItsTurnHasCome(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for i := range 8 {
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i%4), alert.High)
	}
	p, reads := oneAMinute(w)
	w.Drain(p, 100)
	// The turns come after 0, 61, 122 and 183 s; snapshots are good for two minutes.
	if reads.alerts != 2 || reads.machines != 2 || w.Posts != 4 {
		t.Errorf("%d alerts and %d machines were read for %d requests, want 2 and 2 for 4", reads.alerts,
			reads.machines, w.Posts)
	}
}

func TestOldSnapshotIsGoodEnoughToDoNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.Low)
	w.Advance(time.Hour)
	p, reads := oneAMinute(w)
	w.Drain(p, 2)
	if run := w.Run("da1", 1); run.Outcome != "no rule" || reads.alerts+reads.machines != 0 {
		t.Errorf("%d reads, run %+v", reads.alerts+reads.machines, run)
	}
}

func TestWhatIsToldIsReadAgainIfItIsOld(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.AlertOn("da1", "m1", alert.High)
	w.Mu.Lock()
	m := w.Machines["m1"]
	m.Tags = []string{"never-isolate"}
	w.Machines["m1"] = m
	w.Mu.Unlock()
	w.Change(alert.Alert{
		ID:        "da2",
		MachineID: "m1",
		Severity:  alert.High,
		Status:    alert.StatusNew,
		Created:   w.Clock(),
		Updated:   w.Clock(),
	})
	w.Advance(10 * time.Minute)
	p, reads := oneAMinute(w)
	w.Drain(p, 5)
	for _, id := range []string{"da1", "da2"} {
		if run := w.Run(id, 1); run.Outcome != "held" || !strings.Contains(run.Reason, "never-isolate") {
			t.Errorf("run of %s: %+v", id, run)
		}
	}
	if reads.alerts != 2 || reads.machines != 2 || w.Posts != 0 {
		t.Errorf("%d alerts and %d machines were read, %d requests", reads.alerts, reads.machines, w.Posts)
	}
}

func TestAlertThatWasResolvedMeanwhileIsolatesNothingAndUsesUpNoCap(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for i := range 6 { // the cap is 5 an hour
		w.AlertOn(fmt.Sprintf("da%d", i), fmt.Sprintf("m%d", i), alert.High)
	}
	w.Advance(10 * time.Minute)
	w.Mu.Lock()
	a := w.Alerts["da0"]
	a.Status, a.Updated = alert.StatusResolved, w.Now
	w.Alerts["da0"] = a
	w.Mu.Unlock()
	p, _ := oneAMinute(w)
	w.Drain(p, 100)
	if run := w.Run("da0", 1); run.Outcome != "superseded" || w.Isolations("m0") != 0 {
		t.Errorf("%d isolations of m0, run %+v", w.Isolations("m0"), run)
	}
	if w.Posts != 5 || strings.Contains(w.Kinds(), "held") {
		t.Errorf("%d of 5 machines were isolated, told %q", w.Posts, w.Kinds())
	}
}
