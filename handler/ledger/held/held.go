// Package held keeps what rails held until a person says otherwise. Neighbours: handler/answer, which holds, and
// handler/desk, which continues or drops.
package held

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

// Store is what is held of a tenant's alerts.
type Store struct{ open *rows.Table }

// In is what is held in some tables.
func In(tables *rows.Tables) *Store {
	return &Store{open: tables.Table(rows.Open)}
}

// maxReason bounds what is kept of a step's reason, in bytes: all steps go into one property of the row.
const maxReason = 1000

// Entry is what rails held of the newest version of an alert that was answered, for a person to continue or to drop. It
// is written before its run is closed; one whose run is not closed as held means nothing.
type Entry struct {
	rows.Keys
	AlertID     string
	Version     int
	MachineID   string
	MachineName string
	Title       string // of the alert
	Severity    string
	Rule        string
	Steps       Steps  `json:",omitempty"` // none: the row is older than steps, see Wanted
	Reason      string // what held them
	At          time.Time

	Machine     []byte `json:",omitempty"` // compressed JSON, see Facts
	MachineType string `json:"Machine@odata.type,omitempty"`
}

// Step is one step that a rail held.
type Step struct {
	Key    string `json:"key"`  // playbook.Step.Key
	Step   string `json:"step"` // as people read it, such as scan Quick
	Reason string `json:"reason"`
}

// Steps are the steps of a run that rails held. In a row they are a text, for a row holds no lists.
type Steps []Step

// MarshalText implements encoding.TextMarshaler.
func (s Steps) MarshalText() ([]byte, error) {
	return outgoing.Encode([]Step(s))
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Steps) UnmarshalText(text []byte) error {
	err := json.Unmarshal(text, (*[]Step)(s))
	if err != nil {
		return fmt.Errorf("steps that are held: %w", err)
	}
	return nil
}

// Wanted are the steps that are held. Before there were steps only isolations were held.
func (h Entry) Wanted() []Step {
	if len(h.Steps) == 0 {
		return []Step{{
			Key:    "isolate",
			Step:   "isolate",
			Reason: h.Reason,
		}}
	}
	return h.Steps
}

// why joins the reasons of several steps.
func (s Steps) why() string {
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
func (h Entry) Facts() (machine.Machine, error) {
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

// Add keeps what was held, with the machine as it is now. A repeat writes it anew.
func (s *Store) Add(ctx context.Context, h Entry, m machine.Machine) error {
	packed, err := rows.Pack(m)
	if err != nil {
		return fmt.Errorf("keep what is known of machine %s: %w", h.MachineID, err)
	}
	h.Keys = s.heldKeys(h.AlertID, h.Version)
	h.Machine = packed
	h.MachineType = "Edm.Binary"
	for i := range h.Steps {
		h.Steps[i].Reason = rows.Cut(h.Steps[i].Reason, maxReason)
	}
	h.Title, h.Reason = rows.Cut(h.Title, 300), rows.Cut(cmp.Or(h.Steps.why(), h.Reason), 1000)
	return s.open.Put(ctx, &h)
}

// Of reads what was held of an alert's version; false if nothing is.
func (s *Store) Of(ctx context.Context, alertID string, version int) (Entry, bool, error) {
	h := Entry{Keys: s.heldKeys(alertID, version)}
	found, err := s.open.Read(ctx, &h)
	if !found {
		return Entry{}, false, err
	}
	return h, true, nil
}

// All lists what is held, of each alert the newest version, in no order that means anything.
func (s *Store) All(ctx context.Context) ([]Entry, error) {
	newest := map[string]Entry{}
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

// Remove forgets what was held of an alert up to a version. A repeat is harmless.
func (s *Store) Remove(ctx context.Context, alertID string, upTo int) error {
	var old []Entry
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

func (s *Store) eachHeld(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return rows.Each[Entry](ctx, s.open, rows.Prefix(s.open.Partition("held"), prefix), "")
}

// Aging is what is held.
func (s *Store) Aging() []rows.Aging {
	held := rows.InPartition(s.open.Partition("held"))
	return []rows.Aging{{
		Name:   "held",
		Table:  s.open,
		Filter: held,
		Remove: s.open.RemoveRow,
	}}
}
