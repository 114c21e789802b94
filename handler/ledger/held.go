package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cordon/handler/machine"
	"cordon/handler/outgoing"
)

// Held is what rails held of the newest version of an alert that was answered, for a person to continue or to drop. It is written
// before its run is closed; one whose run is not closed as held means nothing.
type Held struct {
	keys
	AlertID     string
	Version     int
	MachineID   string
	MachineName string
	Title       string // of the alert
	Severity    string
	Rule        string
	Steps       HeldSteps `json:",omitempty"` // none: the row is older than steps, see Wanted
	Reason      string    // what held them
	At          time.Time

	Machine     []byte `json:",omitempty"` // compressed JSON, see Facts
	MachineType string `json:"Machine@odata.type,omitempty"`
}

// HeldStep is one step that a rail held.
type HeldStep struct {
	Key    string `json:"key"`  // playbook.Step.Key
	Step   string `json:"step"` // as people read it, such as scan Quick
	Reason string `json:"reason"`
}

// HeldSteps are the steps of a run that rails held. In a row they are a text, for a row holds no lists.
type HeldSteps []HeldStep

// MarshalText implements encoding.TextMarshaler.
func (s HeldSteps) MarshalText() ([]byte, error) { return outgoing.Encode([]HeldStep(s)) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *HeldSteps) UnmarshalText(text []byte) error {
	if err := json.Unmarshal(text, (*[]HeldStep)(s)); err != nil {
		return fmt.Errorf("steps that are held: %w", err)
	}
	return nil
}

// Wanted are the steps that are held. Before there were steps only isolations were held.
func (h Held) Wanted() []HeldStep {
	if len(h.Steps) == 0 {
		return []HeldStep{{Key: "isolate", Step: "isolate", Reason: h.Reason}}
	}
	return h.Steps
}

// why joins the reasons of several steps.
func (s HeldSteps) why() string {
	var all []string
	for _, step := range s {
		all = append(all, step.Step+": "+step.Reason)
	}
	if len(s) == 1 {
		return s[0].Reason
	}
	return strings.Join(all, "; ")
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
	for i := range h.Steps {
		h.Steps[i].Reason = cut(h.Steps[i].Reason, maxReason)
	}
	h.Title, h.Reason = cut(h.Title, 300), cut(cmp.Or(h.Steps.why(), h.Reason), 1000)
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

// AllHeld lists what is held, of each alert the newest version, in no order that means anything.
func (s *Store) AllHeld(ctx context.Context) ([]Held, error) {
	newest := map[string]Held{}
	err := s.listHeld(ctx, "", func(h Held) error {
		if h.Version >= newest[h.AlertID].Version {
			newest[h.AlertID] = h
		}
		return nil
	})
	return slices.Collect(maps.Values(newest)), err
}

func (s *Store) listHeld(ctx context.Context, prefix string, visit func(Held) error) error {
	return s.list(ctx, tableOpen, prefixFilter(s.pk("held"), prefix), "", func(body []byte) error {
		var h Held
		if err := decodeRow(tableOpen, body, "", &h); err != nil {
			return err
		}
		return visit(h)
	})
}

// RemoveHeld forgets what was held of an alert up to a version. A repeat is harmless.
func (s *Store) RemoveHeld(ctx context.Context, alertID string, upTo int) error {
	var old []Held
	err := s.listHeld(ctx, key(alertID)+"|", func(h Held) error {
		if h.Version <= upTo {
			old = append(old, h)
		}
		return nil
	})
	for _, h := range old {
		err = errors.Join(err, s.remove(ctx, tableOpen, h.PartitionKey, h.RowKey))
	}
	return err
}
