package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
)

// RunState is where the run of one alert version stands. Closed and parked are final.
type RunState string

// The states of a run. The zero value is no state.
const (
	Observed RunState = "observed" // written by ingest, not begun
	Started  RunState = "started"  // a responder has begun; it may have been interrupted
	Waiting  RunState = "waiting"  // joined an episode and ends with its outcome
	Closed   RunState = "closed"   // ended with a recorded decision
	Parked   RunState = "parked"   // set aside: it seems to kill the process
)

// Final reports whether a run in this state is over.
func (s RunState) Final() bool { return s == Closed || s == Parked }

// Seen is what ingest last saw of an alert.
type Seen struct {
	rows.Keys
	AlertID     string
	Version     int    // counts the changes that a rule can see, from 1; 0: asked for but never seen
	Hash        string // alert.DecisionHash of Version
	Updated     time.Time
	SnapshotSHA string // of the newest snapshot that a message may carry
	MachineSHA  string
	SnapshotAt  time.Time // when those snapshots were read, by our clock
	ObservedAt  time.Time // when Version was first seen, by our clock
	MachineID   string
	Severity    string
	IncidentID  int64 `json:",string"`
}

// Run is the record of how one version of an alert was answered.
type Run struct {
	rows.Keys
	AlertID    string
	Version    int
	State      RunState
	ObservedAt time.Time // by the API's clock as far as it is known
	StartedAt  time.Time `json:",omitzero"`
	ClosedAt   time.Time `json:",omitzero"`

	DueAt    time.Time `json:",omitzero"`  // when it is expected to go on, by our clock; if it stands still long after that, it is sent again
	Sweeps   int       `json:",omitempty"` // times that it stood still and was sent again
	Opening  int       `json:",omitempty"` // times that it was opened again after it was closed
	Reissues int       `json:",omitempty"` // times that its machine action failed and was asked for again

	AskedAt time.Time `json:",omitzero"` // when a machine action was first under way for it; the alert's age is not looked at afterwards

	StuckSince time.Time `json:",omitzero"`  // since when it has come back without getting on; zero: it gets on, or waits for what ends by itself
	LastTryAt  time.Time `json:",omitzero"`  // from when on its next try is the last; zero: there is no such time
	TurnSince  time.Time `json:",omitzero"`  // since when it comes back for its turn of a quota; zero: it does not
	StuckTold  bool      `json:",omitempty"` // people know that it does not get on

	Begun    Starts    `json:",omitempty"` // starts that did not end in good order, as far as is known
	Attempt  int       `json:",omitempty"` // of the message that began it last; a higher one proves an orderly end before it
	Copies   int       `json:",omitempty"` // scheduled copies so far
	CopyOf   string    `json:",omitempty"` // which message the last of them was made of
	Misses   int       `json:",omitempty"` // times that alert or machine were not found
	MissedAt time.Time `json:",omitzero"`  // when they were first not found

	MachineID string `json:",omitempty"`
	Title     string `json:",omitempty"`
	Severity  string `json:",omitempty"`
	Status    string `json:",omitempty"` // of the alert, as far as Cordon saw it or made it so; empty in runs from before it was kept
	Rule      string `json:",omitempty"`
	Mode      string `json:",omitempty"`
	Book      string `json:",omitempty"` // hash of the playbook that decided
	Episode   int    `json:",omitempty"` // of the machine's isolation latch; 0: none
	Outcome   string `json:",omitempty"` // one word or two: isolated, held, no rule, superseded, …; of several steps each, separated by commas
	Reason    string `json:",omitempty"` // the sentence behind Outcome; while it waits, for what
	Trouble   string `json:",omitempty"` // what kept the run from going on, last time

	Steps StepStates `json:",omitempty"` // the acting steps of the plan; none: no step acts, or the run is older than steps

	Told string `json:",omitempty"` // what people were told, in order, see Tell

	Leave    string    `json:",omitempty"` // who let it go on after a rail had held it, and why; empty: nobody
	LeaveFor string    `json:",omitempty"` // digest of the machine as that person saw it; for another it counts nothing
	LeaveAt  time.Time `json:",omitzero"`

	Plan     []byte `json:",omitempty"` // compressed JSON, see SetPlan
	PlanType string `json:"Plan@odata.type,omitempty"`
}

