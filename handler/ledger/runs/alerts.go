package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/looks"
	"cordon/handler/ledger/rows"
)

// Seen is what ingest last saw of an alert.
type Seen struct {
	rows.Keys
	AlertID string
	looks.Looks
	SnapshotSHA string // of the newest snapshot that a message may carry
	MachineSHA  string
	SnapshotAt  time.Time // when those snapshots were read, by our clock
	ObservedAt  time.Time // when Version was first seen, by our clock
	MachineID   string
	Severity    string
	IncidentID  int64 `json:",string"`
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
	return record, s.takeOwnChange(ctx, alertID, &record)
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
	if !strings.HasPrefix(k.RowKey, runPrefix) {
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

// Observe compares an alert with what was seen of it and, if a rule could decide differently now, makes the next
// version and its run in one write, its entry among those that are open before it, and its lists after it. A repeat
// changes nothing. An observation older than what was seen is no change, nor is one of the same moment that was read
// alone: list and single read may show evidence differently, and would otherwise change the alert for ever.
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
	if meaning := seen.Compare(o.look()); exists && meaning != looks.News {
		return s.refresh(ctx, o, seen, latest, meaning)
	}
	if !exists && seen.Version > 0 {
		// The run row is gone though the version was seen: whoever lost it, the version needs its answer.
		seen.Version--
	}
	seen.Make(o.look())
	seen.ObservedAt = o.At
	seen.SnapshotSHA = o.SnapshotSHA
	seen.MachineSHA = o.MachineSHA
	seen.SnapshotAt = o.At
	seen.MachineID = o.Alert.MachineID
	seen.Severity = string(o.Alert.Severity)
	seen.IncidentID = o.Alert.IncidentID
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

		MachineName: rows.Cut(o.Alert.ComputerDNSName, 300),
		Incident:    o.Alert.IncidentID,
	}
	err := s.neighbours.Note(ctx, o.Alert, o.At)
	if err != nil {
		return ObservedVersion{}, err
	}
	err = s.addOpen(ctx, run, o.At)
	if err != nil {
		return ObservedVersion{}, err
	}
	run.relist()
	err = s.alerts.Transact(ctx, &seen, &run)
	if err != nil {
		return ObservedVersion{}, err
	}
	return ObservedVersion{Run: run, Seen: seen, Changed: true}, s.list(ctx, run, o.At)
}

// list enters a run that was just made; before that another could have been it. Lists that fail keep nobody from
// answering it: the entry among what is open says so, and the sweep enters it.
func (s *Store) list(ctx context.Context, run Run, now time.Time) error {
	if s.enter(ctx, run) == nil {
		return nil
	}
	entry := s.openEntry(run, now)
	entry.Unlisted = true
	return s.open.Put(ctx, &entry)
}

// ForgetLists has a run say no more on which lists it was before, once it is on none of them: a list is named by what
// the run said then.
func (s *Store) ForgetLists(ctx context.Context, run Run) error {
	if run.Unlisted == "" {
		return nil
	}
	if err := s.place(ctx, run, true); err != nil {
		return err
	}
	_, err := s.Update(ctx, run.AlertID, run.Version, func(now *Run) (bool, error) {
		if now.Unlisted != run.Unlisted {
			return false, nil // it has moved meanwhile
		}
		now.Unlisted = ""
		return true, nil
	})
	return err
}

// look is an observation as it is held against what was seen before.
func (o Observation) look() looks.Look {
	return looks.Look{
		Alert:  o.Alert,
		Hash:   o.Hash,
		At:     observedAt(o),
		Single: o.Single,
	}
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
func (s *Store) refresh(
	ctx context.Context, o Observation, seen Seen, latest Run, meaning looks.Meaning,
) (ObservedVersion, error) {
	same := ObservedVersion{Run: latest, Seen: seen}
	if meaning != looks.Known || o.Single || latest.State != Observed {
		return same, nil
	}
	seen.Note(o.look())
	seen.SnapshotSHA = o.SnapshotSHA
	seen.MachineSHA = o.MachineSHA
	seen.SnapshotAt = o.At
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

// Touch keeps what a source showed without a change that a rule could see, so that nobody looks for one again. If
// somebody else wrote the row meanwhile nothing is kept, and the next look finds out.
func (s *Store) Touch(ctx context.Context, seen Seen, look looks.Look) error {
	if !seen.Note(look) {
		return nil
	}
	if err := s.alerts.Save(ctx, &seen); err != nil && !errors.Is(err, rows.ErrConflict) {
		return err
	}
	return nil
}

// Asked makes the run of an alert that was asked for by a message but never seen, so that even "not found" has a
// record. It has version 0 and is superseded by the first version that is seen.
func (s *Store) Asked(ctx context.Context, alertID string, at time.Time) (Run, error) {
	k := s.alerts.At(runKey(0), alertID)
	run := Run{
		Keys:       k,
		AlertID:    alertID,
		State:      Observed,
		ObservedAt: at,
		DueAt:      at,
	}
	if err := s.addOpen(ctx, run, at); err != nil {
		return Run{}, err
	}
	run.relist()
	err := s.alerts.Save(ctx, &run)
	if err == nil {
		return run, s.list(ctx, run, at)
	}
	if !errors.Is(err, rows.ErrConflict) {
		return run, err
	}
	known := Run{Keys: k}
	found, err := s.alerts.Read(ctx, &known)
	if err != nil {
		return Run{}, err
	} else if !found {
		return Run{}, rows.ErrNoRow
	}
	return known, nil
}

// Aging are alerts with their runs.
func (s *Store) Aging() []rows.Aging {
	known := fmt.Sprintf("(RowKey eq '%s' or RowKey eq '%s')", seenKey, runKey(0))
	return []rows.Aging{
		{Name: "alerts", Table: s.alerts, Filter: known, Remove: s.removeAlert},
	}
}

// removeAlert removes what is known of an alert if all of its runs are over and old, what was seen of it last: without
// its runs it would be answered anew, runs without it could never be.
func (s *Store) removeAlert(ctx context.Context, k rows.Keys, before time.Time) (int, error) {
	return s.alerts.RemoveWhole(ctx, k, before, seenKey, func(r rows.AgingRow) bool {
		return !strings.HasPrefix(r.RowKey, runPrefix) || State(r.State).Final()
	})
}

// takeOwnChange has the record of an alert on one more machine know what Cordon last changed in the alert.
func (s *Store) takeOwnChange(ctx context.Context, alertID string, r *Record) error {
	main := alert.APIID(alertID)
	if r.Seen == nil || main == alertID {
		return nil
	}
	seen, found, err := s.Seen(ctx, main)
	if found {
		r.Seen.Ours = seen.Ours
	}
	return err
}
