// Package facts holds what conditions can read: the names and types of an alert, its machine and its hunt, what each
// means, and which values it is known to have.
package facts

import (
	"cmp"
	"math"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// Facts is everything that a condition can read, under the names in the expr tags.
type Facts struct {
	Alert Alert `expr:"alert"`
	*Named
	Now  time.Time `expr:"now"`  // the time of the decision, UTC
	Hunt *Hunt     `expr:"hunt"` // nil unless a rule for hunts is asked
	*OnMachine
	*InIncident
}

// Named is the machine that the alert names. Where that could not be read there is no Named, so that a condition that
// asks about it, and be it whether there is one, has no answer.
type Named struct {
	Machine *Machine `expr:"machine"` // nil when the alert names none
}

// OnMachine is how many other alerts there were lately on the alert's machine.
type OnMachine struct {
	AlertsOnMachine int64 `expr:"alertsOnMachine"`
}

// InIncident is how many other alerts the alert's incident has.
type InIncident struct {
	AlertsInIncident int64 `expr:"alertsInIncident"`
}

// Machine is machine.Machine as conditions see it, and what follows from its machine actions. A condition that reads
// a part that was not read has no answer.
type Machine struct {
	machine.Machine
	LastSeenAge time.Duration `expr:"lastSeenAge"` // noReport for a machine without a last report
	*Isolation
	*Actions
}

// Isolation is whether a machine is isolated, and by whom.
type Isolation struct {
	Isolated   bool   `expr:"isolated"`
	IsolatedBy string `expr:"isolatedBy"` // a machine.Owner; empty: not isolated
}

// Actions are a machine's actions that are not final.
type Actions struct {
	OpenActions []Action `expr:"openActions"`
}

// Action is machine.Action as conditions see it.
type Action struct {
	Type          string    `expr:"type"`   // Isolate, Unisolate, RunAntiVirusScan, …
	Status        string    `expr:"status"` // Pending or InProgress
	Scope         string    `expr:"scope"`
	Requestor     string    `expr:"requestor"`
	RequestSource string    `expr:"requestSource"`
	Created       time.Time `expr:"creationDateTimeUtc"`
}

// Alert is alert.Alert as conditions see it: the fields that have an expr tag there, and no other. Severity and
// status are plain text here, because the expression language does not compare a named string type with a text.
type Alert struct {
	ID              string           `expr:"id"`
	IncidentID      int64            `expr:"incidentId"` // 0: not part of an incident
	Title           string           `expr:"title"`
	Description     string           `expr:"description"`
	Category        string           `expr:"category"`
	Severity        string           `expr:"severity"` // High, Medium, Low, Informational, UnSpecified
	Status          string           `expr:"status"`   // New, InProgress, Resolved, Unknown
	Classification  string           `expr:"classification"`
	Determination   string           `expr:"determination"`
	DetectionSource string           `expr:"detectionSource"`
	ServiceSource   string           `expr:"serviceSource"` // the product whose alert it is
	DetectorID      string           `expr:"detectorId"`
	ThreatFamily    string           `expr:"threatFamilyName"`
	ThreatName      string           `expr:"threatName"`
	MachineID       string           `expr:"machineId"`
	ComputerDNSName string           `expr:"computerDnsName"`
	RBACGroupName   string           `expr:"rbacGroupName"`
	MitreTechniques []string         `expr:"mitreTechniques"`
	RelatedUser     alert.User       `expr:"relatedUser"`
	Evidence        []alert.Evidence `expr:"evidence"`
	Created         time.Time        `expr:"alertCreationTime"`
	FirstEvent      time.Time        `expr:"firstEventTime"`
	LastEvent       time.Time        `expr:"lastEventTime"`
	Updated         time.Time        `expr:"lastUpdateTime"`
	Resolved        time.Time        `expr:"resolvedTime"`
}

// Hunt is Hunt as conditions see it.
type Hunt struct {
	Name     string            `expr:"name"`
	Severity string            `expr:"severity"`
	Row      map[string]string `expr:"row"`
}

// The facts that cost a read of their own.
const (
	Isolated         = "machine.isolated"
	IsolatedBy       = "machine.isolatedBy"
	OpenActions      = "machine.openActions"
	AlertsOnMachine  = "alertsOnMachine"
	AlertsInIncident = "alertsInIncident"
)

// ServiceSource is the fact that a rule reads to be asked about the alerts of all products.
const ServiceSource = "alert.serviceSource"

// What a rule can be asked about.
const (
	OnAlert = "alert"
	OnHunt  = "hunt"
)

// Subjects are what a rule can be asked about.
func Subjects() []string { return []string{OnAlert, OnHunt} }

// NoReport is machine.lastSeenAge of a machine without a last report.
const NoReport = time.Duration(math.MaxInt64)

// OfAlert is an alert as conditions see it.
func OfAlert(a alert.Alert) Alert {
	return Alert{
		ID:              a.ID,
		IncidentID:      a.IncidentID,
		Title:           a.Title,
		Description:     a.Description,
		Category:        a.Category,
		Severity:        string(a.Severity),
		Status:          string(a.Status),
		Classification:  a.Classification,
		Determination:   a.Determination,
		DetectionSource: a.DetectionSource,
		ServiceSource:   cmp.Or(a.ServiceSource, alert.ForEndpoint),
		DetectorID:      a.DetectorID,
		ThreatFamily:    a.ThreatFamily,
		ThreatName:      a.ThreatName,
		MachineID:       a.MachineID,
		ComputerDNSName: a.ComputerDNSName,
		RBACGroupName:   a.RBACGroupName,
		MitreTechniques: a.MitreTechniques,
		RelatedUser:     a.RelatedUser,
		Evidence:        a.Evidence,
		Created:         a.Created,
		FirstEvent:      a.FirstEvent,
		LastEvent:       a.LastEvent,
		Updated:         a.Updated,
		Resolved:        a.Resolved,
	}
}

// IsOfMachine reports whether a fact is the machine, or of it.
func IsOfMachine(fact string) bool { return fact == "machine" || strings.HasPrefix(fact, "machine.") }

// OfMachine is a machine as conditions see it, without what costs a read of its own.
func OfMachine(m machine.Machine, now time.Time) *Machine {
	facts := &Machine{Machine: m, LastSeenAge: NoReport}
	if !m.LastSeen.IsZero() {
		facts.LastSeenAge = now.Sub(m.LastSeen)
	}
	return facts
}

// OfIsolation is the state of a machine as conditions see it.
func OfIsolation(s machine.State) *Isolation {
	facts := &Isolation{Isolated: s.Is}
	if s.Is {
		facts.IsolatedBy = string(s.By)
	}
	return facts
}

// OfActions are a machine's actions as conditions see them.
func OfActions(list []machine.Action) *Actions {
	facts := &Actions{OpenActions: make([]Action, len(list))}
	for i, a := range list {
		facts.OpenActions[i] = Action{
			Type:          string(a.Type),
			Status:        string(a.Status),
			Scope:         string(a.Scope),
			Requestor:     a.Requestor,
			RequestSource: a.RequestSource,
			Created:       a.Created,
		}
	}
	return facts
}