// ID names the run in logs, comments and mails.
func (r Run) ID() string { return alert.RunID(r.AlertID, r.Version) }

// Message is the message of a run that was opened again, under the id that its count of copies makes.
func (r Run) Message(tenant, reason string, at time.Time) alert.Envelope {
	return alert.Envelope{
		ID: fmt.Sprintf("%s:r%d", alert.MessageID(tenant, r.AlertID, r.Version), r.Copies),
		At: at,
		Message: alert.Message{
			Tenant:  tenant,
			AlertID: r.AlertID,
			Version: r.Version,
			Reason:  reason,
			Attempt: r.Attempt,
		},
	}
}

// Record is everything that the ledger holds about one alert.
type Record struct {
	Seen *Seen // nil: never seen
	Runs []Run // by version, oldest first
}

// Run returns the run of a version, or false.
func (r Record) Run(version int) (Run, bool) {
	for _, run := range r.Runs {
		if run.Version == version {
			return run, true
		}
	}
	return Run{}, false
}

// Latest returns the newest version's run and false if there is none.
func (r Record) Latest() (Run, bool) {
	if r.Seen == nil {
		return Run{}, false
	}
	return r.Run(r.Seen.Version)
}

const seenKey = "seen"

func runKey(version int) string { return fmt.Sprintf("run:v%08d", version) }

// Alert reads what the ledger holds about an alert; an empty Record if it was never seen.
func (s *Store) Alert(ctx context.Context, alertID string) (Record, error) {
	var record Record
	everything := rows.Prefix(s.alerts.Partition(alertID), "")
	for body, err := range rows.Each[json.RawMessage](ctx, s.alerts, everything, "") {
		if err == nil {
			err = s.take(&record, body)
		}
		if err != nil {
			return record, err
		}
	}
	return record, nil
}

// take puts a row of the alert's partition into its record.
func (s *Store) take(r *Record, body []byte) error {
	var k rows.Keys
	if err := s.alerts.Decode(body, &k); err != nil {
		return err
	}
	if k.RowKey == seenKey {
		r.Seen = new(Seen)
		return s.alerts.Decode(body, r.Seen)
	}
	if !strings.HasPrefix(k.RowKey, "run:") {
		return nil
	}
	var run Run
	if err := s.alerts.Decode(body, &run); err != nil {
		return err
	}
	r.Runs = append(r.Runs, run)
	return nil
}

// Observation is an alert as it was read at a moment.
type Observation struct {
	Alert       alert.Alert
	Hash        string // alert.DecisionHash
	SnapshotSHA string
	MachineSHA  string    // empty: no machine snapshot travels along
	At          time.Time // by our clock
	APINow      time.Time // by the API's clock; zero: not known, ours stands for it
	Single      bool      // read alone instead of in a list
}

// ObservedVersion is what an observation meant.
type ObservedVersion struct {
	Run     Run
	Seen    Seen
	Changed bool // a version that did not exist before
}

// Observe compares an alert with what was seen of it and, if a rule could decide differently now, makes the next version
// and its run in one write, the run's index row before it. A repeat changes nothing. An observation older than what was
// seen is no change, nor is one of the same moment that was read alone: list and single read may show evidence
// differently, and would otherwise change the alert for ever.
func (s *Store) Observe(ctx context.Context, o Observation) (ObservedVersion, error) {
	var observed ObservedVersion
	err := rows.Try("observe alert "+o.Alert.ID, func() error {
		record, err := s.Alert(ctx, o.Alert.ID)
		if err == nil {
			observed, err = s.observe(ctx, o, record)
		}
		return err
	})
	return observed, err
}

