// Package machine holds the domain's machine and machine action: an onboarded device as the API describes it, and a
// task that the API runs on one. It knows no vendor JSON and does no I/O.
package machine

import (
	"strings"
	"time"
)

// Machine is one onboarded device as the API last showed it. Empty strings and zero times mean that the API sent none.
// The API never says whether a machine is isolated: that follows from its machine actions.
//
// The expr tags are the names that playbook conditions use.
type Machine struct {
	ID               string `json:"id" expr:"id"` // 40 hexadecimal digits, see ID; never a name
	ComputerDNSName  string `json:"computerDnsName,omitempty" expr:"computerDnsName"`
	OSPlatform       string `json:"osPlatform,omitempty" expr:"osPlatform"`
	OSArchitecture   string `json:"osArchitecture,omitempty" expr:"osArchitecture"`
	Version          string `json:"version,omitempty" expr:"version"`
	OSBuild          int64  `json:"osBuild,omitempty" expr:"osBuild"`
	HealthStatus     string `json:"healthStatus,omitempty" expr:"healthStatus"`
	OnboardingStatus string `json:"onboardingStatus,omitempty" expr:"onboardingStatus"`
	RiskScore        string `json:"riskScore,omitempty" expr:"riskScore"`
	ExposureLevel    string `json:"exposureLevel,omitempty" expr:"exposureLevel"`
	DeviceValue      string `json:"deviceValue,omitempty" expr:"deviceValue"`
	RBACGroupName    string `json:"rbacGroupName,omitempty" expr:"rbacGroupName"`
	// nil: the API sent no list, which is not an empty one
	Tags           []string  `json:"machineTags,omitzero" expr:"machineTags"`
	AADDeviceID    string    `json:"aadDeviceId,omitempty" expr:"aadDeviceId"`
	LastIP         string    `json:"lastIpAddress,omitempty" expr:"lastIpAddress"`
	LastExternalIP string    `json:"lastExternalIpAddress,omitempty" expr:"lastExternalIpAddress"`
	FirstSeen      time.Time `json:"firstSeen" expr:"firstSeen"`
	LastSeen       time.Time `json:"lastSeen" expr:"lastSeen"` // last full report, about daily
}

// Missing lists the facts that the API always gives and that m lacks, by their names. Group, device value, risk and
// exposure are not among them: the API documents that they may be null (Machine resource type page).
func (m Machine) Missing() []string {
	var missing []string
	for _, fact := range []struct {
		name string
		is   bool
	}{
		{"computerDnsName", strings.Trim(m.ComputerDNSName, ". \t") != ""},
		{"osPlatform", strings.TrimSpace(m.OSPlatform) != ""},
		{"healthStatus", strings.TrimSpace(m.HealthStatus) != ""},
		{"onboardingStatus", strings.TrimSpace(m.OnboardingStatus) != ""},
		{"machineTags", m.Tags != nil},
	} {
		if !fact.is {
			missing = append(missing, fact.name)
		}
	}
	return missing
}

// ID is the one spelling of a machine's id: its digits are shown in either letter case.
func ID(s string) string { return strings.ToLower(s) }

// ActionType is the kind of a machine action. Unknown values are kept.
type ActionType string

// ActionStatus is where a machine action stands. Unknown values are kept and are not final.
type ActionStatus string

// The statuses that the vendor documents. Cancelled is also met with one l, see ParseActionStatus.
const (
	Pending    ActionStatus = "Pending"
	InProgress ActionStatus = "InProgress"
	Succeeded  ActionStatus = "Succeeded"
	Failed     ActionStatus = "Failed"
	TimeOut    ActionStatus = "TimeOut"
	Cancelled  ActionStatus = "Cancelled"
)

// ParseActionStatus folds the spellings that the API is known to use into the constants; anything else is kept as it
// is.
func ParseActionStatus(s string) ActionStatus {
	for _, known := range []ActionStatus{Pending, InProgress, Succeeded, Failed, TimeOut, Cancelled} {
		if strings.EqualFold(s, string(known)) {
			return known
		}
	}
	switch {
	case strings.EqualFold(s, "Canceled"):
		return Cancelled
	case strings.EqualFold(s, "TimedOut"):
		return TimeOut
	}
	return ActionStatus(s)
}

// Final reports whether an action in this status can no longer change. An unknown status is not final, so that it is
// followed further instead of being taken for an outcome.
func (s ActionStatus) Final() bool {
	switch s {
	case Succeeded, Failed, TimeOut, Cancelled:
		return true
	}
	return false
}

// Scope says how far an action goes: how much of the network a machine is cut off from, or how much of it is scanned.
type Scope string

// The scopes. Selective leaves Outlook, Teams and Skype for Business connected, on Windows and as long as isolation
// exclusion rules are not switched on in the tenant: then only what they list. UnManagedDevice lets the onboarded
// machines around block one that is not onboarded. Full is a scope of isolations and of scans.
const (
	Full            Scope = "Full"
	Selective       Scope = "Selective"
	UnManagedDevice Scope = "UnManagedDevice"
	Quick           Scope = "Quick"
)

// Request asks for a machine action.
type Request struct {
	Type    ActionType
	Scope   Scope  // of an isolation or a scan
	Comment string // plain text, required by the API

	// SendBy is when the request is not sent any more. Zero: there is no such time.
	SendBy time.Time
}

// Action is one machine action as the API last showed it.
type Action struct {
	ID            string
	Type          ActionType
	Status        ActionStatus
	Scope         Scope  // empty for actions without one, and on some fresh isolations
	MachineID     string // empty right after some submissions
	Requestor     string // a UPN, an application's name or its id
	RequestSource string // PublicApi or Portal
	Comment       string
	Created       time.Time // UTC, by the API's clock
	Updated       time.Time
	CancelledBy   string
	CancelComment string
	ErrorHResult  int64 // 0 when nothing went wrong
}
