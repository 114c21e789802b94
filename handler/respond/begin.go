package respond

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger"
	"cordon/handler/machine"
	"cordon/handler/notice"
)

// find gets the run that a message is about. A message that names no version, or one that the ledger does not know, is
// compared with the API; a message below the newest version closes its run as superseded.
func (r *Responder) find(ctx context.Context, w *work) error {
	record, err := r.Ledger.Alert(ctx, w.message.AlertID)
	if err != nil {
		return err
	}
	w.record = record
	asked, isAsked := record.Run(0)
	if record.Seen == nil || w.message.Version == 0 || w.message.Version > record.Seen.Version {
		if isAsked && record.Seen == nil {
			w.run = asked
			if asked.State.Final() && w.message.Attempt > 0 {
				return errDone
			}
		}
		return r.compare(ctx, w, record)
	}
	w.seen = *record.Seen
	run, exists := record.Run(w.message.Version)
	switch {
	case !exists && w.message.Version < record.Seen.Version:
		return errDone
	case !exists:
		return r.compare(ctx, w, record)
	}
	w.run = run
	if run.State.Final() {
		return errDone
	}
	if run.Version < record.Seen.Version {
		return r.supersede(ctx, w, record.Seen.Version)
	}
	return nil
}

// compare reads the alert and sees whether it is a version that the ledger does not know.
func (r *Responder) compare(ctx context.Context, w *work, record ledger.Record) error {
	a, err := r.askedAlert(ctx, w, record)
	if trouble, _ := machine.TroubleOf(err); trouble == machine.NotFound {
		if latest, exists := record.Latest(); exists {
			w.run, w.seen, w.started = latest, *record.Seen, true
			if latest.State.Final() {
				return errDone
			}
			return r.missed(ctx, w, "alert", err)
		}
		return r.unknownAlert(ctx, w, err)
	}
	if err != nil {
		return r.unreadAsked(ctx, w, record, err)
	}
	observed, err := r.observe(ctx, a)
	if err != nil {
		return err
	}
	if record.Seen == nil {
		r.giveLookUpBack(ctx, w.message.AlertID)
		if err := r.supersedeAsked(ctx, w, observed.Run.Version); err != nil {
			return err
		}
	}
	w.run, w.seen, w.alert, w.readAt = observed.Run, observed.Seen, a, r.Now()
	if w.run.State.Final() {
		return errDone
	}
	return nil
}

func (r *Responder) observe(ctx context.Context, a alert.Alert) (ledger.ObservedVersion, error) {
	_, sha := alert.Snapshot(a)
	return r.Ledger.Observe(ctx, ledger.Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, At: r.Now().UTC(), Single: true})
}

