package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cordon/handler/machine"
)

// Held is an isolation that a rail held, for a person to continue or to drop. It is written before its run is closed; one
// whose run is not closed as held means nothing.
type Held struct {
	keys
	AlertID     string
	Version     int
	MachineID   string
	MachineName string
	Title       string // of the alert
	Severity    string
	Rule        string
	Reason      string // what held it
	At          time.Time

	Machine     []byte `json:",omitempty"` // compressed JSON, see Facts
	MachineType string `json:"Machine@odata.type,omitempty"`
}

// Facts is the machine as the rails saw it.
func (h Held) Facts() (machine.Machine, error) {
	var m machine.Machine
	body, err := unpack(h.Machine)
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read what was known of machine %s: %w", h.MachineID, err)
	}
	return m, nil
}

func (s *Store) heldKeys(alertID string, version int) keys {
	return keys{PartitionKey: s.pk("held"), RowKey: key(alertID, fmt.Sprint(version))}
}

// AddHeld keeps what was held, with the machine as it is now. A repeat writes it anew.
func (s *Store) AddHeld(ctx context.Context, h Held, m machine.Machine) error {
	packed, err := packJSON(m)
	if err != nil {
		return fmt.Errorf("keep what is known of machine %s: %w", h.MachineID, err)
	}
	h.keys, h.Machine, h.MachineType = s.heldKeys(h.AlertID, h.Version), packed, "Edm.Binary"
	h.Title, h.Reason = cut(h.Title, 300), cut(h.Reason, 1000)
	return s.put(ctx, tableOpen, &h)
}

// HeldOf reads what was held of an alert's version; false if nothing is.
func (s *Store) HeldOf(ctx context.Context, alertID string, version int) (Held, bool, error) {
	k := s.heldKeys(alertID, version)
	var h Held
	err := s.get(ctx, tableOpen, k.PartitionKey, k.RowKey, &h)
	if errors.Is(err, errNotFound) {
		return Held{}, false, nil
	}
	return h, err == nil, err
}

// AllHeld lists what is held, in no order that means anything.
func (s *Store) AllHeld(ctx context.Context) ([]Held, error) {
	var all []Held
	err := s.list(ctx, tableOpen, prefixFilter(s.pk("held"), ""), "", func(body []byte) error {
		var h Held
		err := decodeRow(tableOpen, body, "", &h)
		all = append(all, h)
		return err
	})
	return all, err
}

// RemoveHeld forgets what was held. A repeat is harmless.
func (s *Store) RemoveHeld(ctx context.Context, h Held) error {
	k := s.heldKeys(h.AlertID, h.Version)
	return s.remove(ctx, tableOpen, k.PartitionKey, k.RowKey)
}
