package facts

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cordon/handler/alert"
	"cordon/handler/machine"
	"cordon/handler/playbook/spelling"
)

// Values is what a fact is known to be, besides empty.
type Values struct {
	All  []string
	open bool // the vendor may add to them: only what looks like one and is none is taken for a mistake
	sure bool // there are no others: a condition that asks for one is refused
}

// Known are the values that a fact is known to have ("Alert", "Machine" and "MachineAction resource type" pages); false
// for a fact that may hold anything.
func Known(fact string) (Values, bool) {
	v, known := known()[fact]
	return v, known
}

// known has the values of facts by their names. It is made once: every comparison of a condition is held against it.
var known = sync.OnceValue(func() map[string]Values {
	open := func(values ...string) Values {
		return Values{All: values, open: true}
	}
	usual := func(values ...string) Values { return Values{All: values} }
	sure := func(values ...string) Values {
		return Values{All: values, sure: true}
	}
	return map[string]Values{
		"alert.severity": sure(append(Severities(), string(alert.UnSpecified))...),
		"alert.status": sure(string(alert.StatusNew), string(alert.StatusInProgress), string(alert.StatusResolved),
			string(alert.StatusUnknown)),
		"hunt.severity": sure(Severities()...),

		"alert.classification": usual(Classifications()...),
		"alert.determination":  usual(Determinations("")...),
		"alert.category": open("General", "CommandAndControl", "Collection", "CredentialAccess", "DefenseEvasion",
			"Discovery", "Exfiltration", "Exploit", "Execution", "InitialAccess", "LateralMovement", "Malware",
			"Persistence", "PrivilegeEscalation", "Ransomware", "SuspiciousActivity", "UnwantedSoftware", "Impact"),
		"alert.detectionSource": open("WindowsDefenderAtp", "WindowsDefenderAv", "WindowsDefenderSmartScreen",
			"CustomerTI", "CustomDetection", "AutomatedInvestigation", "MTP", "OfficeATP", "AzureATP", "ThreatExperts"),
		ServiceSource: open(alert.ForEndpoint, "microsoftDefenderForIdentity", "microsoftDefenderForCloudApps",
			"microsoftDefenderForOffice365", "microsoft365Defender", "azureAdIdentityProtection",
			"microsoftAppGovernance", "dataLossPrevention", "microsoftDefenderForCloud", "microsoftSentinel",
			"microsoftInsiderRiskManagement", "microsoftThreatIntelligence"),
		"alert.evidence[].entityType":      open("User", "Process", "File", "Ip", "Url", "Registry"),
		"alert.evidence[].detectionStatus": open("Detected", "Blocked", "Prevented"),

		// Linux reports the name of its distribution.
		"machine.osPlatform": open("Windows11", "Windows10", "Windows10WVD", "Windows8", "Windows7",
			"WindowsServer2025", "WindowsServer2022", "WindowsServer2019", "WindowsServer2016", "WindowsServer2012R2",
			"WindowsServer2012", "WindowsServer2008R2", "macOS", "Linux", "Ubuntu", "RedHatEnterpriseLinux", "Debian",
			"CentOS", "iOS", "Android", "ESXi", "Unknown"),
		"machine.osArchitecture": usual("32-bit", "64-bit"),
		"machine.healthStatus": usual("Active", "Inactive", "ImpairedCommunication", "NoSensorData",
			"NoSensorDataImpairedCommunication", "Unknown"),
		"machine.onboardingStatus": usual("Onboarded", "CanBeOnboarded", "Unsupported", "InsufficientInfo"),
		"machine.riskScore":        usual("None", "Informational", "Low", "Medium", "High"),
		"machine.exposureLevel":    usual("None", "Low", "Medium", "High"),
		"machine.deviceValue":      usual("Low", "Normal", "High"),

		"machine.openActions[].type":   usual(actionTypes()...),
		"machine.openActions[].status": usual(string(machine.Pending), string(machine.InProgress)),
		"machine.openActions[].scope": usual(string(machine.Full), string(machine.Selective),
			string(machine.UnManagedDevice), string(machine.Quick)),
		"machine.openActions[].requestSource": usual("Portal", "PublicApi"),
	}
})

// Severities are the severities that have an order, the highest first.
func Severities() []string {
	return []string{string(alert.High), string(alert.Medium), string(alert.Low), string(alert.Informational)}
}

func actionTypes() []string {
	list := []string{"Offboard", "LiveResponse", "StopAndQuarantineFile"}
	for _, spec := range machine.Catalogue() {
		list = append(list, string(spec.Type))
	}
	return list
}

// OfRail is the fact that a list of protect or only is about; empty for lists of names that people choose.
func OfRail(list string) string {
	switch list {
	case "os":
		return "machine.osPlatform"
	case "onboarding":
		return "machine.onboardingStatus"
	case "deviceValue":
		return "machine.deviceValue"
	}
	return ""
}

// Never says that a fact never is value, and what was probably meant; empty if it is, or may be.
func (v Values) Never(value string) (hint string) {
	if !v.sure || slices.Contains(v.All, value) {
		return ""
	}
	return spelling.Suggest(value, v.All)
}

// Strange says that a fact is not known to be value, and what was probably meant; empty if it is, or may be.
func (v Values) Strange(value string) (hint string) {
	switch {
	case v.sure, value == "", slices.Contains(v.All, value):
		return ""
	case v.open && len(spelling.Nearest(value, v.All)) == 0:
		return ""
	}
	return spelling.Suggest(value, v.All)
}

// StrangePattern is Strange for a pattern: it has to fit a known value.
func (v Values) StrangePattern(pattern string) (hint string) {
	fits := func(p string) bool {
		return slices.ContainsFunc(v.All, func(value string) bool {
			return spelling.Glob(p, value)
		})
	}
	squeezed := strings.Join(strings.Fields(pattern), "")
	switch {
	case fits(pattern):
		return ""
	case fits(squeezed):
		return fmt.Sprintf("did you mean %s? known: %s", squeezed, strings.Join(v.All, ", "))
	}
	return v.Strange(strings.Trim(pattern, "*?"))
}

// OtherCase is the known value of a fact, such as alert.severity, that a text differs from in the case of letters only;
// empty: there is none, or the API writes the fact either way.
func OtherCase(fact, value string) string {
	v, _ := Known(fact)
	if fact == "machine.onboardingStatus" {
		return ""
	}
	for _, one := range v.All {
		if value != one && strings.EqualFold(value, one) {
			return one
		}
	}
	return ""
}
