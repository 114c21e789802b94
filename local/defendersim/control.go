package defendersim

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// AddMachine adds a machine, or replaces the one with its id, and fills what is empty: an id derived from the name, a
// Windows 11 device in good health that was seen now.
func (s *Sim) AddMachine(m Machine) {
	now := s.now()
	if m.ID == "" {
		sum := sha1.Sum([]byte(m.Name))
		m.ID = hex.EncodeToString(sum[:])
	}
	m.Tags = slices.Clone(m.Tags)
	m.OS, m.DeviceValue, m.Health = cmp.Or(m.OS,
		"Windows11"), cmp.Or(m.DeviceValue, "Normal"), cmp.Or(m.Health, "Active")
	m.Onboarding, m.Risk, m.Exposure = cmp.Or(m.Onboarding,
		"Onboarded"), cmp.Or(m.Risk, "None"), cmp.Or(m.Exposure, "Low")
	m.LastIP, m.LastExternalIP = cmp.Or(m.LastIP, "10.24.8.147"), cmp.Or(m.LastExternalIP, "198.51.100.24")
	if m.Agent == "" {
		m.Agent = "10.8760.22631.4169"
		if !strings.HasPrefix(m.OS, "Windows") {
			m.Agent = "101.25072.0006"
		}
	}
	m.FirstSeen, m.LastSeen = wireTime(m.FirstSeen, now), wireTime(m.LastSeen, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.machineAt[m.ID]; ok {
		s.machines[i] = &m
		return
	}
	s.machineAt[m.ID] = len(s.machines)
	s.machines = append(s.machines, &m)
}

// wireTime is a time as the API can tell it.
func wireTime(t, or time.Time) time.Time {
	if t.IsZero() {
		t = or
	}
	return t.UTC().Truncate(tick)
}

// AddAlert adds an alert, or replaces the one with its id, and returns its id, which is made up if it is empty. The API
// shows it by id from visibleAt on (zero: at once) and in lists Options.ListLag later; its own times may lie before
// that. What is empty of times, severity, status, tenant and machine name gets a fitting value.
func (s *Sim) AddAlert(a Alert, visibleAt time.Time) string {
	now := s.now()
	a = *a.clone()
	a.ID = cmp.Or(a.ID, s.ids.alert())
	a.Severity, a.Status = cmp.Or(a.Severity, "UnSpecified"), cmp.Or(a.Status, "New")
	a.TenantID = cmp.Or(a.TenantID, "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4")
	a.Updated = wireTime(a.Updated, now)
	a.Created = wireTime(a.Created, a.Updated)
	a.FirstEvent, a.LastEvent = wireTime(a.FirstEvent, a.Created), wireTime(a.LastEvent, a.Created)
	a.VisibleAt = wireTime(visibleAt, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.machine(a.MachineID); m != nil {
		a.ComputerDNSName, a.RBACGroupName = cmp.Or(a.ComputerDNSName, m.Name), cmp.Or(a.RBACGroupName, m.Group)
	}
	if i, ok := s.alertAt[a.ID]; ok {
		s.alerts[i] = s.alerts[i].add(&a, now)
		return a.ID
	}
	s.alertAt[a.ID] = len(s.alerts)
	s.alerts = append(s.alerts, alertStates{}.add(&a, a.VisibleAt))
	return a.ID
}

// UpdateAlert changes an alert, whose lastUpdateTime moves on unless the change sets it. The change must not call the
// Sim.
func (s *Sim) UpdateAlert(id string, change func(*Alert)) error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.alertAt[id]; !ok {
		return fmt.Errorf("defendersim: no alert %q to update; add it first", id)
	}
	s.change(id, now, change)
	return nil
}

// HideAlert loses an alert to this API, or brings it back. Methods of the Sim, and other APIs over the same tenant,
// still know it.
func (s *Sim) HideAlert(id string, hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden[id] = hidden
}

// SetLag has this API show every alert as it was so long ago, from the next request on. A change through the API is one
// of the alert as it is.
func (s *Sim) SetLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = lag
}

// SetOffline takes a machine off the network or brings it back. Its open actions wait, and go on when it is back.
func (s *Sim) SetOffline(machineID string, offline bool) error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.known(machineID)
	if err != nil || m.Offline == offline {
		return err
	}
	changed := *m
	changed.Offline = offline
	s.machines[s.machineAt[machineID]] = &changed
	for _, a := range s.onMachine[machineID] {
		if !a.view(now).Status.Final() {
			s.schedule(a, &changed, now)
		}
	}
	return nil
}

func (s *Sim) known(machineID string) (*Machine, error) {
	if m := s.machine(machineID); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("defendersim: no machine %q; add it first", machineID)
}

