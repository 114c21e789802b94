package alerts

import (
	"slices"
	"strings"
	"time"

	"cordon/handler/alert"
	"cordon/handler/lenient"
	"cordon/handler/machine"
)

// wireIdentity is what tells an alert from others, and whether it changed.
type wireIdentity struct {
	ID              lenient.Text    `json:"id"`
	ProviderAlertID lenient.Text    `json:"providerAlertId"`
	ServiceSource   lenient.Text    `json:"serviceSource"`
	Updated         lenient.Instant `json:"lastUpdateDateTime"`
}

// wireStamp is what AlertStamps reads of an alert.
type wireStamp struct {
	wireIdentity
	Evidence lenient.Items[wireDevice] `json:"evidence"`
}

// wireComments is what AlertComments reads of an alert.
type wireComments struct {
	wireIdentity
	Comments lenient.Items[struct {
		Comment lenient.Passage `json:"comment"`
	}] `json:"comments"`
}

// wireAlert is the alert resource as far as Cordon reads it
// (https://learn.microsoft.com/graph/api/resources/security-alert). No user is related to an alert there: who is logged
// on to a device may be anybody.
type wireAlert struct {
	wireIdentity
	IncidentID         lenient.Integer             `json:"incidentId"`
	AssignedTo         lenient.Text                `json:"assignedTo"`
	Severity           lenient.Text                `json:"severity"`
	Status             lenient.Text                `json:"status"`
	Classification     lenient.Text                `json:"classification"`
	Determination      lenient.Text                `json:"determination"`
	InvestigationState lenient.Text                `json:"investigationState"`
	DetectionSource    lenient.Text                `json:"detectionSource"`
	DetectorID         lenient.Text                `json:"detectorId"`
	Category           lenient.Text                `json:"category"`
	ThreatFamily       lenient.Text                `json:"threatFamilyName"`
	ThreatName         lenient.Text                `json:"threatDisplayName"`
	Title              lenient.Text                `json:"title"`
	Description        lenient.Passage             `json:"description"`
	Created            lenient.Instant             `json:"createdDateTime"`
	FirstEvent         lenient.Instant             `json:"firstActivityDateTime"`
	LastEvent          lenient.Instant             `json:"lastActivityDateTime"`
	Resolved           lenient.Instant             `json:"resolvedDateTime"`
	MitreTechniques    lenient.Texts               `json:"mitreTechniques"`
	Evidence           lenient.Items[wireEvidence] `json:"evidence"`
}

func (w wireIdentity) graphID() string { return string(w.ID) }

// answerID is the id under which the alert is answered: Defender's, if it is Defender's alert and Graph tells it, so
// that an alert that both sources tell is one. That providerAlertId is Defender's id is documented nowhere: it is so in
// every sample. Where it is another, one alert is two, and only the latch keeps it to one isolation.
func (w wireIdentity) answerID() string {
	theirs := string(w.ProviderAlertID)
	usable := alert.CheckID(theirs) == nil &&
		!alert.IsFinding(theirs) &&
		alert.APIID(theirs) == theirs
	if w.ServiceSource == alert.ForEndpoint && usable {
		return theirs
	}
	return string(w.ID)
}

// alerts are the alert on each of its machines, the main one first. There is always one, without a machine if need be.
func (w wireAlert) alerts() []alert.Alert {
	var devices []wireDevice
	shared := w.alert()
	for _, e := range w.Evidence {
		devices = append(devices, e.wireDevice)
		if !e.isDevice() {
			shared.Evidence = append(shared.Evidence, e.evidence())
		}
	}
	var each []alert.Alert
	for _, on := range w.placed(devices) {
		a := shared
		a.ID = on.id
		a.MachineID = on.device.machineID()
		a.ComputerDNSName = string(on.device.DNSName)
		a.RBACGroupName = string(on.device.RBACGroupName)
		a.MitreTechniques = slices.Clone(shared.MitreTechniques)
		a.Evidence = slices.Clone(shared.Evidence)
		each = append(each, a)
	}
	return each
}