func (s *Store) observe(ctx context.Context, o Observation, record Record) (ObservedVersion, error) {
	seen := Seen{Keys: s.alerts.At(seenKey, o.Alert.ID), AlertID: o.Alert.ID}
	if record.Seen != nil {
		seen = *record.Seen
	}
	latest, exists := record.Latest()
	older := o.older(seen)
	if exists && seen.Version > 0 && (seen.Hash == o.Hash || older) {
		return s.refresh(ctx, o, seen, latest, older)
	}
	if !exists && seen.Version > 0 {
		// The run row is gone though the version was seen: whoever lost it, the version needs its answer.
		seen.Version--
	}
	seen.Version++
	seen.Hash, seen.Updated, seen.ObservedAt = o.Hash, o.Alert.Updated, o.At
	seen.SnapshotSHA, seen.MachineSHA, seen.SnapshotAt, seen.MachineID = o.SnapshotSHA, o.MachineSHA, o.At, o.Alert.MachineID
	seen.Severity, seen.IncidentID = string(o.Alert.Severity), o.Alert.IncidentID
	run := Run{
		Keys:       s.alerts.At(runKey(seen.Version), o.Alert.ID),
		AlertID:    o.Alert.ID,
		Version:    seen.Version,
		State:      Observed,
		ObservedAt: observedAt(o),
		DueAt:      o.At,
		MachineID:  o.Alert.MachineID,
		Title:      rows.Cut(o.Alert.Title, 300),
		Severity:   string(o.Alert.Severity),
		Status:     string(o.Alert.Status),
	}
	if err := s.noteNeighbours(ctx, o); err != nil {
		return ObservedVersion{}, err
	}
	if err := s.indexRun(ctx, run, o.At); err != nil {
		return ObservedVersion{}, err
	}
	if err := s.alerts.Transact(ctx, &seen, &run); err != nil {
		return ObservedVersion{}, err
	}
	return ObservedVersion{Run: run, Seen: seen, Changed: true}, nil
}

// farFuture is how far the time of an alert's last update may lie ahead of the API's clock and still be believed.
const farFuture = 5 * time.Minute

// older reports whether an observation is of an earlier moment than what was seen, or may be of the same one. A time that
// lies in the future says nothing about which of two views is the newer one, so the view that is read last counts.
func (o Observation) older(seen Seen) bool {
	if seen.Updated.After(observedAt(o).Add(farFuture)) {
		return o.Single && o.Alert.Updated.Equal(seen.Updated)
	}
	return o.Alert.Updated.Before(seen.Updated) || (o.Single && o.Alert.Updated.Equal(seen.Updated))
}

// observedAt is when an observation was made by the API's clock, against which releases are held.
func observedAt(o Observation) time.Time {
	if o.APINow.IsZero() {
		return o.At
	}
	return o.APINow.UTC()
}

// refresh notes the snapshots of a version that did not change and is about to be sent again, so that its message is
// believed.
func (s *Store) refresh(ctx context.Context, o Observation, seen Seen, latest Run, older bool) (ObservedVersion, error) {
	same := ObservedVersion{Run: latest, Seen: seen}
	if older || o.Single || latest.State != Observed {
		return same, nil
	}
	seen.Updated, seen.SnapshotSHA, seen.MachineSHA, seen.SnapshotAt = o.Alert.Updated, o.SnapshotSHA, o.MachineSHA, o.At
	err := s.alerts.Save(ctx, &seen)
	same.Seen = seen
	return same, err
}

// Seen reads what was last seen of an alert; false if it never was.
func (s *Store) Seen(ctx context.Context, alertID string) (Seen, bool, error) {
	seen := Seen{Keys: s.alerts.At(seenKey, alertID)}
	found, err := s.alerts.Read(ctx, &seen)
	if !found {
		return Seen{}, false, err
	}
	return seen, true, nil
}

