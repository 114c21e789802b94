package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// Finding is a result row of a hunt that names a machine. Its row stands beside what was seen of the alert that it is
// answered as, and is written first: a run of a finding without it decides nothing.
type Finding struct {
	keys
	ID          string // FindingID
	Hunt        string
	Description string `json:",omitempty"`
	Severity    string
	MachineID   string
	MachineName string    `json:",omitempty"`
	FoundAt     time.Time // of the newest turn that reported it
	Packed      []byte    // compressed JSON of the row's columns
	PackedType  string    `json:"Packed@odata.type,omitempty"`
}

const findingKey = "finding"

// findingPrefix begins the ids of findings. No alert of the API has such an id.
const findingPrefix = "hunt:"

// FindingID is the id by which a row of a hunt is answered: the same row has the same.
func FindingID(hunt, digest string) string { return findingPrefix + hunt + ":" + digest }

// IsFinding reports whether an id is that of a finding instead of an alert.
func IsFinding(id string) bool { return strings.HasPrefix(id, findingPrefix) }

// SetRow stores the columns of the row. What does not fit is cut, column by column.
func (f *Finding) SetRow(row map[string]string) error {
	for _, longest := range []int{maxUnpacked, 4000, 400, 40} {
		short := make(map[string]string, len(row))
		for name, value := range row {
			short[name] = cut(value, longest)
		}
		packed, err := packJSON(short)
		if err != nil {
			return fmt.Errorf("store the row of %s: %w", f.ID, err)
		}
		if len(packed) <= partSize {
			f.Packed, f.PackedType = packed, "Edm.Binary"
			return nil
		}
	}
	return fmt.Errorf("store the row of %s: it has %d columns, which is too much", f.ID, len(row))
}

// Row is the row's columns.
func (f Finding) Row() (map[string]string, error) {
	row := map[string]string{}
	if err := unpackJSON(f.Packed, &row); err != nil {
		return nil, fmt.Errorf("read the row of %s: %w", f.ID, err)
	}
	return row, nil
}

// Alert is the finding as it is answered: an alert that names the row's machine. Each time that a row is found anew, its
// alert says when, which makes it another version.
func (f Finding) Alert() alert.Alert {
	at := f.FoundAt.UTC()
	description := "Found " + at.Format(time.RFC3339) + "."
	if f.Description != "" {
		description += " " + f.Description
	}
	return alert.Alert{ID: f.ID, Title: "Hunt " + f.Hunt, Description: description, Category: "Hunt", DetectionSource: "Hunt", DetectorID: f.Hunt,
		Severity: alert.Severity(f.Severity), Status: alert.StatusNew, MachineID: f.MachineID, ComputerDNSName: f.MachineName,
		Created: at, FirstEvent: at, LastEvent: at, Updated: at}
}

// AlertOrFinding reads a finding as an alert, anything else by read.
func (s *Store) AlertOrFinding(ctx context.Context, id string,
	read func(context.Context, string) (alert.Alert, error)) (alert.Alert, error) {
	if !IsFinding(id) {
		return read(ctx, id)
	}
	found, exists, err := s.Finding(ctx, id)
	if err != nil {
		return alert.Alert{}, err
	}
	if !exists {
		return alert.Alert{}, &NoFindingError{ID: id}
	}
	return found.Alert(), nil
}

// NoFindingError is a finding without its row in the ledger.
type NoFindingError struct{ ID string }

func (n *NoFindingError) Error() string { return fmt.Sprintf("the ledger has no finding %q", n.ID) }

// Trouble says that a later try finds it no more than this one.
func (n *NoFindingError) Trouble() machine.Trouble { return machine.NotFound }

// RetryAfter is 0: nobody said when to come back.
func (n *NoFindingError) RetryAfter() time.Duration { return 0 }

// Finding reads a finding; false if there is none.
func (s *Store) Finding(ctx context.Context, id string) (Finding, bool, error) {
	var f Finding
	err := s.get(ctx, tableAlerts, s.pk(id), findingKey, &f)
	if errors.Is(err, errNotFound) {
		return Finding{}, false, nil
	}
	return f, err == nil, err
}

// ObserveFinding records a finding and the version that it is answered as. What a turn records a second time changes
// nothing, whatever happened since.
func (s *Store) ObserveFinding(ctx context.Context, f Finding, now time.Time) (ObservedVersion, error) {
	for range conflictTries {
		old, exists, err := s.Finding(ctx, f.ID)
		if err != nil {
			return ObservedVersion{}, err
		}
		if exists && !f.FoundAt.After(old.FoundAt) {
			f = old
		} else {
			f.keys = keys{PartitionKey: s.pk(f.ID), RowKey: findingKey, ETag: old.ETag}
			if err := s.save(ctx, tableAlerts, &f); errors.Is(err, ErrConflict) {
				continue
			} else if err != nil {
				return ObservedVersion{}, err
			}
		}
		a := f.Alert()
		_, sha := alert.Snapshot(a)
		return s.Observe(ctx, Observation{Alert: a, Hash: alert.DecisionHash(a), SnapshotSHA: sha, At: now})
	}
	return ObservedVersion{}, &Error{Op: "record finding " + f.ID, cause: ErrConflict}
}
