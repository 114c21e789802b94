package act_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"cordon/handler/act"
	"cordon/handler/answer"
	"cordon/handler/internal/world"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// TestAPlaceThatCannotBeGivenBackEndsNoProcess has the ledger out of reach after the machine could not be read again.
func TestAPlaceThatCannotBeGivenBackEndsNoProcess(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start(-1, false)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	l := latches.Latch{
		MachineID: "m1",
		Kind:      latches.Isolation,
		Desired:   machine.Isolate,
		Episode:   1,
		HeldUntil: w.Clock().Add(time.Minute),
	}
	actor := act.New(act.Options{
		Runs:     p.Ledger.Runs,
		Latches:  p.Ledger.Latches,
		Budget:   p.Ledger.Budget,
		Switches: p.Ledger.Switches,
		Clerk:    &answer.Clerk{},
		Log:      slog.New(slog.DiscardHandler),
		Now:      w.Clock,
	})
	actor.Uncount(gone, l)
}

// facts are what a second look finds.
type facts func(*answer.Run)

func (f facts) ReadAgain(_ context.Context, run *answer.Run) (answer.Outcome, error) {
	f(run)
	return answer.Outcome{}, nil
}

// TestNothingIsAskedForOnAMachineWhoseLatchIsNotHeld has the second look find another machine, none, or a step that is
// no longer to be done.
func TestNothingIsAskedForOnAMachineWhoseLatchIsNotHeld(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	isolate := playbook.Step{Kind: playbook.Isolate, Scope: machine.Full, Verdict: playbook.Do}
	held := isolate
	held.Verdict = playbook.Held
	for name, c := range map[string]struct {
		machine *machine.Machine
		step    playbook.Step
		goesOn  bool
	}{
		"the same machine": {&machine.Machine{ID: "m1"}, isolate, true},
		"another machine":  {&machine.Machine{ID: "m2"}, isolate, false},
		"no machine":       {nil, isolate, false},
		"held by a rail":   {&machine.Machine{ID: "m1"}, held, false},
	} {
		actor := act.New(act.Options{
			Clerk:          &answer.Clerk{},
			Now:            func() time.Time { return now },
			SnapshotMaxAge: time.Minute,
			Facts: facts(func(run *answer.Run) {
				run.Machine, run.ReadAt = c.machine, now
				run.Plan.Steps = []playbook.Step{c.step}
			}),
		})
		run := &answer.Run{Decision: answer.Decision{Step: isolate}}
		o, err := actor.LookAgain(t.Context(), run, latches.Latch{MachineID: "m1", Kind: latches.Isolation})
		if err != nil || o.PlanHasChanged() == c.goesOn || o.Ends() == c.goesOn {
			t.Errorf("%s: ends %v, the plan has changed %v, %v", name, o.Ends(), o.PlanHasChanged(), err)
		}
	}
}