// supersedeAsked closes the run of version 0, if there is one, once the alert has been seen.
func (r *Responder) supersedeAsked(ctx context.Context, w *work, version int) error {
	if w.run.AlertID == "" || w.run.State.Final() {
		return nil
	}
	err := r.close(ctx, w, ledger.SupersededOutcome, fmt.Sprintf("the alert was found; version %d answers it", version))
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// supersede closes a run whose alert has a newer version. If the run had begun, it may have put something on the list of what is
// held, which the newer version does not look for once this run is over.
func (r *Responder) supersede(ctx context.Context, w *work, by int) error {
	if !w.run.StartedAt.IsZero() {
		if err := r.Ledger.RemoveHeld(ctx, w.run.AlertID, by-1); err != nil {
			return err
		}
	}
	return r.close(ctx, w, ledger.SupersededOutcome, fmt.Sprintf("version %d of the alert is newer and is answered instead", by))
}

// missed counts that alert or machine do not exist. Reads lag behind lists, so it is believed only after three tries
// over ten minutes.
func (r *Responder) missed(ctx context.Context, w *work, what string, cause error) error {
	return r.missing(ctx, w, what, cause, false)
}

// missedByStep is missed for a request of one step, which ends alone.
func (r *Responder) missedByStep(ctx context.Context, w *work, what string, cause error) error {
	return r.missing(ctx, w, what, cause, true)
}

func (r *Responder) missing(ctx context.Context, w *work, what string, cause error, step bool) error {
	now := r.Now().UTC()
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		run.Misses++
		if run.MissedAt.IsZero() {
			run.MissedAt = now
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.run = run
	if run.Misses < missesToClose || now.Sub(run.MissedAt) < missesSpan {
		return &comeBack{after: missesSpan / (missesToClose - 1), why: what + " not found, asked again: " + cause.Error()}
	}
	reason := fmt.Sprintf("%s not found in %d tries since %s: %v", what, run.Misses, run.MissedAt.Format(time.RFC3339), cause)
	e := r.event(w, notice.NotFound)
	e.Detail, e.Cause = reason, what+" not found"
	if !w.known(&e) {
		if err := r.Teller.Tell(ctx, notice.Group(w.alertOrID(), nil), e); err != nil {
			return err
		}
		w.note(w.news(e))
	}
	if step {
		return r.finish(ctx, w, "not found", reason)
	}
	return r.close(ctx, w, "not found", reason)
}

// alertOrID is the alert, or as much of it as the message says.
func (w *work) alertOrID() alert.Alert {
	if w.alert.ID == "" {
		return alert.Alert{ID: w.message.AlertID, IncidentID: w.seen.IncidentID}
	}
	return w.alert
}

// start adds the start of the run to those whose end is not known. One that is over and did not end in good order is a death,
// unless it was this process's own: then the process lives and only the ledger was out of reach. A run that seems to kill the
// process is parked.
func (r *Responder) start(ctx context.Context, w *work) error {
	now, deaths := r.Now().UTC(), 0
	run, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if run.State.Final() {
			return errDone
		}
		if w.message.Attempt > run.Attempt {
			// The copy that is answered now was sent by an invocation that ended in good order and could not write so.
			run.Begun, run.Attempt = run.Begun.EndNewest(), w.message.Attempt
		}
		run.Begun = run.Begun.Bury(r.process, now, invocationLife, w.message.Attempt, w.delivery-1)
		if deaths = run.Begun.Deaths(); deaths >= deathsToPark {
			return errDeaths
		}
		run.Begun = run.Begun.Begin(ledger.Start{Process: r.process, Attempt: w.message.Attempt, At: now})
		run.DueAt = now
		if run.State == ledger.Observed {
			run.State, run.StartedAt = ledger.Started, now
		}
		return nil
	})
	if errors.Is(err, errDeaths) {
		return r.park(ctx, w, deaths)
	}
	if err != nil {
		return err
	}
	w.run, w.started, w.last = run, true, run.IsLastTry(now)
	return nil
}

// errDeaths says that a run must not be begun again.
var errDeaths = errors.New("the run seems to end the process")

// park sets a run aside; the operator is told before, so that no run is set aside in silence.
func (r *Responder) park(ctx context.Context, w *work, deaths int) error {
	reason := fmt.Sprintf("it was begun %d times, by processes that never said how it ended", deaths)
	r.Log.ErrorContext(ctx, "run parked: it seems to end the process; look at the alert by hand", "run", w.run.ID(), "deaths", deaths)
	e := r.event(w, notice.Parked)
	e.Detail, e.To = reason+". Answer the alert by hand.", r.Operator
	if err := r.Teller.Tell(ctx, "operator", e); err != nil {
		return err
	}
	_, err := r.Ledger.UpdateRun(ctx, w.run.AlertID, w.run.Version, func(run *ledger.Run) error {
		if run.State.Final() {
			return ledger.ErrUnchanged
		}
		run.State, run.ClosedAt, run.Outcome, run.Reason = ledger.Parked, r.Now().UTC(), "parked", reason
		return nil
	})
	if err != nil {
		return err
	}
	return errDone
}

