package respond

import (
	"context"
	"slices"
	"time"

	"cordon/handler/act"
	"cordon/handler/answer"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// actionsBack is how far back a machine's actions are looked at to learn whether it is isolated: as long as Defender
// keeps data ("Microsoft Defender for Endpoint data storage and privacy": 180 days).
const actionsBack = 180 * 24 * time.Hour

// input gathers what a decision may look at. What costs a call is read only if the playbook has a rule about it, once
// per decision. Trouble that passes makes the run come back, as for the alert and the machine; what the API refuses
// stays unknown, and rules that read it hold their steps.
func (r *Responder) input(ctx context.Context, run *answer.Run) (playbook.Input, error) {
	in := playbook.Input{
		Alert:          run.Alert,
		Machine:        run.Machine,
		MachineMissing: run.Missing,
		Now:            r.Now().UTC(),
		StaleAfter:     r.StaleAfter,
	}
	answer.WithoutOwn(run.Row, &in)
	asked, err := r.asked(ctx, run)
	if err != nil {
		return in, err
	}
	in.Asked = asked
	err = r.hunted(ctx, run, &in)
	if err != nil {
		return in, err
	}
	err = CountNeighbours(ctx, r.Neighbours, r.Book, &in)
	if err != nil {
		return in, err
	}
	needs := r.Book.Needs()
	if run.Machine == nil {
		return in, nil
	}
	if needs.OpenActions {
		current, err := r.actor.CurrentActions(ctx)
		if err != nil {
			return in, unlessRefused(run, err, &in)
		}
		in.OpenActions = []machine.Action{}
		for _, a := range current {
			if a.MachineID == run.Machine.ID && !a.Status.Final() && !episode.IsOf(a, run.ID()) {
				in.OpenActions = append(in.OpenActions, a)
			}
		}
	}
	if needs.Isolated {
		isolation, err := r.isolation(ctx, run.Machine.ID, run.ID())
		if err != nil {
			return in, unlessRefused(run, err, &in)
		}
		in.Isolation = &isolation
	}
	return in, nil
}

// isolation follows from the machine's own actions, whoever asked for them. Lists lag, so an isolation that the latch
// knows to have succeeded counts until a later release is listed. What the run itself has asked for does not count: a
// run that is taken up again has to decide as it did before it was interrupted.
func (r *Responder) isolation(ctx context.Context, machineID, runID string) (machine.State, error) {
	actions, err := r.API.ActionsOn(ctx, machineID, r.Now().Add(-actionsBack))
	if err != nil {
		return machine.State{}, err
	}
	l, err := r.Latches.Of(ctx, machineID, latches.Isolation)
	if err != nil {
		return machine.State{}, err
	}
	actions = slices.DeleteFunc(actions, func(a machine.Action) bool { return episode.IsOf(a, runID) })
	if l.RunID == runID {
		l = latches.Latch{}
	}
	l.Desired = machine.Isolate
	return episode.StateOf(l, actions, r.Now(), r.Lift), nil
}

// unlessRefused returns an error that may be gone at a later try. Of any other error, and at the last try, it keeps
// only the reason, for the rules.
func unlessRefused(run *answer.Run, err error, in *playbook.Input) error {
	trouble, _ := machine.TroubleOf(err)
	if trouble == machine.Refused || trouble == machine.NotFound || run.Last && act.FromAPI(err) {
		in.ActionsMissing = err.Error()
		return nil
	}
	return err
}
