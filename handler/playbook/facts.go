package playbook

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
)

// Facts is everything that a condition can read, under the names in the expr tags.
type Facts struct {
	Alert   AlertFacts    `expr:"alert"`
	Machine *MachineFacts `expr:"machine"` // nil when the alert names no machine or it could not be read
	Now     time.Time     `expr:"now"`     // the time of the decision, UTC
	Hunt    *HuntFacts    `expr:"hunt"`    // nil unless a rule for hunts is asked
	*OnMachineFacts
	*InIncidentFacts
}

// OnMachineFacts is how many other alerts there were lately on the alert's machine.
type OnMachineFacts struct {
	AlertsOnMachine int64 `expr:"alertsOnMachine"`
}

// InIncidentFacts is how many other alerts the alert's incident has.
type InIncidentFacts struct {
	AlertsInIncident int64 `expr:"alertsInIncident"`
}

// MachineFacts is machine.Machine as conditions see it, and what follows from its machine actions. A condition that reads
// a part that was not read has no answer.
type MachineFacts struct {
	machine.Machine
	LastSeenAge time.Duration `expr:"lastSeenAge"` // noReport for a machine without a last report
	*IsolationFacts
	*ActionsFacts
}

// IsolationFacts is whether a machine is isolated, and by whom.
type IsolationFacts struct {
	Isolated   bool   `expr:"isolated"`
	IsolatedBy string `expr:"isolatedBy"` // a machine.Owner; empty: not isolated
}

// ActionsFacts are a machine's actions that are not final.
type ActionsFacts struct {
	OpenActions []ActionFacts `expr:"openActions"`
}

// ActionFacts is machine.Action as conditions see it.
type ActionFacts struct {
	Type          string    `expr:"type"`   // Isolate, Unisolate, RunAntiVirusScan, …
	Status        string    `expr:"status"` // Pending or InProgress
	Scope         string    `expr:"scope"`
	Requestor     string    `expr:"requestor"`
	RequestSource string    `expr:"requestSource"`
	Created       time.Time `expr:"creationDateTimeUtc"`
}

