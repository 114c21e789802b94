package alertsim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"cordon/local/defendersim"
	"cordon/local/internal/states"
)

// Products whose alerts Graph shows, as serviceSource spells them.
const (
	Endpoint  = "microsoftDefenderForEndpoint"
	Identity  = "microsoftDefenderForIdentity"
	CloudApps = "microsoftDefenderForCloudApps"
	Mail      = "microsoftDefenderForOffice365"
)

// Alert is an alert as Graph shows it (alert resource type page). Empty texts and zero times are null on the wire;
// enumerations are in Graph's spelling.
type Alert struct {
	ID                 string
	ProviderID         string // providerAlertId
	IncidentID         string
	Status             string
	Severity           string
	Classification     string
	Determination      string
	ServiceSource      string
	DetectionSource    string
	Product            string // productName
	DetectorID         string
	TenantID           string
	Title              string
	Description        string
	RecommendedActions string
	Category           string
	AssignedTo         string
	ThreatName         string // threatDisplayName
	ThreatFamily       string
	InvestigationState string
	MitreTechniques    []string
	Created            time.Time
	Updated            time.Time
	Resolved           time.Time
	FirstActivity      time.Time
	LastActivity       time.Time
	Comments           []Comment
	Evidence           []Evidence

	// VisibleAt is when Graph begins to show the alert, SetLag apart. AddAlert sets it.
	VisibleAt time.Time

	ofTenant string             // its id in the tenant; empty: only Graph has it
	tenant   *defendersim.Alert // whose evidence is still to be made; nil: of none
}

// Comment is what somebody wrote on an alert.
type Comment = defendersim.Comment

// clone shares nothing with the original.
func (a Alert) clone() Alert {
	a.MitreTechniques, a.Comments = slices.Clone(a.MitreTechniques), slices.Clone(a.Comments)
	a.Evidence = slices.Clone(a.Evidence)
	for i, e := range a.Evidence {
		a.Evidence[i] = maps.Clone(e)
	}
	return a
}

// ownAlert is an alert that only Graph has, as it was over time.
type ownAlert struct{ states.Of[Alert] }

func (of ownAlert) add(a Alert, now time.Time) ownAlert {
	if now.Before(a.VisibleAt) {
		now = a.VisibleAt
	}
	return ownAlert{of.Add(now, a)}
}

// AddAlert adds an alert that only Graph has, or replaces the one with its id, and returns its id, which is made up if
// it is empty. Graph shows it from visibleAt on (zero: at once). What is empty of times, severity, status, tenant and
// product gets a fitting value.
func (s *Sim) AddAlert(a Alert, visibleAt time.Time) string {
	now := s.now()
	a = a.clone()
	a.ServiceSource = cmp.Or(a.ServiceSource, Identity)
	a.DetectionSource = cmp.Or(a.DetectionSource, map[string]string{CloudApps: "cloudAppSecurity"}[a.ServiceSource],
		a.ServiceSource)
	a.Product = cmp.Or(a.Product, productOf(a.ServiceSource))
	a.Severity, a.Status = cmp.Or(a.Severity, "unknown"), cmp.Or(a.Status, "new")
	a.TenantID = cmp.Or(a.TenantID, "3f6a1c52-8d0e-4b7b-9a64-5c2d71e0b9f4")
	a.Updated = wireTime(a.Updated, now)
	a.Created = wireTime(a.Created, a.Updated)
	a.FirstActivity, a.LastActivity = wireTime(a.FirstActivity, a.Created), wireTime(a.LastActivity, a.Created)
	a.VisibleAt = wireTime(visibleAt, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	a.ID = cmp.Or(a.ID, fmt.Sprintf("aa%08x-1d3f-4c5e-8a7b-%012x", len(s.own)+1, len(s.own)+1))
	a.ProviderID = cmp.Or(a.ProviderID, a.ID)
	if i, ok := s.ownAt[a.ID]; ok {
		s.own[i] = s.own[i].add(a, now)
		return a.ID
	}
	s.ownAt[a.ID] = len(s.own)
	s.own = append(s.own, ownAlert{}.add(a, a.VisibleAt))
	return a.ID
}

// UpdateAlert changes an alert that only Graph has; its lastUpdateDateTime moves on unless the change sets it. Those of
// the tenant are changed there. The change must not call the Sim.
func (s *Sim) UpdateAlert(id string, change func(*Alert)) error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.ownAt[id]; !ok {
		return fmt.Errorf("alertsim: Graph has no alert %q of its own to update; add it first", id)
	}
	s.change(id, now, change)
	return nil
}

func (s *Sim) change(id string, now time.Time, change func(*Alert)) Alert {
	i := s.ownAt[id]
	before := s.own[i].Last()
	after := before.clone()
	change(&after)
	after = after.clone()
	after.ID, after.VisibleAt = before.ID, before.VisibleAt
	if after.Updated.Equal(before.Updated) {
		after.Updated = now
		if !now.After(before.Updated) {
			after.Updated = before.Updated.Add(tick)
		}
	}
	after.Updated = after.Updated.UTC().Truncate(tick)
	s.own[i] = s.own[i].add(after, now)
	return after
}

// Alerts returns every alert as it would be shown without lag, hidden ones included: the tenant's first, each kind in
// the order in which they were added.
func (s *Sim) Alerts() []Alert {
	all := s.at(s.now())
	for i, a := range all {
		all[i] = s.whole(a)
	}
	return all
}

// at are the alerts as they were at a time.
func (s *Sim) at(t time.Time) []Alert {
	var all []Alert
	if s.o.Tenant != nil {
		for _, a := range s.o.Tenant.AlertsAt(t) {
			all = append(all, s.ofTenant(a))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, states := range s.own {
		if a, ok := states.At(t); ok {
			all = append(all, a.clone())
		}
	}
	return all
}

// shown are the alerts that a request made at a time is answered with.
func (s *Sim) shown(at time.Time) []Alert {
	s.mu.Lock()
	lag := s.lag
	s.mu.Unlock()
	all := s.at(at.Add(-lag))
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(all, func(a Alert) bool { return s.hidden[cmp.Or(a.ofTenant, a.ID)] })
}
