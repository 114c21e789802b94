package facts

import (
	"fmt"
	"slices"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook/spelling"
)

// OtherCase is the known value of a fact, such as alert.severity, that a text differs from in the case of letters only; empty:
// there is none, or the API writes the fact either way.
func OtherCase(fact, value string) string {
	known := Known(fact)
	if set, usual := Usual(fact); usual && fact != "machine.onboardingStatus" {
		known = set.values
	}
	for _, one := range known {
		if value != one && strings.EqualFold(value, one) {
			return one
		}
	}
	return ""
}

// Known are the values that the vendor documents for a fact that has few; nil for one that may hold anything.
func Known(fact string) []string {
	switch fact {
	case "alert.severity":
		return []string{string(alert.High), string(alert.Medium), string(alert.Low), string(alert.Informational), string(alert.UnSpecified)}
	case "alert.status":
		return []string{string(alert.StatusNew), string(alert.StatusInProgress), string(alert.StatusResolved), string(alert.StatusUnknown)}
	case "hunt.severity":
		return Severities()
	}
	return nil
}

// Values is what a fact is known to be, besides empty. Of an open set the vendor may add to, only what looks like a
// known value and is none is taken for a mistake.
type Values struct {
	values []string
	open   bool
}

// Usual are the values that a fact is known to have ("Alert", "Machine" and "MachineAction resource type"
// pages); false for a fact that may hold anything. What knownValues has is not among them.
func Usual(fact string) (Values, bool) {
	set, known := allUsualValues()[fact]
	return set, known
}

func allUsualValues() map[string]Values {
	return map[string]Values{
		"machine.osPlatform":     {platforms(), true},
		"machine.osArchitecture": {[]string{"32-bit", "64-bit"}, false},
		"machine.healthStatus": {[]string{"Active", "Inactive", "ImpairedCommunication", "NoSensorData",
			"NoSensorDataImpairedCommunication", "Unknown"}, false},
		"machine.onboardingStatus":     {[]string{"Onboarded", "CanBeOnboarded", "Unsupported", "InsufficientInfo"}, false},
		"machine.riskScore":            {[]string{"None", "Informational", "Low", "Medium", "High"}, false},
		"machine.exposureLevel":        {[]string{"None", "Low", "Medium", "High"}, false},
		"machine.deviceValue":          {[]string{"Low", "Normal", "High"}, false},
		"machine.openActions[].type":   {actionTypes(), false},
		"machine.openActions[].status": {[]string{string(machine.Pending), string(machine.InProgress)}, false},
		"machine.openActions[].scope": {[]string{string(machine.Full), string(machine.Selective),
			string(machine.UnManagedDevice), string(machine.Quick)}, false},
		"machine.openActions[].requestSource": {[]string{"Portal", "PublicApi"}, false},
		"alert.classification":                {Classifications(), false},
		"alert.determination":                 {Determinations(""), false},
		"alert.category": {[]string{"General", "CommandAndControl", "Collection", "CredentialAccess", "DefenseEvasion",
			"Discovery", "Exfiltration", "Exploit", "Execution",
			"InitialAccess", "LateralMovement", "Malware", "Persistence", "PrivilegeEscalation", "Ransomware",
			"SuspiciousActivity", "UnwantedSoftware", "Impact"}, true},
		"alert.detectionSource": {[]string{"WindowsDefenderAtp", "WindowsDefenderAv", "WindowsDefenderSmartScreen",
			"CustomerTI", "CustomDetection", "AutomatedInvestigation",
			"MTP", "OfficeATP", "AzureATP", "ThreatExperts"}, true},
		"alert.evidence[].entityType":      {[]string{"User", "Process", "File", "Ip", "Url", "Registry"}, true},
		"alert.evidence[].detectionStatus": {[]string{"Detected", "Blocked", "Prevented"}, true},
	}
}

// platforms are names of operating systems as machines report them. Linux reports the name of its distribution.
func platforms() []string {
	return []string{"Windows11", "Windows10", "Windows10WVD", "Windows8", "Windows7", "WindowsServer2025",
		"WindowsServer2022", "WindowsServer2019", "WindowsServer2016",
		"WindowsServer2012R2", "WindowsServer2012", "WindowsServer2008R2", "macOS",
		"Linux", "Ubuntu", "RedHatEnterpriseLinux", "Debian", "CentOS", "iOS", "Android", "ESXi", "Unknown"}
}

// FactOfRail is the fact that a list of a rail is about; empty for lists of names that people choose.
func FactOfRail(list string) string {
	return map[string]string{"os": "machine.osPlatform", "onboarding": "machine.onboardingStatus",
		"deviceValue": "machine.deviceValue"}[list]
}

func actionTypes() []string {
	list := []string{"Offboard", "LiveResponse", "StopAndQuarantineFile"}
	for _, spec := range machine.Catalogue() {
		list = append(list, string(spec.Type))
	}
	return list
}

// Strange says that a fact is not known to be value, and what was probably meant; empty if it is, or may be.
func (v Values) Strange(value string) (hint string) {
	if value == "" || slices.Contains(v.values, value) || v.open && len(spelling.Nearest(value, v.values)) == 0 {
		return ""
	}
	return spelling.Suggest(value, v.values)
}

// StrangePattern is strange for a pattern: it has to fit a known value.
func (v Values) StrangePattern(pattern string) (hint string) {
	fits := func(p string) bool {
		return slices.ContainsFunc(v.values, func(value string) bool { return spelling.Glob(p, value) })
	}
	if fits(pattern) {
		return ""
	}
	if squeezed := strings.Join(strings.Fields(pattern), ""); fits(squeezed) {
		return fmt.Sprintf("did you mean %s? known: %s", squeezed, strings.Join(v.values, ", "))
	}
	return v.Strange(strings.Trim(pattern, "*?"))
}

// Severities are the severities that have an order, the highest first.
func Severities() []string {
	return []string{string(alert.High), string(alert.Medium), string(alert.Low), string(alert.Informational)}
}
