// Package standing keeps what stands on the machine of a case from one moment to the next, as the ledger and Defender
// would if all that a plan asks for succeeded. What an action of a plan comes to is not made up here: handler/episode
// and the record of runs say it, as they do in the app. Caps, quotas and other alerts are not known.
package standing

import (
	"cmp"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/episode"
	"cordon/handler/ledger/latches"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
	"cordon/handler/playbook"
)

// Standing is what stands after some moments of one alert.
type Standing struct {
	lift    time.Duration
	record  runs.Record
	latches map[string]*latches.Latch // by machine and kind
	joined  map[string][]latches.Joiner
	made    []machine.Action // that the product asked for
	actions []machine.Action // of the machine, at this moment
}

// New is the standing before the first moment. lift is how long an isolation stands.
func New(lift time.Duration) *Standing {
	return &Standing{
		lift:    lift,
		latches: map[string]*latches.Latch{},
		joined:  map[string][]latches.Joiner{},
	}
}

// Begin is the beginning of a moment: the latches are brought up to the machine's actions, and the decision learns what
// they say of the machine. actions are those that the case gives; one with the id of an action that the product asked
// for says what became of that.
func (s *Standing) Begin(in *playbook.Input, actions []machine.Action) {
	s.actions = s.merge(in.Alert.MachineID, actions)
	for _, l := range s.latches {
		if l.MachineID == in.Alert.MachineID {
			s.follow(l, in.Now)
		}
	}
	in.OpenActions = []machine.Action{}
	for _, a := range s.actions {
		if !a.Status.Final() {
			in.OpenActions = append(in.OpenActions, a)
		}
	}
	l := *s.latch(in.Alert.MachineID, latches.Isolation)
	l.Desired = machine.Isolate
	isolation := episode.StateOf(
		l,
		s.actions,
		in.Now,
		s.lift,
	)
	in.Isolation = &isolation
	s.begin(in)
}

// begin opens the run of the moment: the next version of the alert.
func (s *Standing) begin(in *playbook.Input) {
	run := runs.Run{
		AlertID:    in.Alert.ID,
		Version:    len(s.record.Runs) + 1,
		State:      runs.Started,
		ObservedAt: in.Now,
		MachineID:  in.Alert.MachineID,
		Severity:   string(in.Alert.Severity),
		Status:     string(in.Alert.Status),
	}
	s.record.Runs = append(s.record.Runs, run)
	in.Asked = append(in.Asked, s.record.AskedFor(run)...)
}

// merge puts the actions of the case and those that the product asked for together.
func (s *Standing) merge(machineID string, given []machine.Action) []machine.Action {
	var all []machine.Action
	said := map[string]machine.Action{}
	for _, a := range given {
		said[a.ID] = a
	}
	for i := range s.made {
		own := &s.made[i]
		now, known := said[own.ID]
		if known {
			own.Status = now.Status
			own.Updated = cmp.Or(now.Updated, own.Updated)
			delete(said, own.ID)
		}
		if own.MachineID == machineID {
			all = append(all, *own)
		}
	}
	for _, a := range given {
		_, left := said[a.ID]
		if left && a.MachineID == machineID {
			all = append(all, a)
		}
	}
	return all
}

// latch is the latch of a machine; a fresh one if it was never used.
func (s *Standing) latch(machineID, kind string) *latches.Latch {
	key := machineID + ":" + kind
	l := s.latches[key]
	if l == nil {
		l = &latches.Latch{
			MachineID: machineID,
			Kind:      kind,
		}
		s.latches[key] = l
	}
	return l
}

// run is the run of this moment.
func (s *Standing) run() *runs.Run {
	newest := len(s.record.Runs) - 1
	return &s.record.Runs[newest]
}

// ask has the product ask for an action, which Succeeds at once unless a later moment says otherwise.
func (s *Standing) ask(l *latches.Latch, now time.Time, comment string) {
	a := machine.Action{
		ID:            fmt.Sprintf("cordon-%d", len(s.made)+1),
		Type:          l.Desired,
		Status:        machine.Succeeded,
		Scope:         l.Scope,
		MachineID:     l.MachineID,
		Requestor:     "Cordon",
		RequestSource: "PublicApi",
		Comment:       episode.Mark(s.run().ID(), *l) + " " + comment,
		Created:       now,
		Updated:       now,
	}
	s.made = append(s.made, a)
	s.actions = append(s.actions, a)
	l.State = latches.Acting
	l.FirstIntentAt = now
	episode.Own(l, a, false)
	s.run().Wait(l.Kind, l.Episode, "waiting for action "+a.ID, now)
}

// follow brings a latch up to what the machine's actions say, as handler/follow does with its timer.
func (s *Standing) follow(l *latches.Latch, now time.Time) {
	next := episode.Follow(
		*l,
		s.actions,
		now,
		s.limits(),
	)
	settled, is := next.(episode.Settle)
	if is {
		s.settle(l, settled)
	}
	if l.State != latches.Achieved {
		return
	}
	state := episode.Watch(*l, s.actions, now, s.lift)
	*l = state.Latch
	switch {
	case state.Released != nil:
		episode.EndReleased(l, *state.Released, now)
	case state.LiftDue && !state.WaitsForRelease(now):
		l.LiftedAt = episode.LiftOf(*l, s.lift)
		l.State = latches.Ended
		l.EndedAt = l.LiftedAt
		l.EndReason = "Defender lifted it"
	}
}

// settle gives the episode of a latch the outcome of its action, and the runs that wait for it theirs.
func (s *Standing) settle(l *latches.Latch, with episode.Settle) {
	spec, _ := machine.SpecOfLatch(l.Kind)
	outcome := spec.Done
	status := with.Action.Status
	at := with.Action.Completed()
	l.ActionStatus = status
	if status == machine.Succeeded && spec.Lasting {
		l.State = latches.Achieved
		l.AchievedAt = at
	} else {
		l.State = latches.Ended
		l.EndedAt = at
		l.EndReason = with.Detail
	}
	if status != machine.Succeeded {
		outcome = episode.NotDone(spec.Done)
		kind := episode.FailedKind(status)
		l.EndKind = string(kind)
	}
	for i := range s.record.Runs {
		run := &s.record.Runs[i]
		if run.MachineID != l.MachineID {
			continue
		}
		episode.CloseWith(
			run,
			*l,
			outcome,
			with.Detail,
			at,
		)
	}
}

func (s *Standing) limits() episode.Limits {
	return episode.Limits{Lift: s.lift}
}

// Changed is what the steps of a plan that are done make of the alert, for the moments that follow.
func Changed(steps []playbook.Step) (c alert.Change) {
	for _, step := range steps {
		done := step.Verdict == playbook.Do
		if done && step.Update != nil {
			return *step.Update
		}
	}
	return c
}
