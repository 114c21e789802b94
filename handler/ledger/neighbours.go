package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"cordon/handler/ledger/rows"
)

// neighbour is an entry of the index of alerts by machine and by incident. It stands among the other indexes of what was
// observed, is written before the version that it names, and is removed with them when it is old.
type neighbour struct {
	rows.Keys
	AlertID string
}

// maxNeighbours bounds what is counted: a machine with more alerts in a day is told apart by nothing.
const maxNeighbours = 1000

func (s *Store) machinePartition(machineID string) string {
	return s.runIndex.Partition("machine", machineID)
}

func (s *Store) incidentPartition(incident int64) string {
	return s.runIndex.Partition("incident", strconv.FormatInt(incident, 10))
}

// noteNeighbours enters an alert that is about to get a new version into the index. Every version has an entry of its own
// for the machine, so that what is counted is when the alert last meant something new.
func (s *Store) noteNeighbours(ctx context.Context, o Observation) error {
	if !s.neighbours {
		return nil
	}
	if id := o.Alert.MachineID; id != "" {
		at := rows.NewestFirst(o.At.UTC()) + "|" + rows.Key(o.Alert.ID)
		entry := neighbour{Keys: s.runIndex.At(at, "machine", id), AlertID: o.Alert.ID}
		if err := s.runIndex.Put(ctx, &entry); err != nil {
			return err
		}
	}
	if o.Alert.IncidentID == 0 {
		return nil
	}
	k := rows.Keys{PartitionKey: s.incidentPartition(o.Alert.IncidentID), RowKey: rows.Key(o.Alert.ID)}
	return s.runIndex.Put(ctx, &neighbour{Keys: k, AlertID: o.Alert.ID})
}

// AlertsOnMachine counts the alerts but one of which a version was observed on a machine since a moment, by the clocks of
// those who observed; at most 1,000. Only what was observed with Options.Neighbours counts.
func (s *Store) AlertsOnMachine(ctx context.Context, machineID, but string, since time.Time) (int, error) {
	// The keys run from the newest to the oldest; '~' sorts behind whatever follows the time.
	filter := fmt.Sprintf("PartitionKey eq '%s' and RowKey lt '%s~'", s.machinePartition(machineID), rows.NewestFirst(since.UTC()))
	return s.countNeighbours(ctx, filter, but)
}

// AlertsInIncident counts the alerts but one that were ever observed as part of an incident, as far back as the ledger
// keeps its records; at most 1,000. Only what was observed with Options.Neighbours counts.
func (s *Store) AlertsInIncident(ctx context.Context, incident int64, but string) (int, error) {
	return s.countNeighbours(ctx, rows.Prefix(s.incidentPartition(incident), ""), but)
}

func (s *Store) countNeighbours(ctx context.Context, filter, but string) (int, error) {
	found := map[string]bool{}
	for n, err := range rows.Each[neighbour](ctx, s.runIndex, filter, "AlertID") {
		if err != nil {
			return len(found), err
		}
		if n.AlertID != but {
			found[n.AlertID] = true
		}
		if len(found) == maxNeighbours {
			break
		}
	}
	return len(found), nil
}