// facts gets alert and machine: from the message if the ledger vouches for its snapshots, else from the API. The machine is
// always the alert's: one for which the API shows the record of another counts as one that could not be read. Snapshots may be old: with them a run closes without a rule, joins what is under way or waits for its
// turn. Before it acts or tells anything else they are read again.
func (r *Responder) facts(ctx context.Context, w *work) error {
	vouched := w.message.Version == w.run.Version && !w.refresh
	if w.alert.ID == "" {
		if vouched && len(w.message.Alert) > 0 && alert.SHA256(w.message.Alert) == w.seen.SnapshotSHA &&
			json.Unmarshal(w.message.Alert, &w.alert) == nil && w.alert.ID == w.run.AlertID {
			w.readAt = w.seen.SnapshotAt
		} else if err := r.readAlert(ctx, w); err != nil {
			return err
		}
	}
	if alert.CheckID(w.alert.MachineID) != nil {
		return nil
	}
	w.alert.MachineID = machine.ID(w.alert.MachineID)
	var m machine.Machine
	if vouched && len(w.message.Machine) > 0 && alert.SHA256(w.message.Machine) == w.seen.MachineSHA &&
		json.Unmarshal(w.message.Machine, &m) == nil && strings.EqualFold(m.ID, w.alert.MachineID) && len(m.Missing()) == 0 {
		m.ID = w.alert.MachineID
		w.machine = &m
		return nil
	}
	m, err := r.API.Machine(ctx, w.alert.MachineID)
	if trouble, _ := machine.TroubleOf(err); trouble == machine.NotFound {
		return r.missed(ctx, w, "machine "+w.alert.MachineID, err)
	}
	if err != nil {
		return w.unreadMachine(err)
	}
	if !strings.EqualFold(m.ID, w.alert.MachineID) {
		w.missing = fmt.Sprintf("the API answers for machine %q with the record of machine %q, as it does after two were merged; look at both in the portal", w.alert.MachineID, m.ID)
		return nil
	}
	m.ID = w.alert.MachineID
	w.machine = &m
	return nil
}

// stale reports whether the facts are too old to act on.
func (r *Responder) stale(w *work) bool { return r.Now().Sub(w.readAt) > r.SnapshotMaxAge }

// readAgain gets alert and machine from the API and decides anew.
func (r *Responder) readAgain(ctx context.Context, w *work) error {
	w.alert, w.machine, w.missing, w.refresh = alert.Alert{}, nil, "", true
	err := r.facts(ctx, w)
	if err == nil {
		err = r.decide(ctx, w)
	}
	if err != nil {
		w.readAt = time.Time{} // facts and plan do not belong together
	}
	return err
}

// readAlert fetches the alert. If it has changed so that a rule could decide differently, the change is a version of its
// own: it is queued and this run closes.
func (r *Responder) readAlert(ctx context.Context, w *work) error {
	w.alert = alert.Alert{}
	a, err := r.alertOf(ctx, w.run.AlertID)
	if trouble, _ := machine.TroubleOf(err); trouble == machine.NotFound {
		return r.missed(ctx, w, "alert", err)
	}
	if err != nil {
		return r.unread(ctx, w, err)
	}
	observed, err := r.observe(ctx, a)
	if err != nil {
		return err
	}
	if observed.Run.Version == w.run.Version {
		w.alert, w.readAt = a, r.Now()
		return nil
	}
	next := alert.Message{Tenant: r.Ledger.Tenant(), AlertID: a.ID, Version: observed.Run.Version, Reason: "changed", ObservedAt: r.Now().UTC()}
	id := alert.MessageID(r.Ledger.Tenant(), a.ID, observed.Run.Version)
	if err := r.Queue.SendAlerts(ctx, []alert.Envelope{{ID: id, Message: next}}); err != nil {
		return err
	}
	return r.supersede(ctx, w, observed.Run.Version)
}
