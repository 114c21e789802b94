// Package neighbours counts what else was seen on an alert's machine and in its incident, for the rules that ask.
// Neighbours: package runs, which enters what it observes, and handler/respond, which counts.
package neighbours

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"cordon/handler/alert"
	"cordon/handler/ledger/rows"
)

// Store is the index of a tenant's alerts by machine and by incident.
type Store struct {
	Kept bool // what is observed is entered; set it before anything is

	index *rows.Table
}

// In is the index in some tables. It is not Kept.
func In(tables *rows.Tables) *Store {
	return &Store{index: tables.Table(rows.RunIndex)}
}

// neighbour is an entry of the index of alerts by machine and by incident. It stands among the other indexes of what
// was observed, is written before the version that it names, and is removed with them when it is old.
type neighbour struct {
	rows.Keys
	AlertID string
}

// maxCounted bounds what is counted: a machine with more alerts in a day is told apart by nothing.
const maxCounted = 1000

func (s *Store) machinePartition(machineID string) string {
	return s.index.Partition("machine", machineID)
}

func (s *Store) incidentPartition(incident int64) string {
	return s.index.Partition("incident", strconv.FormatInt(incident, 10))
}

// Note enters an alert that is about to get a new version into the index, if that is Kept. Every version has an entry
// of its own for the machine, so that what is counted is when the alert last meant something new.
func (s *Store) Note(ctx context.Context, a alert.Alert, now time.Time) error {
	if !s.Kept {
		return nil
	}
	if id := a.MachineID; id != "" {
		at := rows.NewestFirst(now.UTC()) + "|" + rows.Key(a.ID)
		entry := neighbour{Keys: s.index.At(at, "machine", id), AlertID: a.ID}
		if err := s.index.Put(ctx, &entry); err != nil {
			return err
		}
	}
	if a.IncidentID == 0 {
		return nil
	}
	k := rows.Keys{
		PartitionKey: s.incidentPartition(a.IncidentID),
		RowKey:       rows.Key(a.ID),
	}
	return s.index.Put(ctx, &neighbour{Keys: k, AlertID: a.ID})
}

// OnMachine counts the alerts but one of which a version was observed on a machine since a moment, by the clocks of
// those who observed; at most 1,000. Only what was observed while the index was Kept counts.
func (s *Store) OnMachine(ctx context.Context, machineID, but string, since time.Time) (int, error) {
	// The keys run from the newest to the oldest; '~' sorts behind whatever follows the time.
	filter := fmt.Sprintf("PartitionKey eq '%s' and RowKey lt '%s~'", s.machinePartition(machineID),
		rows.NewestFirst(since.UTC()))
	return s.count(ctx, filter, but)
}

// InIncident counts the alerts but one that were ever observed as part of an incident, as far back as the ledger
// keeps its records; at most 1,000. Only what was observed while the index was Kept counts.
func (s *Store) InIncident(ctx context.Context, incident int64, but string) (int, error) {
	return s.count(ctx, rows.Prefix(s.incidentPartition(incident), ""), but)
}

// count counts an alert that is kept once for each of its machines once.
func (s *Store) count(ctx context.Context, filter, but string) (int, error) {
	found := map[string]bool{}
	for n, err := range rows.Each[neighbour](ctx, s.index, filter, "AlertID") {
		if err != nil {
			return len(found), err
		}
		if id := alert.APIID(n.AlertID); id != alert.APIID(but) {
			found[id] = true
		}
		if len(found) == maxCounted {
			break
		}
	}
	return len(found), nil
}
