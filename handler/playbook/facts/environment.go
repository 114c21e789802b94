package facts

import (
	"maps"
	"reflect"
	"strings"
	"time"
)

// Fact is one thing that a condition can read.
type Fact struct {
	Name    string // as a condition writes it; of an entry of a list: alert.evidence[].fileName
	Type    string // text, number, true/false, time, duration, list of texts, list
	Meaning string
}

// Environment is everything that a condition can read, in the order of the types. The language's page has it as a
// table.
func Environment() []Fact {
	var all []Fact
	meanings := meanings()
	for _, part := range parts() {
		for _, f := range reflect.VisibleFields(part.of) {
			tag := f.Tag.Get("expr")
			if tag == "" {
				continue
			}
			name := strings.TrimPrefix(part.name+"."+tag, ".")
			all = append(all, Fact{
				Name:    name,
				Type:    typeName(f.Type),
				Meaning: meanings[name],
			})
		}
	}
	return all
}

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[[]string]():
		return "list of texts"
	case reflect.TypeFor[map[string]string]():
		return "texts by name"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int64:
		return "number"
	case reflect.Bool:
		return "true/false"
	case reflect.Slice:
		return "list"
	}
	return "fields"
}

// meanings says what facts mean, by their names; an empty meaning is one that the name says. The names are the API's.
func meanings() map[string]string {
	all := map[string]string{}
	for _, some := range []map[string]string{ofTheWhole(), ofAlerts(), ofEvidence(), ofMachines()} {
		maps.Copy(all, some)
	}
	return all
}

func ofTheWhole() map[string]string {
	return map[string]string{
		"alert":   "the alert",
		"machine": "the machine that the alert names; nil when it names none. No answer when it could not be read",
		"now":     "the time of the decision, UTC",
		"alertsOnMachine": "how many other alerts Cordon saw on the machine in the 24 hours before, at most 1000; 0 " +
			"for an alert without a machine. Costs a look into the ledger",
		"alertsInIncident": "how many other alerts Cordon saw of the incident, at most 1000; 0 for an alert of no " +
			"incident. Costs a look into the ledger",
		"hunt":          "the hunt, in rules with `on: hunt`",
		"hunt.name":     "",
		"hunt.severity": "of its findings: High, Medium, Low, Informational",
		"hunt.row": "the row that was found, every column a text: `hunt.row.FileName`; empty for null and for " +
			"a column that is not there",
	}
}

func ofAlerts() map[string]string {
	return map[string]string{
		"alert.id":              "",
		"alert.incidentId":      "0: not part of an incident",
		"alert.title":           "written by the detection, may hold an attacker's text",
		"alert.description":     "",
		"alert.category":        "Malware, Execution, Ransomware, LateralMovement, …",
		"alert.severity":        "High, Medium, Low, Informational, UnSpecified",
		"alert.status":          "New, InProgress, Resolved, Unknown",
		"alert.classification":  "TruePositive, InformationalExpectedActivity, FalsePositive; empty: none yet",
		"alert.determination":   "Malware, Phishing, Clean, …; empty: none yet",
		"alert.detectionSource": "WindowsDefenderAtp, WindowsDefenderAv, CustomDetection, MTP, …",
		ServiceSource: "the product whose alert it is: microsoftDefenderForEndpoint, or another one where alerts " +
			"are read from Microsoft Graph. Only a rule that reads it is asked about alerts of other products",
		"alert.detectorId":        "",
		"alert.threatFamilyName":  "",
		"alert.threatName":        "",
		"alert.machineId":         "40 hexadecimal digits; empty: the alert names no machine",
		"alert.computerDnsName":   "the machine's name as the alert has it",
		"alert.rbacGroupName":     "the machine's group as the alert has it",
		"alert.mitreTechniques":   "T1059, T1059.001, …",
		"alert.relatedUser":       "the account that the alert is about",
		"alert.evidence":          "files, processes, addresses, accounts, …",
		"alert.alertCreationTime": "",
		"alert.firstEventTime":    "",
		"alert.lastEventTime":     "",
		"alert.lastUpdateTime":    "",
		"alert.resolvedTime":      "`.IsZero()`: not resolved",

		"alert.relatedUser.userName":   "",
		"alert.relatedUser.domainName": "",
	}
}

func ofEvidence() map[string]string {
	return map[string]string{
		"alert.evidence[].entityType": "File, Process, User, Ip, Url, Registry, …; it says which of the others " +
			"are set",
		"alert.evidence[].sha1":                  "",
		"alert.evidence[].sha256":                "",
		"alert.evidence[].fileName":              "",
		"alert.evidence[].filePath":              "the folder, without the file's name",
		"alert.evidence[].processId":             "",
		"alert.evidence[].processCommandLine":    "",
		"alert.evidence[].parentProcessId":       "",
		"alert.evidence[].parentProcessFileName": "",
		"alert.evidence[].parentProcessFilePath": "",
		"alert.evidence[].ipAddress":             "",
		"alert.evidence[].url":                   "",
		"alert.evidence[].registryKey":           "",
		"alert.evidence[].registryHive":          "",
		"alert.evidence[].registryValueType":     "",
		"alert.evidence[].registryValue":         "",
		"alert.evidence[].accountName":           "",
		"alert.evidence[].domainName":            "",
		"alert.evidence[].userSid":               "",
		"alert.evidence[].aadUserId":             "",
		"alert.evidence[].userPrincipalName":     "",
		"alert.evidence[].detectionStatus":       "Detected, Blocked, Prevented, …",
	}
}

func ofMachines() map[string]string {
	return map[string]string{
		"machine.id":                    "40 hexadecimal digits",
		"machine.computerDnsName":       "the full DNS name",
		"machine.osPlatform":            "Windows10, Windows11, WindowsServer2022, Linux, macOS, …",
		"machine.osArchitecture":        "32-bit, 64-bit",
		"machine.version":               "23H2, 1809, …",
		"machine.osBuild":               "22631, …; 0: not given",
		"machine.healthStatus":          "Active, Inactive, ImpairedCommunication, NoSensorData, …",
		"machine.onboardingStatus":      "Onboarded, …",
		"machine.riskScore":             "None, Informational, Low, Medium, High",
		"machine.exposureLevel":         "None, Low, Medium, High",
		"machine.deviceValue":           "Low, Normal, High",
		"machine.rbacGroupName":         "the device group",
		"machine.machineTags":           "",
		"machine.aadDeviceId":           "",
		"machine.lastIpAddress":         "",
		"machine.lastExternalIpAddress": "",
		"machine.firstSeen":             "",
		"machine.lastSeen":              "the last full report, about daily",
		"machine.lastSeenAge":           "how long ago that was",
		"machine.isolated": "whether it is isolated, by whomever; what this run asked for does not count. Costs a " +
			"call",
		"machine.isolatedBy": "who asked for the isolation: cordon, person, automatic (attack disruption), unknown " +
			"(another application, or nobody can tell); empty: not isolated. As `machine.isolated`",
		"machine.openActions": "its actions that are not final, at most half a minute old, without those of this " +
			"run. Costs a call that decisions share",

		"machine.openActions[].type": "Isolate, Unisolate, RunAntiVirusScan, CollectInvestigationPackage, " +
			"LiveResponse, …",
		"machine.openActions[].status":              "Pending, InProgress",
		"machine.openActions[].scope":               "Full, Selective, Quick; may be empty",
		"machine.openActions[].requestor":           "an account, an application's name or its id",
		"machine.openActions[].requestSource":       "Portal, PublicApi",
		"machine.openActions[].creationDateTimeUtc": "",
	}
}