// PortalIsolate isolates a machine as a person does in the portal, whatever its platform. An open isolation is returned
// as it is.
func (s *Sim) PortalIsolate(machineID, requestor, comment string) (Action, error) {
	return s.portal(machineID, Action{
		Type:          Isolate,
		Scope:         "Full",
		Requestor:     requestor,
		RequestSource: Portal,
		Comment:       comment,
	})
}

// PortalRelease releases a machine as a person does in the portal. An open release is returned as it is.
func (s *Sim) PortalRelease(machineID, requestor, comment string) (Action, error) {
	return s.portal(machineID, Action{Type: Unisolate, Requestor: requestor, RequestSource: Portal, Comment: comment})
}

// PortalAct asks for any type of machine action as a person does in the portal, whatever the platform. An open one of
// the type is returned as it is. A scope is for isolations and scans.
func (s *Sim) PortalAct(machineID, actionType, scope, requestor, comment string) (Action, error) {
	if _, known := kindOf(actionType); !known {
		return Action{}, fmt.Errorf("defendersim: no machine action of type %q can be asked for", actionType)
	}
	return s.portal(machineID, Action{
		Type:          actionType,
		Scope:         scope,
		Requestor:     requestor,
		RequestSource: Portal,
		Comment:       comment,
	})
}

func (s *Sim) portal(machineID string, wanted Action) (Action, error) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.known(machineID)
	if err != nil {
		return Action{}, err
	}
	a := s.open(machineID, wanted.Type, now)
	if a == nil {
		a = s.accept(m, wanted, now)
	}
	return *a.view(now), nil
}

// CancelAction cancels an action as a person does in the portal. A final one is an error.
func (s *Sim) CancelAction(actionID, requestor, comment string) error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.actionAt[actionID]
	if !ok {
		return fmt.Errorf("defendersim: no machine action %q to cancel", actionID)
	}
	if status := s.actions[i].view(now).Status; status.Final() {
		return fmt.Errorf("defendersim: machine action %q is already %s; only an open one can be cancelled", actionID,
			status)
	}
	s.actions[i].cancel(requestor, comment, now)
	return nil
}

// FailNextAction makes the next action that is accepted for a machine end as Failed. Said twice, the next two fail.
func (s *Sim) FailNextAction(machineID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failNext[machineID]++
}

// SetFault replaces Options.Fault from the next request on; nil ends all faults.
func (s *Sim) SetFault(fault func(*http.Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Isolated reports whether a machine is isolated now.
func (s *Sim) Isolated(machineID string) bool { return s.IsolatedAt(machineID, s.now()) }

// IsolatedAt reports whether a machine was isolated at a time: whether, of its isolations and releases that had
// succeeded by then, an isolation was the last to succeed and was not lifted since.
func (s *Sim) IsolatedAt(machineID string, t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lasting(machineID, Isolate, t)
}

// Restricted reports whether a machine runs no apps but signed ones now.
func (s *Sim) Restricted(machineID string) bool { return s.RestrictedAt(machineID, s.now()) }

// RestrictedAt is to the restriction of apps what IsolatedAt is to the isolation.
func (s *Sim) RestrictedAt(machineID string, t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lasting(machineID, Restrict, t)
}

// Machines returns the machines in the order they were added.
func (s *Sim) Machines() []Machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Machine, len(s.machines))
	for i, m := range s.machines {
		all[i] = *m
		all[i].Tags = slices.Clone(m.Tags)
	}
	return all
}

// Alerts returns the alerts as they are now, in the order they were added, those that the API does not show yet
// included.
func (s *Sim) Alerts() []Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Alert, len(s.alerts))
	for i, states := range s.alerts {
		all[i] = *states.Last().clone()
	}
	return all
}

// AlertsAt returns the alerts as they were at a time, in the order they were added, without those that were not shown
// yet.
func (s *Sim) AlertsAt(t time.Time) []Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Alert, 0, len(s.alerts))
	for _, states := range s.alerts {
		if a, ok := states.At(t); ok {
			all = append(all, *a.clone())
		}
	}
	return all
}

// Machine returns a machine as it is now, and false if there is none with the id.
func (s *Sim) Machine(id string) (Machine, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machine(id)
	if m == nil {
		return Machine{}, false
	}
	found := *m
	found.Tags = slices.Clone(m.Tags)
	return found, true
}

// Actions returns every action that was accepted, from the portal too, in that order, as it is now.
func (s *Sim) Actions() []Action {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Action, len(s.actions))
	for i, a := range s.actions {
		all[i] = *a.view(now)
	}
	return all
}