// alert is what the alert says on all of its machines, but for the evidence.
func (w wireAlert) alert() alert.Alert {
	return alert.Alert{
		IncidentID:         int64(w.IncidentID),
		Title:              string(w.Title),
		Description:        string(w.Description),
		Category:           string(w.Category),
		Severity:           alert.Severity(defenders(severities, w.Severity)),
		Status:             alert.Status(defenders(statuses, w.Status)),
		Classification:     defenders(classifications, w.Classification),
		Determination:      defenders(determinations, w.Determination),
		DetectionSource:    defenders(detectionSources, w.DetectionSource),
		DetectorID:         string(w.DetectorID),
		ThreatFamily:       string(w.ThreatFamily),
		ThreatName:         string(w.ThreatName),
		MitreTechniques:    w.MitreTechniques,
		AssignedTo:         string(w.AssignedTo),
		InvestigationState: defenders(nil, w.InvestigationState),
		Created:            time.Time(w.Created),
		FirstEvent:         time.Time(w.FirstEvent),
		LastEvent:          time.Time(w.LastEvent),
		Updated:            time.Time(w.Updated),
		Resolved:           time.Time(w.Resolved),
		ServiceSource:      string(w.ServiceSource),
		Source:             alert.Graph,
		GraphID:            string(w.ID),
	}
}

// placed is one machine of an alert, and the id under which the answer on it is kept.
type placed struct {
	id     string
	device wireDevice
}

// placed are the machines of the alert, the main one first and each once. Devices whose machine nobody can tell are
// left out, unless there are no others: then one stands for the alert without a machine.
func (w wireIdentity) placed(evidence []wireDevice) []placed {
	id := w.answerID()
	var machines, others []wireDevice
	for _, d := range evidence {
		switch {
		case !d.isDevice():
			continue
		case d.machineID() == "":
			others = append(others, d)
		default:
			machines = append(machines, d)
		}
	}
	mainFirst(machines)
	if len(machines) == 0 {
		return []placed{{id, append(others, wireDevice{})[0]}}
	}
	each := []placed{{id, machines[0]}}
	for _, d := range machines[1:] {
		same := func(p placed) bool {
			return p.device.machineID() == d.machineID()
		}
		if !slices.ContainsFunc(each, same) {
			each = append(each, placed{alert.OnMachine(id, d.machineID()), d})
		}
	}
	return each
}

// mainFirst puts the main device first and the others in the order of their ids: Graph promises none, and another one
// would be answered for another machine.
func mainFirst(machines []wireDevice) {
	slices.SortFunc(machines, func(a, b wireDevice) int {
		switch {
		case a.isMain() && !b.isMain():
			return -1
		case b.isMain() && !a.isMain():
			return 1
		}
		return strings.Compare(a.machineID(), b.machineID())
	})
}

// wireDevice is what tells the machine of a piece of evidence.
type wireDevice struct {
	Type          lenient.Text  `json:"@odata.type"`
	DetailedRoles lenient.Texts `json:"detailedRoles"`
	MDEDeviceID   lenient.Text  `json:"mdeDeviceId"`
	DNSName       lenient.Text  `json:"deviceDnsName"`
	RBACGroupName lenient.Text  `json:"rbacGroupName"`
}

func (d wireDevice) isDevice() bool {
	return strings.EqualFold(d.kind(), "Device")
}

// isMain knows the roles by which Graph was seen to mark the device that an alert is about; they are free text.
func (d wireDevice) isMain() bool {
	return slices.ContainsFunc(d.DetailedRoles, func(role string) bool {
		return strings.EqualFold(role, "PrimaryDevice") || strings.EqualFold(role, "Main device")
	})
}

// machineID is Defender's id of the device; empty if what stands there cannot be one.
func (d wireDevice) machineID() string {
	id := machine.ID(string(d.MDEDeviceID))
	if alert.APIID(alert.OnMachine("any", id)) != "any" {
		return ""
	}
	return id
}
