package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"cordon/handler/ledger/rows"
	"cordon/handler/machine"
	"cordon/handler/outgoing"
)

// Held is what rails held of the newest version of an alert that was answered, for a person to continue or to drop. It is written
// before its run is closed; one whose run is not closed as held means nothing.
type Held struct {
	rows.Keys
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
	body, err := rows.Unpack(h.Machine)
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read what was known of machine %s: %w", h.MachineID, err)
	}
	return m, nil
}

func (s *Store) heldKeys(alertID string, version int) rows.Keys {
	return s.open.At(rows.Key(alertID, fmt.Sprint(version)), "held")
}

// AddHeld keeps what was held, with the machine as it is now. A repeat writes it anew.
func (s *Store) AddHeld(ctx context.Context, h Held, m machine.Machine) error {
	packed, err := rows.Pack(m)
	if err != nil {
		return fmt.Errorf("keep what is known of machine %s: %w", h.MachineID, err)
	}
	h.Keys, h.Machine, h.MachineType = s.heldKeys(h.AlertID, h.Version), packed, "Edm.Binary"
	for i := range h.Steps {
		h.Steps[i].Reason = rows.Cut(h.Steps[i].Reason, maxReason)
	}
	h.Title, h.Reason = rows.Cut(h.Title, 300), rows.Cut(cmp.Or(h.Steps.why(), h.Reason), 1000)
	return s.open.Put(ctx, &h)
}

// HeldOf reads what was held of an alert's version; false if nothing is.
func (s *Store) HeldOf(ctx context.Context, alertID string, version int) (Held, bool, error) {
	h := Held{Keys: s.heldKeys(alertID, version)}
	found, err := s.open.Read(ctx, &h)
	if !found {
		return Held{}, false, err
	}
	return h, true, nil
}

// AllHeld lists what is held, of each alert the newest version, in no order that means anything.
func (s *Store) AllHeld(ctx context.Context) ([]Held, error) {
	newest := map[string]Held{}
	for h, err := range s.eachHeld(ctx, "") {
		if err != nil {
			return slices.Collect(maps.Values(newest)), err
		}
		if h.Version >= newest[h.AlertID].Version {
			newest[h.AlertID] = h
		}
	}
	return slices.Collect(maps.Values(newest)), nil
}

// RemoveHeld forgets what was held of an alert up to a version. A repeat is harmless.
func (s *Store) RemoveHeld(ctx context.Context, alertID string, upTo int) error {
	var old []Held
	var errs []error
	for h, err := range s.eachHeld(ctx, rows.Key(alertID)+"|") {
		if err != nil {
			errs = append(errs, err)
		} else if h.Version <= upTo {
			old = append(old, h)
		}
	}
	for _, h := range old {
		errs = append(errs, s.open.Remove(ctx, h.Keys))
	}
	return errors.Join(errs...)
}

func (s *Store) eachHeld(ctx context.Context, prefix string) iter.Seq2[Held, error] {
	return rows.Each[Held](ctx, s.open, rows.Prefix(s.open.Partition("held"), prefix), "")
}

// agingHeld is what is held.
func (s *Store) agingHeld() []rows.Aging {
	held := rows.InPartition(s.open.Partition("held"))
	return []rows.Aging{{Name: "held", Table: s.open, Filter: held, Remove: s.open.RemoveRow}}
}
