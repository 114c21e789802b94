// Package alert holds the domain's alert: what a detection says, how urgent it is, which machine it is about, and the
// queue message that carries it from ingest to response. It knows no vendor JSON and does no I/O; the defender package
// fills these types, and everything behind the queue reads them.
package alert

import "time"

// Severity is how urgent the vendor calls an alert. Values outside the constants are kept as they came, so that a value
// added by the vendor tomorrow is shown as it is and never mistaken for another.
type Severity string

// The severities that the vendor documents (alerts resource type). The zero value means that none was given.
const (
	UnSpecified   Severity = "UnSpecified"
	Informational Severity = "Informational"
	Low           Severity = "Low"
	Medium        Severity = "Medium"
	High          Severity = "High"
)

// Rank orders severities, High first: 4 for High down to 1 for Informational, 0 for unspecified and unknown values.
func (s Severity) Rank() int {
	switch s {
	case High:
		return 4
	case Medium:
		return 3
	case Low:
		return 2
	case Informational:
		return 1
	}
	return 0
}

// Status is where people or automation stand with an alert. Unknown values are kept.
type Status string

// The statuses that the vendor documents.
const (
	StatusUnknown    Status = "Unknown"
	StatusNew        Status = "New"
	StatusInProgress Status = "InProgress"
	StatusResolved   Status = "Resolved"
)

// Alert is one alert as the API last showed it. Times are UTC; a zero time or an empty string means that the API sent
// none. Text fields may have been written by an attacker and are escaped wherever they are shown.
//
// The expr tags are the names that playbook conditions use. Fields without one cannot be read by a rule: they are
// workflow (assignee, investigation state) and change without a new decision being due.
type Alert struct {
	ID                 string     `json:"id" expr:"id"`
	IncidentID         int64      `json:"incidentId,omitempty" expr:"incidentId"` // 0: not part of an incident
	Title              string     `json:"title,omitempty" expr:"title"`
	Description        string     `json:"description,omitempty" expr:"description"`
	Category           string     `json:"category,omitempty" expr:"category"`
	Severity           Severity   `json:"severity,omitempty" expr:"severity"`
	Status             Status     `json:"status,omitempty" expr:"status"`
	Classification     string     `json:"classification,omitempty" expr:"classification"`
	Determination      string     `json:"determination,omitempty" expr:"determination"`
	DetectionSource    string     `json:"detectionSource,omitempty" expr:"detectionSource"`
	DetectorID         string     `json:"detectorId,omitempty" expr:"detectorId"`
	ThreatFamily       string     `json:"threatFamilyName,omitempty" expr:"threatFamilyName"`
	ThreatName         string     `json:"threatName,omitempty" expr:"threatName"`
	MachineID          string     `json:"machineId,omitempty" expr:"machineId"` // empty: no machine to act on
	ComputerDNSName    string     `json:"computerDnsName,omitempty" expr:"computerDnsName"`
	RBACGroupName      string     `json:"rbacGroupName,omitempty" expr:"rbacGroupName"`
	MitreTechniques    []string   `json:"mitreTechniques,omitempty" expr:"mitreTechniques"`
	RelatedUser        User       `json:"relatedUser" expr:"relatedUser"`
	Evidence           []Evidence `json:"evidence,omitempty" expr:"evidence"`
	Created            time.Time  `json:"alertCreationTime" expr:"alertCreationTime"`
	FirstEvent         time.Time  `json:"firstEventTime" expr:"firstEventTime"`
	LastEvent          time.Time  `json:"lastEventTime" expr:"lastEventTime"`
	Updated            time.Time  `json:"lastUpdateTime" expr:"lastUpdateTime"`
	Resolved           time.Time  `json:"resolvedTime" expr:"resolvedTime"`
	AssignedTo         string     `json:"assignedTo,omitempty"`
	InvestigationState string     `json:"investigationState,omitempty"`

	// ServiceSource is the product whose alert it is, as Graph spells it: ForEndpoint for Defender for Endpoint.
	ServiceSource string `json:"serviceSource,omitempty" expr:"serviceSource"`
	Source        Source `json:"source,omitempty"`  // where it was read
	GraphID       string `json:"graphId,omitempty"` // Graph's own id of it; empty if it was not read there
}

// User is the account that the vendor relates to an alert; empty when it names none.
type User struct {
	Name   string `json:"userName,omitempty" expr:"userName"`
	Domain string `json:"domainName,omitempty" expr:"domainName"`
}

// Evidence is one thing attached to an alert. Kind says which of the other fields are set.
type Evidence struct {
	// User, Process, File, Ip, Url, Registry, …
	Kind              string `json:"entityType,omitempty" expr:"entityType"`
	SHA1              string `json:"sha1,omitempty" expr:"sha1"`
	SHA256            string `json:"sha256,omitempty" expr:"sha256"`
	FileName          string `json:"fileName,omitempty" expr:"fileName"`
	FilePath          string `json:"filePath,omitempty" expr:"filePath"` // the folder, without the file's name
	ProcessID         int64  `json:"processId,omitempty" expr:"processId"`
	CommandLine       string `json:"processCommandLine,omitempty" expr:"processCommandLine"`
	ParentProcessID   int64  `json:"parentProcessId,omitempty" expr:"parentProcessId"`
	ParentFileName    string `json:"parentProcessFileName,omitempty" expr:"parentProcessFileName"`
	ParentFilePath    string `json:"parentProcessFilePath,omitempty" expr:"parentProcessFilePath"`
	IPAddress         string `json:"ipAddress,omitempty" expr:"ipAddress"`
	URL               string `json:"url,omitempty" expr:"url"`
	RegistryKey       string `json:"registryKey,omitempty" expr:"registryKey"`
	RegistryHive      string `json:"registryHive,omitempty" expr:"registryHive"`
	RegistryValueType string `json:"registryValueType,omitempty" expr:"registryValueType"`
	RegistryValue     string `json:"registryValue,omitempty" expr:"registryValue"`
	AccountName       string `json:"accountName,omitempty" expr:"accountName"`
	DomainName        string `json:"domainName,omitempty" expr:"domainName"`
	UserSID           string `json:"userSid,omitempty" expr:"userSid"`
	AADUserID         string `json:"aadUserId,omitempty" expr:"aadUserId"`
	UPN               string `json:"userPrincipalName,omitempty" expr:"userPrincipalName"`
	DetectionStatus   string `json:"detectionStatus,omitempty" expr:"detectionStatus"`
}