// Touch notes that an alert was updated without a change that a rule could see, so that nobody looks for one again. If
// somebody else wrote the row meanwhile nothing is noted, and the next look finds out.
func (s *Store) Touch(ctx context.Context, seen Seen, updated time.Time) error {
	seen.Updated = updated
	if err := s.alerts.Save(ctx, &seen); err != nil && !errors.Is(err, rows.ErrConflict) {
		return err
	}
	return nil
}

// Asked makes the run of an alert that was asked for by a message but never seen, so that even "not found" has a record.
// It has version 0 and is superseded by the first version that is seen.
func (s *Store) Asked(ctx context.Context, alertID string, at time.Time) (Run, error) {
	k := s.alerts.At(runKey(0), alertID)
	run := Run{Keys: k, AlertID: alertID, State: Observed, ObservedAt: at, DueAt: at}
	if err := s.indexRun(ctx, run, at); err != nil {
		return Run{}, err
	}
	err := s.alerts.Save(ctx, &run)
	if !errors.Is(err, rows.ErrConflict) {
		return run, err
	}
	known := Run{Keys: k}
	if found, err := s.alerts.Read(ctx, &known); err != nil {
		return Run{}, err
	} else if !found {
		return Run{}, rows.ErrNoRow
	}
	return known, nil
}

// ErrUnchanged is returned by the function given to UpdateRun when there is nothing to write.
var ErrUnchanged = errors.New("nothing to write")

// UpdateRun reads a run, lets change work on it and writes it if nobody else did meanwhile; else it starts over with the
// newer row. An error of change ends it without a write; ErrUnchanged ends it without a write and without an error. The
// index of open runs follows the run's state: a run that is opened again enters it before, one that is over leaves it
// after.
func (s *Store) UpdateRun(ctx context.Context, alertID string, version int, change func(*Run) error) (Run, error) {
	var run Run
	id := alert.RunID(alertID, version)
	err := rows.Try("update run "+id, func() error {
		run = Run{Keys: s.alerts.At(runKey(version), alertID)}
		found, err := s.alerts.Read(ctx, &run)
		if err == nil && !found {
			err = rows.ErrNoRow
		}
		if err != nil {
			run = Run{}
			return fmt.Errorf("run %s: %w", id, err)
		}
		return s.changeRun(ctx, &run, change)
	})
	return run, err
}

// changeRun lets change work on a run as it was read, and writes it with what follows from its state.
func (s *Store) changeRun(ctx context.Context, run *Run, change func(*Run) error) error {
	was := run.State
	if err := change(run); errors.Is(err, ErrUnchanged) {
		return nil
	} else if err != nil {
		return err
	}
	if was.Final() && !run.State.Final() {
		run.Opening++
		if err := s.addOpenRun(ctx, *run, run.DueAt); err != nil {
			return err
		}
	}
	err := s.alerts.Save(ctx, run)
	if err == nil && run.State.Final() && !was.Final() {
		s.dropOpenRun(ctx, *run)
	}
	return err
}

// IsNotFound reports whether err says that a run does not exist.
func IsNotFound(err error) bool { return errors.Is(err, rows.ErrNoRow) }

// SetPlan stores the plan and its explanation with the run, compressed. What does not fit into a table property is
// replaced by the given short form.
func (r *Run) SetPlan(full, short any) error {
	packed, err := rows.Pack(full)
	if err == nil && len(packed) > rows.MaxProperty {
		packed, err = rows.Pack(short)
	}
	if err != nil {
		return fmt.Errorf("store the plan of run %s: %w", r.ID(), err)
	}
	r.Plan, r.PlanType = packed, "Edm.Binary"
	return nil
}

// ReadPlan decodes the stored plan into v; false if none was stored.
func (r Run) ReadPlan(v any) (bool, error) {
	if len(r.Plan) == 0 {
		return false, nil
	}
	body, err := rows.Unpack(r.Plan)
	if err != nil {
		return false, fmt.Errorf("read the plan of run %s: %w", r.ID(), err)
	}
	return true, json.Unmarshal(body, v)
}
