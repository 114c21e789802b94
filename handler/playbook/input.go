package playbook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook/facts"
	"cordon/handler/playbook/spelling"
	"cordon/handler/playbook/templates"
)

// Input is everything that a decision depends on.
type Input struct {
	Alert   alert.Alert
	Hunt    *Hunt            // what found Alert, which is a finding then; nil: Alert is the API's
	Machine *machine.Machine // nil: the alert names no machine, or it could not be read

	// OwnTags are tags that the machine has and conditions do not see, because the run itself put them on. Rails see
	// them.
	OwnTags []string

	// MachineMissing says why Machine is nil although the alert names one; it is shown to people. Empty is allowed.
	MachineMissing string

	// What Needs asks for; a rule that reads what is not known has no answer, and its steps are held.
	Isolation      *machine.State   // whether the machine is isolated, and by whom; nil: not known
	OpenActions    []machine.Action // the machine's actions that are not final; nil: not known
	ActionsMissing string           // why one of them is not known, shown to people. Empty is allowed

	AlertsOnMachine  *int   // other alerts on the machine within AlertsWindow; nil: not known
	AlertsInIncident *int   // other alerts of the incident; nil: not known
	AlertsMissing    string // why one of them is not known, shown to people. Empty is allowed

	Now     time.Time // the time of the decision
	Ceiling Mode      // the highest mode that the settings allow; the zero value is Observe

	// StaleAfter is the age beyond which an alert is not acted on. Zero or less holds every acting step.
	StaleAfter time.Duration

	// Asked are the latches (machine.Spec) whose actions are or were under way for the alert on its machine already.
	// For them its age is not looked at again: what was allowed once is not taken back because the machine took days
	// to answer.
	Asked []string

	// Beginning is since when the ledger knows what became of alerts; zero: not looked at. Nothing older is acted on.
	Beginning time.Time
	Since     time.Time // since when what is answered may have been there; zero: since Alert was created

	Paused      bool   // a person has stopped all acting
	PauseReason string // who and why, shown to people
}

// Hunt is the hunt whose finding is decided about.
type Hunt struct {
	Name     string
	Severity string
	Row      map[string]string // the row's columns; what devices wrote, so an attacker may have
}

// AlertsWindow is how far back Input.AlertsOnMachine counts.
const AlertsWindow = 24 * time.Hour

// created is when the alert was created, as far as that is known.
func (in *Input) created() time.Time {
	return cmp.Or(in.Alert.Created, in.Alert.Updated)
}

// machineUnread reports whether the alert names a machine that could not be read. The record of another is none of it.
func (in *Input) machineUnread() bool {
	return in.Alert.MachineID != "" &&
		(in.Machine == nil || !strings.EqualFold(in.Machine.ID, in.Alert.MachineID))
}

// notRead says that a fact which is read apart from the alert is not known, empty if it is.
func (in *Input) notRead(fact string) string {
	missing, why := "", ""
	switch {
	case in.machineUnread() && facts.IsOfMachine(fact):
		missing = "the machine could not be read"
		why = in.MachineMissing
	case (fact == facts.Isolated || fact == facts.IsolatedBy) && in.Machine != nil && in.Isolation == nil,
		fact == facts.OpenActions && in.Machine != nil && in.OpenActions == nil:
		missing = fact + " could not be read"
		why = in.ActionsMissing
	case fact == facts.AlertsOnMachine && in.AlertsOnMachine == nil,
		fact == facts.AlertsInIncident && in.AlertsInIncident == nil:
		missing = fact + " is not known"
		why = in.AlertsMissing
	}
	if missing == "" || why == "" {
		return missing
	}
	return missing + ": " + spelling.Cut(spelling.Plain(why), 300)
}

// asked reports whether the step is under way for the alert, or was. What has no machine action goes by those of the
// others.
func (in Input) asked(s StepSpec) bool {
	return len(in.Asked) > 0 &&
		(s.Action == nil || slices.Contains(in.Asked, s.Action.LatchOf(s.Scope)))
}

// factsOf is what conditions see of an input.
func factsOf(in Input) facts.Facts {
	seen := facts.Facts{
		Alert: facts.OfAlert(asPeopleKnow(in.Alert)),
		Hunt:  (*facts.Hunt)(in.Hunt),
		Now:   in.Now.UTC(),
	}
	if !in.machineUnread() {
		seen.Named = &facts.Named{Machine: machineFacts(in)}
	}
	if n, known := others(in.AlertsOnMachine, in.Alert.MachineID != ""); known {
		seen.OnMachine = &facts.OnMachine{AlertsOnMachine: n}
	}
	if n, known := others(in.AlertsInIncident, in.Alert.IncidentID != 0); known {
		seen.InIncident = &facts.InIncident{AlertsInIncident: n}
	}
	return seen
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

func machineFacts(in Input) *facts.Machine {
	if in.Machine == nil || in.Alert.MachineID == "" {
		return nil
	}
	m := facts.OfMachine(*in.Machine, in.Now)
	if in.Isolation != nil {
		m.Isolation = facts.OfIsolation(*in.Isolation)
	}
	if in.OpenActions != nil {
		m.Actions = facts.OfActions(in.OpenActions)
	}
	return m
}

// templateData is what templates see of an input.
func templateData(in Input) templates.Data {
	data := templates.Data{Alert: asPeopleKnow(in.Alert), Now: in.Now.UTC()}
	if in.Machine != nil {
		m := facts.OfMachine(*in.Machine, in.Now)
		data.Machine = templates.Machine{Machine: m.Machine, LastSeenAge: m.LastSeenAge.Round(time.Minute)}
	}
	return data
}

// asPeopleKnow is an alert by the id that people find it by: that of the ledger may name one of its machines too.
func asPeopleKnow(a alert.Alert) alert.Alert {
	a.ID = alert.APIID(a.ID)
	return a
}

// usualComment is the comment of a machine action whose step has none.
func usualComment(in Input) string {
	return fmt.Sprintf("Alert %s: %s", alert.APIID(in.Alert.ID), in.Alert.Title)
}
