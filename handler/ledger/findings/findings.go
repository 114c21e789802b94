// Package findings keeps the rows of hunts that name a machine. They are answered as alerts are: each has runs, see
// package runs. Neighbours: handler/hunt, which finds them, and handler/respond, which answers them.
package findings

import (
	"context"
	"fmt"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/runs"
	"cordon/handler/machine"
)

// Store is the findings of a tenant.
type Store struct {
	alerts *rows.Table
	runs   *runs.Store
}

// In is the findings in some tables, with the runs that answer them.
func In(tables *rows.Tables, runs *runs.Store) *Store {
	return &Store{alerts: tables.Table(rows.Alerts), runs: runs}
}

// Finding is a result row of a hunt that names a machine. Its row stands beside what was seen of the alert that it is
// answered as, and is written first: a run of a finding without it decides nothing.
type Finding struct {
	rows.Keys
	ID          string // alert.FindingID
	Hunt        string
	Description string `json:",omitempty"`
	Severity    string
	MachineID   string
	MachineName string    `json:",omitempty"`
	FoundAt     time.Time // of the newest turn that reported it
	Since       time.Time `json:",omitzero"` // since when the row may have been there; zero: not known
	Packed      []byte    // compressed JSON of the row's columns
	PackedType  string    `json:"Packed@odata.type,omitempty"`
}

const findingKey = "finding"

// SetRow stores the columns of the row. What does not fit is cut, column by column.
func (f *Finding) SetRow(row map[string]string) error {
	for _, longest := range []int{rows.MaxUnpacked, 4000, 400, 40} {
		short := make(map[string]string, len(row))
		for name, value := range row {
			short[name] = rows.Cut(value, longest)
		}
		packed, err := rows.Pack(short)
		if err != nil {
			return fmt.Errorf("store the row of %s: %w", f.ID, err)
		}
		if len(packed) <= rows.PartSize {
			f.Packed, f.PackedType = packed, "Edm.Binary"
			return nil
		}
	}
	return fmt.Errorf("store the row of %s: it has %d columns, which is too much", f.ID, len(row))
}

// Forget takes the columns out of a finding's row. Its runs decide nothing by them any more. A repeat is harmless, and
// so is a finding that is not there.
func (s *Store) Forget(ctx context.Context, id string) error {
	keys := s.alerts.At(findingKey, id)
	_, err := rows.Change(ctx, s.alerts, "erase the row of "+id, Finding{Keys: keys}, func(f *Finding) (bool, error) {
		if !f.Stored() || len(f.Packed) == 0 {
			return false, nil
		}
		return true, f.SetRow(nil)
	})
	return err
}

// Row is the row's columns.
func (f Finding) Row() (map[string]string, error) {
	row := map[string]string{}
	if err := rows.UnpackInto(f.Packed, &row); err != nil {
		return nil, fmt.Errorf("read the row of %s: %w", f.ID, err)
	}
	return row, nil
}

// Alert is the finding as it is answered: an alert that names the row's machine. Each time that a row is found anew,
// its alert says when, which makes it another version.
func (f Finding) Alert() alert.Alert {
	at := f.FoundAt.UTC()
	description := "Found " + at.Format(time.RFC3339) + "."
	if f.Description != "" {
		description += " " + f.Description
	}
	return alert.Alert{
		ID:              f.ID,
		Title:           "Hunt " + f.Hunt,
		Description:     description,
		Category:        "Hunt",
		DetectionSource: "Hunt",
		DetectorID:      f.Hunt,
		Severity:        alert.Severity(f.Severity),
		Status:          alert.StatusNew,
		MachineID:       f.MachineID,
		ComputerDNSName: f.MachineName,
		Created:         at,
		FirstEvent:      at,
		LastEvent:       at,
		Updated:         at,
	}
}

// AlertOrFinding reads a finding as an alert, anything else by read.
func (s *Store) AlertOrFinding(
	ctx context.Context,
	id string,
	read func(context.Context, string) (alert.Alert, error),
) (alert.Alert, error) {
	if !alert.IsFinding(id) {
		return read(ctx, id)
	}
	found, exists, err := s.Of(ctx, id)
	if err != nil {
		return alert.Alert{}, err
	}
	if !exists {
		return alert.Alert{}, &MissingError{ID: id}
	}
	return found.Alert(), nil
}

// MissingError is a finding without its row in the ledger.
type MissingError struct{ ID string }

func (n *MissingError) Error() string {
	return fmt.Sprintf("the ledger has no finding %q", n.ID)
}

// Trouble says that a later try finds it no more than this one.
func (n *MissingError) Trouble() machine.Trouble { return machine.NotFound }

// RetryAfter is 0: nobody said when to come back.
func (n *MissingError) RetryAfter() time.Duration { return 0 }

// Of reads a finding; false if there is none.
func (s *Store) Of(ctx context.Context, id string) (Finding, bool, error) {
	f := Finding{Keys: s.alerts.At(findingKey, id)}
	found, err := s.alerts.Read(ctx, &f)
	if !found {
		return Finding{}, false, err
	}
	return f, true, nil
}

// Observe records a finding and the version that it is answered as. What a turn records a second time changes
// nothing, whatever happened since.
func (s *Store) Observe(ctx context.Context, f Finding, now time.Time) (runs.ObservedVersion, error) {
	f.Keys = s.alerts.At(findingKey, f.ID)
	written, err := rows.Change(ctx, s.alerts, "record finding "+f.ID, Finding{Keys: f.Keys},
		func(old *Finding) (bool, error) {
			if old.Stored() && !f.FoundAt.After(old.FoundAt) {
				return false, nil
			}
			f.Keys = old.Keys
			*old = f
			return true, nil
		})
	if err != nil {
		return runs.ObservedVersion{}, err
	}
	a := written.Alert()
	_, sha := alert.Snapshot(a)
	return s.runs.Observe(ctx, runs.Observation{
		Alert:       a,
		Hash:        alert.DecisionHash(a),
		SnapshotSHA: sha,
		At:          now,
	})
}
