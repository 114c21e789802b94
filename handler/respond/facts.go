package respond

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/answer"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// facts gets alert and machine: from the message if the ledger vouches for its snapshots, else from the API. The
// machine is always the alert's: one for which the API shows the record of another counts as one that could not be
// read, and so does one whose id cannot be one. Snapshots may be old: with them a run closes without a rule, joins what
// is under way or waits for its turn. Before it acts or tells anything else they are read again.
func (r *Responder) facts(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	vouched := run.Message.Version == run.Row.Version && !run.Refresh
	if run.Alert.ID == "" {
		if vouched && alertIn(run) {
			run.ReadAt = run.Seen.SnapshotAt
		} else if o, err := r.readAlert(ctx, run); err != nil || o.Ends() {
			return o, err
		}
	}
	if run.Alert.MachineID == "" {
		return o, nil
	}
	if err := run.Alert.CheckMachine(); err != nil {
		run.Missing = err.Error()
		return o, nil
	}
	run.Alert.MachineID = machine.ID(run.Alert.MachineID)
	if vouched && machineIn(run) {
		return o, nil
	}
	return r.readMachine(ctx, run)
}

// alertIn takes the alert from the message, if the ledger vouches for its snapshot.
func alertIn(run *answer.Run) bool {
	snapshot := run.Message.Alert
	if len(snapshot) == 0 || alert.SHA256(snapshot) != run.Seen.SnapshotSHA {
		return false
	}
	return json.Unmarshal(snapshot, &run.Alert) == nil && run.Alert.ID == run.Row.AlertID
}

// machineIn takes the alert's machine from the message, if the ledger vouches for its snapshot and it lacks nothing.
func machineIn(run *answer.Run) bool {
	snapshot := run.Message.Machine
	if len(snapshot) == 0 || alert.SHA256(snapshot) != run.Seen.MachineSHA {
		return false
	}
	var m machine.Machine
	same := json.Unmarshal(snapshot, &m) == nil &&
		strings.EqualFold(m.ID, run.Alert.MachineID)
	if !same || len(m.Missing()) > 0 {
		return false
	}
	m.ID = run.Alert.MachineID
	run.Machine = &m
	return true
}

// readAlert fetches the alert. If it has changed so that a rule could decide differently, the change is a version of
// its own: it is queued and this run closes.
func (r *Responder) readAlert(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	run.Alert = alert.Alert{}
	a, err := r.alertOf(ctx, run.Row.AlertID)
	trouble, _ := machine.TroubleOf(err)
	if trouble == machine.NotFound {
		return r.clerk.Missed(ctx, run, "", err, r.clerk.Close)
	}
	if err != nil {
		return r.unread(ctx, run, err)
	}
	observed, err := r.observe(ctx, a)
	if err != nil {
		return o, err
	}
	version := observed.Run.Version
	if version == run.Row.Version {
		run.Alert, run.ReadAt = a, r.Now()
		return o, nil
	}
	next := alert.Envelope{
		ID: alert.MessageID(r.Runs.Tenant(), a.ID, version),
		Message: alert.Message{
			Tenant:     r.Runs.Tenant(),
			AlertID:    a.ID,
			Version:    version,
			Reason:     "changed",
			ObservedAt: r.Now().UTC(),
		},
	}
	if err := r.Queue.SendAlerts(ctx, []alert.Envelope{next}); err != nil {
		return o, err
	}
	return r.supersede(ctx, run, version)
}

// observe records the alert as it was read.
func (r *Responder) observe(ctx context.Context, a alert.Alert) (runs.ObservedVersion, error) {
	_, sha := alert.Snapshot(a)
	return r.Runs.Observe(ctx, runs.Observation{
		Alert:       a,
		Hash:        alert.DecisionHash(a),
		SnapshotSHA: sha,
		At:          r.Now().UTC(),
		Single:      true,
	})
}

// supersede closes a run whose alert has a newer version. If the run had begun, it may have put something on the list
// of what is held, which the newer version does not look for once this run is over.
func (r *Responder) supersede(ctx context.Context, run *answer.Run, by int) (answer.Outcome, error) {
	if !run.Row.StartedAt.IsZero() {
		err := r.Held.Remove(ctx, run.Row.AlertID, by-1)
		if err != nil {
			return answer.Outcome{}, err
		}
	}
	reason := fmt.Sprintf("version %d of the alert is newer and is answered instead", by)
	return r.clerk.Close(ctx, run, runs.SupersededOutcome, reason)
}

// readMachine fetches the alert's machine.
func (r *Responder) readMachine(ctx context.Context, run *answer.Run) (o answer.Outcome, err error) {
	id := run.Alert.MachineID
	m, err := r.API.Machine(ctx, id)
	trouble, _ := machine.TroubleOf(err)
	if trouble == machine.NotFound {
		return r.clerk.Missed(ctx, run, id, err, r.clerk.Close)
	}
	if err != nil {
		return o, unreadMachine(run, err)
	}
	if !strings.EqualFold(m.ID, id) {
		run.Missing = fmt.Sprintf("the API answers for machine %q with the record of machine %q, "+
			"as it does after two were merged; look at both in the portal", id, m.ID)
		return o, nil
	}
	m.ID = id
	run.Machine = &m
	return o, nil
}