// AlertFacts is alert.Alert as conditions see it: the fields that have an expr tag there, and no other. Severity and
// status are plain text here, because the expression language does not compare a named string type with a text.
type AlertFacts struct {
	ID              string           `expr:"id"`
	IncidentID      int64            `expr:"incidentId"` // 0: not part of an incident
	Title           string           `expr:"title"`
	Description     string           `expr:"description"`
	Category        string           `expr:"category"`
	Severity        string           `expr:"severity"` // as the vendor spells it: High, Medium, Low, Informational, UnSpecified
	Status          string           `expr:"status"`   // New, InProgress, Resolved, Unknown
	Classification  string           `expr:"classification"`
	Determination   string           `expr:"determination"`
	DetectionSource string           `expr:"detectionSource"`
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

func factsOf(in Input) Facts {
	a := in.Alert
	var onMachine *OnMachineFacts
	if n, known := others(in.AlertsOnMachine, a.MachineID != ""); known {
		onMachine = &OnMachineFacts{n}
	}
	var inIncident *InIncidentFacts
	if n, known := others(in.AlertsInIncident, a.IncidentID != 0); known {
		inIncident = &InIncidentFacts{n}
	}
	return Facts{
		OnMachineFacts: onMachine, InIncidentFacts: inIncident,
		Machine: machineFacts(in),
		Hunt:    huntFacts(in),
		Now:     in.Now.UTC(),
		Alert: AlertFacts{
			ID: a.ID, IncidentID: a.IncidentID, Title: a.Title, Description: a.Description, Category: a.Category,
			Severity: string(a.Severity), Status: string(a.Status), Classification: a.Classification,
			Determination: a.Determination, DetectionSource: a.DetectionSource, DetectorID: a.DetectorID,
			ThreatFamily: a.ThreatFamily, ThreatName: a.ThreatName, MachineID: a.MachineID,
			ComputerDNSName: a.ComputerDNSName, RBACGroupName: a.RBACGroupName, MitreTechniques: a.MitreTechniques,
			RelatedUser: a.RelatedUser, Evidence: a.Evidence, Created: a.Created, FirstEvent: a.FirstEvent,
			LastEvent: a.LastEvent, Updated: a.Updated, Resolved: a.Resolved,
		},
	}
}

// others is a number of other alerts; of an alert without a machine, or of no incident, there are none.
func others(counted *int, can bool) (n int64, known bool) {
	switch {
	case !can:
		return 0, true
	case counted == nil:
		return 0, false
	}
	return int64(*counted), true
}

func machineFacts(in Input) *MachineFacts {
	if in.Machine == nil {
		return nil
	}
	m := &MachineFacts{Machine: *in.Machine, LastSeenAge: noReport}
	if !in.Machine.LastSeen.IsZero() {
		m.LastSeenAge = in.Now.Sub(in.Machine.LastSeen)
	}
	if in.Isolation != nil {
		m.IsolationFacts = &IsolationFacts{Isolated: in.Isolation.Is}
		if in.Isolation.Is {
			m.IsolatedBy = string(in.Isolation.By)
		}
	}
	if in.OpenActions != nil {
		m.ActionsFacts = &ActionsFacts{OpenActions: make([]ActionFacts, len(in.OpenActions))}
		for i, a := range in.OpenActions {
			m.OpenActions[i] = ActionFacts{Type: string(a.Type), Status: string(a.Status), Scope: string(a.Scope), Requestor: a.Requestor, RequestSource: a.RequestSource, Created: a.Created}
		}
	}
	return m
}

// notRead says that a fact which costs a read of its own is not known, empty if it is.
func (in *Input) notRead(fact string) string {
	switch {
	case (fact == isolatedFact || fact == isolatedByFact) && in.Machine != nil && in.Isolation == nil, fact == openActionsFact && in.Machine != nil && in.OpenActions == nil:
		if in.ActionsMissing != "" {
			return fact + " could not be read: " + cut(plainText(in.ActionsMissing), 300)
		}
		return fact + " could not be read"
	case fact == onMachineFact && in.AlertsOnMachine == nil, fact == inIncidentFact && in.AlertsInIncident == nil:
		if in.AlertsMissing != "" {
			return fact + " is not known: " + cut(plainText(in.AlertsMissing), 300)
		}
		return fact + " is not known"
	}
	return ""
}

// The facts that cost a read of their own.
const (
	isolatedFact    = "machine.isolated"
	isolatedByFact  = "machine.isolatedBy"
	openActionsFact = "machine.openActions"
	onMachineFact   = "alertsOnMachine"
	inIncidentFact  = "alertsInIncident"
)

// unreadableFacts are fields of an alert that rules do not have, with the reason.
func unreadableFacts() map[string]string {
	const workflow = "it changes without a new decision being due, so a rule would see an old value"
	return map[string]string{"alert.assignedTo": workflow, "alert.investigationState": workflow, "alert.investigationId": workflow, "alert.comments": workflow}
}

// fieldNames are the names under which a condition reads the fields of t, sorted; nil for a type without any.
func fieldNames(t reflect.Type) []string {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("expr"); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// factTypes maps a type's name, as the expression checker prints it, to the type and to what people call it.
func factTypes() map[string]factType {
	types := map[string]factType{}
	for called, t := range map[string]reflect.Type{
		"alert": reflect.TypeFor[AlertFacts](), "machine": reflect.TypeFor[MachineFacts](), "hunt": reflect.TypeFor[HuntFacts](), "an entry of machine.openActions": reflect.TypeFor[ActionFacts](),
		"alert.relatedUser": reflect.TypeFor[alert.User](), "an entry of alert.evidence": reflect.TypeFor[alert.Evidence](),
	} {
		types[t.String()] = factType{called: called, fields: fieldNames(t)}
	}
	return types
}

type factType struct {
	called string
	fields []string
}

// field is one fact by its path in Facts, resolved once so that an explanation can show its value.
type field struct {
	name  string // "alert.severity"
	index [][]int
	kind  reflect.Kind
	texts bool // it is a list of texts
}

// resolve finds the longest part of path, a chain of expr names from the root, that names a fact.
func resolve(path []string) (field, bool) {
	f, t := field{}, reflect.TypeFor[Facts]()
	for _, name := range path {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		sf, ok := fieldByName(t, name)
		if !ok {
			break
		}
		f.index = append(f.index, sf.Index)
		f.name = strings.TrimPrefix(f.name+"."+name, ".")
		t, f.kind, f.texts = sf.Type, sf.Type.Kind(), sf.Type == reflect.TypeFor[[]string]()
	}
	return f, len(f.index) > 0
}

func fieldByName(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	for _, sf := range reflect.VisibleFields(t) {
		if sf.Tag.Get("expr") == name {
			return sf, true
		}
	}
	return reflect.StructField{}, false
}

// read gives the value of f in facts, false when something on the way is nil.
func (f field) read(facts *Facts) (reflect.Value, bool) {
	v := reflect.ValueOf(facts).Elem()
	for _, index := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		var err error
		if v, err = v.FieldByIndexErr(index); err != nil {
			return reflect.Value{}, false
		}
	}
	return v, true
}
